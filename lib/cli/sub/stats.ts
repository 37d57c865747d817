/**
 * Counts messages and bytes on standard error: `sub --stats`.
 *
 * @module
 */
import { format as formatBytes } from "jsr:@std/fmt@1.0.10/bytes";
import type { Message } from "../../message.ts";
import { count } from "../program.ts";

const PERIOD_MS = 1000;

/** Reports once a second what has arrived, and the total at the end. */
export class Stats implements Disposable {
  readonly #say: (line: string) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #startedAt = performance.now();
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
  }

  #report(): void {
    const at = performance.now();
    const seconds = (at - this.#last.at) / 1000;
    const messages = this.#total.messages - this.#last.messages;
    const bytes = this.#total.bytes - this.#last.bytes;
    this.#last = { ...this.#total, at };
    this.#say(rates(messages, bytes, seconds));
  }

  /** Stops counting, and reports the total. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const { messages, bytes } = this.#total;
    this.#say(
      `${count(messages)}, ${formatBytes(bytes)} in ` +
        `${seconds.toFixed(1)} s: ${rates(messages, bytes, seconds)}`,
    );
  }
}

function rates(messages: number, bytes: number, seconds: number): string {
  const perSecond = Math.round(messages / seconds);
  return `${perSecond} messages/s, ${formatBytes(bytes / seconds)}/s`;
}
