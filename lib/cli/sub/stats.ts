/**
 * Counts messages and bytes on standard error: `sub --stats`.
 *
 * @module
 */
import { format as formatBytes } from "jsr:@std/fmt@1.0.10/bytes";
import type { Message } from "../../message.ts";
import { count } from "../program.ts";
import { TopicCounts } from "./topic_counts.ts";

const PERIOD_MS = 1000;

/** How many topics the report at the end has. */
const MAX_TOPICS = 10;

/** Reports once a second what has arrived, and the total at the end. */
export class Stats implements Disposable {
  readonly #say: (line: string) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #startedAt = performance.now();
  readonly #topics = new TopicCounts(this.#startedAt);
  readonly #total = { messages: 0, bytes: 0 };
  #last = { messages: 0, bytes: 0, at: performance.now() };

  /**
   * Starts to count.
   *
   * @param say Prints a line.
   */
  constructor(say: (line: string) => void) {
    this.#say = say;
    this.#timer = setInterval(() => this.#report(), PERIOD_MS);
  }

  /**
   * Counts messages.
   *
   * @param messages The messages.
   */
  add(messages: Message[]): void {
    this.#total.messages += messages.length;
    for (const { length } of messages) this.#total.bytes += length;
    this.#topics.add(messages, performance.now());
  }

  #report(): void {
    const at = performance.now();
    const seconds = (at - this.#last.at) / 1000;
    const messages = this.#total.messages - this.#last.messages;
    const bytes = this.#total.bytes - this.#last.bytes;
    this.#last = { ...this.#total, at };
    this.#say(rates(messages, bytes, seconds));
  }

  /** Reports the topics with the most messages, if there are several. */
  #reportTopics(): void {
    const topics = this.#topics.list(performance.now())
      .sort((a, b) => b.messages - a.messages);
    if (topics.length < 2) return;
    for (const it of topics.slice(0, MAX_TOPICS)) {
      const { topic, messages, rate, bytesPerSecond } = it;
      this.#say(`${topic}: ${count(messages)}, ${speed(rate, bytesPerSecond)}`);
    }
    const others = topics.length - MAX_TOPICS;
    if (others > 0) this.#say(`and ${others} more, see --topics`);
  }

  /** Stops counting, and reports the topics and the total. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#reportTopics();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const { messages, bytes } = this.#total;
    this.#say(
      `${count(messages)}, ${formatBytes(bytes)} in ` +
        `${seconds.toFixed(1)} s: ${rates(messages, bytes, seconds)}`,
    );
  }
}

function rates(messages: number, bytes: number, seconds: number): string {
  return speed(messages / seconds, bytes / seconds);
}

function speed(rate: number, bytesPerSecond: number): string {
  return `${Math.round(rate)} messages/s, ${formatBytes(bytesPerSecond)}/s`;
}
