/**
 * What is known of each topic: the table behind both dashboards.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { matchesTopic } from "../../topic.ts";
import { type Alarm, holds } from "../alarm.ts";
import { readNumber } from "./reading.ts";

/** How far back history goes, in seconds; a topic that is silent is stale. */
export const HISTORY_SECONDS = 60;

/** How many seconds the rate is taken over. */
const RATE_SECONDS = 10;

/** How many topics there can be; what comes after them is only counted. */
const MAX_TOPICS = 10_000;

/** How much of a message is kept, in characters. */
export const MAX_TEXT = 1000;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A second, counted from 1970, and the mean of what was measured in it. */
export type Point = [second: number, mean: number];

/** What is known of a topic. */
export interface Row {
  topic: string;
  /** The last message, or its first 1000 characters. */
  text: string;
  /** The length of the last message in bytes. */
  length: number;
  /** The last message is kept since before we were there. */
  retained: boolean;
  /** When it arrived, in milliseconds since 1970. */
  at: number;
  /** Its number, all messages counted. */
  sequence: number;
  /** The number in the last message; null if it is none. */
  value: number | null;
  /** The unit of the last number; empty if it has none. */
  unit: string;
  /** The least, mean and largest number so far; null if there was none. */
  min: number | null;
  mean: number | null;
  max: number | null;
  /** How many messages so far. */
  count: number;
  /** Messages a second, over the last ten. */
  rate: number;
  /** An alarm holds for the last number. */
  alarm: boolean;
}

/** A second of a topic. */
interface Second {
  second: number;
  messages: number;
  numbers: number;
  sum: number;
}

/** A topic, as it is counted. */
class Topic {
  readonly topic: string;
  readonly #alarms: Alarm[];
  readonly #firstSecond: number;
  #last: Pick<Row, "text" | "length" | "retained" | "at" | "sequence">;
  #value: number | null = null;
  #unit = "";
  #count = 0;
  #numbers = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;
  /** A ring: the second S is at S modulo its length. */
  readonly #seconds: Second[] = [];

  constructor(topic: string, alarms: Alarm[], at: number) {
    this.topic = topic;
    this.#alarms = alarms.filter(({ filter }) => matchesTopic(filter, topic));
    this.#firstSecond = secondOf(at);
    this.#last = { text: "", length: 0, retained: false, at, sequence: 0 };
  }

  add(message: Message, text: string, at: number, sequence: number): void {
    const { length, retained } = message;
    // A part of a number is none.
    const reading = text.length > MAX_TEXT ? undefined : readNumber(text);
    this.#last = {
      text: text.slice(0, MAX_TEXT),
      length,
      retained,
      at,
      sequence,
    };
    this.#value = reading?.value ?? null;
    this.#count++;
    const second = this.#secondOf(at);
    second.messages++;
    if (!reading) return;
    this.#unit = reading.unit;
    this.#numbers++;
    this.#sum += reading.value;
    this.#min = Math.min(this.#min, reading.value);
    this.#max = Math.max(this.#max, reading.value);
    second.numbers++;
    second.sum += reading.value;
  }

  row(now: number): Row {
    const value = this.#value;
    const numbers = this.#numbers > 0;
    return {
      topic: this.topic,
      ...this.#last,
      value,
      unit: this.#unit,
      min: numbers ? this.#min : null,
      mean: numbers ? this.#sum / this.#numbers : null,
      max: numbers ? this.#max : null,
      count: this.#count,
      rate: this.#rate(now),
      alarm: value !== null && this.#alarms.some((it) => holds(it, value)),
    };
  }

  history(now: number, since: number): Point[] {
    const first = Math.max(since, secondOf(now) - HISTORY_SECONDS + 1);
    return this.#seconds
      .filter((it) => it && it.second >= first && it.numbers > 0)
      .sort((a, b) => a.second - b.second)
      .map(({ second, sum, numbers }) => [second, sum / numbers]);
  }

  #secondOf(at: number): Second {
    const second = secondOf(at);
    const index = second % HISTORY_SECONDS;
    const found = this.#seconds[index];
    if (found?.second === second) return found;
    return this.#seconds[index] = { second, messages: 0, numbers: 0, sum: 0 };
  }

  /** Of whole seconds: the one that has just begun would pull it down. */
  #rate(now: number): number {
    const current = secondOf(now);
    const seconds = Math.min(RATE_SECONDS, current - this.#firstSecond);
    let messages = 0;
    for (let second = current - seconds; second < current; second++) {
      const it = this.#seconds[second % HISTORY_SECONDS];
      if (it?.second === second) messages += it.messages;
    }
    return messages / Math.max(1, seconds);
  }
}

function secondOf(at: number): number {
  return Math.floor(at / 1000);
}

/**
 * Reads the beginning of a message.
 *
 * @param message The message.
 * @returns Its text; one character more than {@linkcode MAX_TEXT} if there is
 * more of it.
 */
export function beginning(message: Message): string {
  // Four bytes are the most that a character has.
  const bytes = message.bytes.subarray(0, 4 * (MAX_TEXT + 1));
  return decoder.decode(bytes).slice(0, MAX_TEXT + 1);
}

/** Counts what arrives, topic by topic. */
export class Board {
  readonly #alarms: Alarm[];
  readonly #topics = new Map<string, Topic>();
  #total = 0;
  #unlisted = 0;
  #missed = 0;

  /**
   * Creates an empty board.
   *
   * @param alarms What raises an alarm.
   */
  constructor(alarms: Alarm[] = []) {
    this.#alarms = alarms;
  }

  /** How many messages there were. */
  get total(): number {
    return this.#total;
  }

  /** How many of them were of topics for which there was no room. */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** How many messages did not arrive, as they were not read in time. */
  get missed(): number {
    return this.#missed;
  }

  /**
   * Counts a message.
   *
   * @param message The message.
   * @param text Its {@linkcode beginning}.
   * @param at When it arrived, in milliseconds since 1970.
   */
  add(message: Message, text: string, at: number): void {
    this.#total++;
    this.#missed += message.missed;
    let topic = this.#topics.get(message.topic);
    if (!topic) {
      if (this.#topics.size >= MAX_TOPICS) {
        this.#unlisted++;
        return;
      }
      topic = new Topic(message.topic, this.#alarms, at);
      this.#topics.set(message.topic, topic);
    }
    topic.add(message, text, at, this.#total);
  }

  /**
   * Lists what is known.
   *
   * @param now The time, in milliseconds since 1970.
   * @returns All topics, in the order in which they were first heard of.
   */
  rows(now: number): Row[] {
    return Array.from(this.#topics.values(), (topic) => topic.row(now));
  }

  /**
   * Tells what was measured in the last minute.
   *
   * @param topic Of which topic.
   * @param now The time, in milliseconds since 1970.
   * @param since The second from which on, if the minute is too much.
   * @returns The seconds that have a number.
   */
  history(topic: string, now: number, since = 0): Point[] {
    return this.#topics.get(topic)?.history(now, since) ?? [];
  }
}
