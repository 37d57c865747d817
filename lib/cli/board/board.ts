/**
 * Everything known about each topic: the table behind both dashboards.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { matchesTopic } from "../../topic.ts";
import { type Alarm, holds } from "../alarm.ts";
import { readNumber } from "./reading.ts";

/** Length of the history in seconds; a topic silent for longer is stale. */
export const HISTORY_SECONDS = 60;

/** The rate is an average over this many seconds. */
const RATE_SECONDS = 10;

/** The most topics listed; messages of further topics are only counted. */
const MAX_TOPICS = 10_000;

/** How much of a message the board keeps, in characters. */
export const MAX_TEXT = 1000;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A second, counted from 1970, and the mean of the numbers in it. */
export type Point = [second: number, mean: number];

/** Everything known about a topic. */
export interface Row {
  topic: string;
  /** The last message, or its first 1000 characters. */
  text: string;
  /** The length of the last message in bytes. */
  length: number;
  /** Whether the last message is a retained one, older than our start. */
  retained: boolean;
  /** When it arrived, in milliseconds since 1970. */
  at: number;
  /** Its number, counted over the messages of all topics. */
  sequence: number;
  /** The number in the last message; null if there is no number in it. */
  value: number | null;
  /** The unit of the last number; empty if it has none. */
  unit: string;
  /** The smallest, mean and largest number so far; null before the first. */
  min: number | null;
  mean: number | null;
  max: number | null;
  /** The number of messages so far. */
  count: number;
  /** Messages a second, over the last ten. */
  rate: number;
  /** Whether the last number raises an alarm. */
  alarm: boolean;
}

/** The counts of one topic in one second. */
interface Second {
  second: number;
  messages: number;
  numbers: number;
  sum: number;
}

/** Counts the messages of one topic. */
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
  /** A ring buffer: second S is at index S modulo its length. */
  readonly #seconds: Second[] = [];

  constructor(topic: string, alarms: Alarm[], at: number) {
    this.topic = topic;
    this.#alarms = alarms.filter(({ filter }) => matchesTopic(filter, topic));
    this.#firstSecond = secondOf(at);
    this.#last = { text: "", length: 0, retained: false, at, sequence: 0 };
  }

  add(message: Message, text: string, at: number, sequence: number): void {
    const { length, retained } = message;
    // A truncated number is not a number.
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

  /** Whole seconds only: the current one, just begun, would lower the rate. */
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
 * @returns Its text; if the message is longer than {@linkcode MAX_TEXT}
 * characters, one character more than that.
 */
export function beginning(message: Message): string {
  // A character has at most four bytes.
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
   * @param alarms The rules that raise an alarm.
   */
  constructor(alarms: Alarm[] = []) {
    this.#alarms = alarms;
  }

  /** The number of messages so far. */
  get total(): number {
    return this.#total;
  }

  /** How many of them belong to topics that the table had no room for. */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** How many messages were lost because we did not read them in time. */
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
   * Lists all topics.
   *
   * @param now The time, in milliseconds since 1970.
   * @returns All topics, in the order of their first messages.
   */
  rows(now: number): Row[] {
    return Array.from(this.#topics.values(), (topic) => topic.row(now));
  }

  /**
   * Returns the numbers of the last minute.
   *
   * @param topic The topic.
   * @param now The time, in milliseconds since 1970.
   * @param since The first second to return, for less than the whole minute.
   * @returns The seconds in which a number arrived.
   */
  history(topic: string, now: number, since = 0): Point[] {
    return this.#topics.get(topic)?.history(now, since) ?? [];
  }
}
