/**
 * Counts messages topic by topic: `sub --topics` and `--stats`.
 *
 * @module
 */
import type { Message } from "../../message.ts";

/** What is known about a topic. */
export interface TopicCount {
  topic: string;
  /** How many messages came; last values from before do not count. */
  messages: number;
  /** Messages a second. */
  rate: number;
  /** Bytes a second. */
  bytesPerSecond: number;
  /** The last message or its beginning. */
  value: Uint8Array;
  /** The length of the last message in bytes. */
  length: number;
  /** Whether that is a last value from before we came. */
  retained: boolean;
  /** The time since the last message; undefined if none came. */
  ageMs: number | undefined;
}

/** The beginning of a message has this many bytes. */
const MAX_VALUE_BYTES = 4096;

/** Counts the messages of one topic. */
class Topic {
  messages = 0;
  bytes = 0;
  /** How many messages came together with the first one. */
  firstMessages = 0;
  /** At how many times messages came. */
  arrivals = 0;
  firstAt = 0;
  lastAt = 0;
  value: Uint8Array = new Uint8Array();
  length = 0;
  retained = false;

  add({ length }: Message, at: number): void {
    if (this.arrivals === 0) this.firstAt = at;
    if (this.arrivals === 0 || this.lastAt !== at) this.arrivals++;
    if (this.firstAt === at) this.firstMessages++;
    this.messages++;
    this.bytes += length;
    this.lastAt = at;
  }

  /**
   * Between the first arrival and the last, the rate is exact even if the topic
   * has a message a minute. If it has gone silent, the whole time counts.
   */
  rate(startedAt: number, now: number): number {
    const spanMs = this.lastAt - this.firstAt;
    const pauseMs = spanMs / (this.arrivals - 1);
    return now - this.lastAt <= 2 * pauseMs
      ? (this.messages - this.firstMessages) / spanMs * 1000
      : this.messages / (now - startedAt) * 1000;
  }
}

/** Counts messages topic by topic. It has no clock. */
export class TopicCounts {
  readonly #startedAt: number;
  readonly #topics = new Map<string, Topic>();

  /**
   * Starts to count.
   *
   * @param startedAt The time, in milliseconds.
   */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /**
   * Counts messages that have come together.
   *
   * @param messages The messages.
   * @param at When they came, in milliseconds.
   */
  add(messages: Message[], at: number): void {
    const last = new Map<Topic, Message>();
    for (const message of messages) {
      let topic = this.#topics.get(message.topic);
      if (!topic) {
        topic = new Topic();
        this.#topics.set(message.topic, topic);
      }
      last.set(topic, message);
      if (!message.retained) topic.add(message, at);
    }
    // A message itself would keep all that has come with it in memory.
    for (const [topic, { bytes, length, retained }] of last) {
      topic.value = bytes.slice(0, MAX_VALUE_BYTES);
      Object.assign(topic, { length, retained });
    }
  }

  /**
   * Lists the topics.
   *
   * @param now The time, in milliseconds.
   * @returns What is known about each, sorted by topic.
   */
  list(now: number): TopicCount[] {
    const sorted = [...this.#topics].sort(([a], [b]) => a < b ? -1 : 1);
    return sorted.map(([topic, it]) => {
      const { messages, bytes, value, length, retained, lastAt } = it;
      const isSilent = messages === 0;
      const rate = isSilent ? 0 : it.rate(this.#startedAt, now);
      return {
        topic,
        messages,
        rate,
        bytesPerSecond: isSilent ? 0 : rate * bytes / messages,
        value,
        length,
        retained,
        ageMs: isSilent ? undefined : now - lastAt,
      };
    });
  }
}
