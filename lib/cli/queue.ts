/**
 * What a bridge has taken and not yet passed on.
 *
 * @module
 */
import { inWords } from "../errors.ts";
import type { Message } from "../message.ts";

/** What a message takes while it waits, beside its own bytes. */
const OVERHEAD_BYTES = 200;

/** How long an end waits for what is under way, in milliseconds. */
const GRACE_MS = 2000;

/** A bounded queue: what has no room is counted, and reported. */
export class Queue {
  readonly #maxBytes: number;
  readonly #say: (text: string) => void;
  /** What waits, in order, each until it is sent. */
  readonly #waiting = new Map<Message, Promise<unknown>>();
  #bytes = 0;
  #dropped = 0;
  #failed = 0;

  /**
   * Creates an empty queue.
   *
   * @param maxBytes How much may wait.
   * @param say Reports what is dropped.
   */
  constructor(maxBytes: number, say: (text: string) => void) {
    this.#maxBytes = maxBytes;
    this.#say = say;
  }

  /** Whether there is no room for a message. */
  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  /** Waits until something that waits is through. */
  async moved(): Promise<void> {
    await Promise.race(this.#waiting.values());
  }

  /**
   * Sends a message when it can be, if it has room until then.
   *
   * @param message The message.
   * @param send Sends it, in the order of the calls.
   */
  add(message: Message, send: () => Promise<unknown>): void {
    if (this.isFull) {
      if (this.#dropped++ === 0) {
        this.#say(`dropping messages: ${this.#maxBytes} bytes wait already`);
      }
      return;
    }
    this.#reportDropped();
    const bytes = message.length + OVERHEAD_BYTES;
    this.#bytes += bytes;
    const sent = send().catch((error) => this.#fail(error)).finally(() => {
      this.#bytes -= bytes;
      this.#waiting.delete(message);
    });
    this.#waiting.set(message, sent);
  }

  /**
   * Waits a little for what still waits, and gives up the rest.
   *
   * @param giveUp Makes what waits fail.
   * @returns What was not sent, in order.
   */
  async finish(giveUp: () => void): Promise<Message[]> {
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, GRACE_MS);
    const all = () => Promise.all(this.#waiting.values());
    await Promise.race([all(), grace.promise]);
    clearTimeout(timer);
    const unsent = [...this.#waiting.keys()];
    giveUp();
    this.#failed = Infinity;
    await all();
    this.#reportDropped();
    return unsent;
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    this.#say(`${count(this.#dropped)} dropped in all that time`);
    this.#dropped = 0;
  }

  /** Says why the first one failed; the next ones fail alike. */
  #fail(error: unknown): void {
    if (this.#failed++ === 0) this.#say(inWords(error));
  }
}

/** So many messages, in words. */
export function count(messages: number): string {
  return messages === 1 ? "1 message" : `${messages} messages`;
}
