/**
 * What is known of each topic: the table behind both dashboards.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { matchesTopic } from "../../topic.ts";
import { type Alarm, holds } from "./alarm.ts";
import { readNumber } from "./reading.ts";

/** How far back history goes, in seconds; a topic that is silent is stale. */
export const HISTORY_SECONDS = 60;

/** How many seconds the rate is taken over. */
const RATE_SECONDS = 10;

/** How many topics there can be; what comes after them is only counted. */
const MAX_TOPICS = 10_000;

/** How much of a message is shown, in characters. */
const MAX_TEXT = 1000;

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
  /** The numbers of the last minute, a second each; seconds without are left out. */
  history: Point[];
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
  #last: Pick<Row, "text" | "length" | "retained" | "at" | "value">;
  #unit = "";
  #count = 0;
  #numbers = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;
  /** A ring: the second S is at S modulo its length. */
  readonly #seconds: Second[] = [];

  constructor(topic: string, alarms: Alarm[]) {
    this.topic = topic;
    this.#alarms = alarms.filter(({ filter }) => matchesTopic(filter, topic));
    this.#last = { text: "", length: 0, retained: false, at: 0, value: null };
  }

  add(message: Message, at: number): void {
    const { length, retained } = message;
    const { text, reading } = read(message);
    const value = reading?.value ?? null;
    this.#last = { text, length, retained, at, value };
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
    const { value } = this.#last;
    const numbers = this.#numbers > 0;
    return {
      topic: this.topic,
      ...this.#last,
      unit: this.#unit,
      min: numbers ? this.#min : null,
      mean: numbers ? this.#sum / this.#numbers : null,
      max: numbers ? this.#max : null,
      count: this.#count,
      rate: this.#rate(now),
      alarm: value !== null && this.#alarms.some((it) => holds(it, value)),
      history: this.#history(now),
    };
  }

  #secondOf(at: number): Second {
    const second = Math.floor(at / 1000);
    const index = second % HISTORY_SECONDS;
    const found = this.#seconds[index];
    if (found?.second === second) return found;
    return this.#seconds[index] = { second, messages: 0, numbers: 0, sum: 0 };
  }

  /** Of whole seconds: the one that has just begun would pull it down. */
  #rate(now: number): number {
    const current = Math.floor(now / 1000);
    let messages = 0;
    for (const it of this.#seconds) {
      if (!it || it.second >= current) continue;
      if (it.second >= current - RATE_SECONDS) messages += it.messages;
    }
    return messages / RATE_SECONDS;
  }

  #history(now: number): Point[] {
    const first = Math.floor(now / 1000) - HISTORY_SECONDS + 1;
    return this.#seconds
      .filter((it) => it && it.second >= first && it.numbers > 0)
      .sort((a, b) => a.second - b.second)
      .map(({ second, sum, numbers }) => [second, sum / numbers]);
  }
}

function read(message: Message) {
  // Four bytes are the most that a character has.
  const bytes = message.bytes.subarray(0, 4 * MAX_TEXT);
  const text = new TextDecoder().decode(bytes);
  const reading = bytes.length < message.length ? undefined : readNumber(text);
  return { text: text.slice(0, MAX_TEXT), reading };
}

/** Counts what arrives, topic by topic. */
export class Board {
  readonly #alarms: Alarm[];
  readonly #topics = new Map<string, Topic>();
  #total = 0;
  #unlisted = 0;

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

  /**
   * Counts messages.
   *
   * @param messages The messages.
   * @param at When they arrived, in milliseconds since 1970.
   */
  add(messages: Message[], at: number = Date.now()): void {
    for (const message of messages) {
      this.#total++;
      let topic = this.#topics.get(message.topic);
      if (!topic) {
        if (this.#topics.size >= MAX_TOPICS) {
          this.#unlisted++;
          continue;
        }
        topic = new Topic(message.topic, this.#alarms);
        this.#topics.set(message.topic, topic);
      }
      topic.add(message, at);
    }
  }

  /**
   * Tells what is known of a topic.
   *
   * @param topic Which.
   * @param now The time, in milliseconds since 1970.
   * @returns That; undefined if nothing is.
   */
  row(topic: string, now: number = Date.now()): Row | undefined {
    return this.#topics.get(topic)?.row(now);
  }

  /**
   * Lists what is known.
   *
   * @param now The time, in milliseconds since 1970.
   * @returns All topics, in the order in which they were first heard of.
   */
  rows(now: number = Date.now()): Row[] {
    return [...this.#topics.values()].map((topic) => topic.row(now));
  }
}
