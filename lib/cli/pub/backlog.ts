/**
 * Holds the messages that a bridge has taken and not yet passed on.
 *
 * @module
 */
import { inWords } from "../../errors.ts";
import type { Message } from "../../message.ts";
import { count } from "../program.ts";

/** The memory that a waiting message takes besides its own bytes. */
const OVERHEAD_BYTES = 200;

/** How long to wait for messages under way when the program ends. */
const GRACE_MS = 2000;

/** A bounded backlog. It counts and reports messages that have no room. */
export class Backlog {
  readonly #maxBytes: number;
  readonly #say: (text: string) => void;
  /** The waiting messages in order, each until it is sent. */
  readonly #waiting = new Map<Message, Promise<unknown>>();
  #bytes = 0;
  #dropped = 0;
  #failed = 0;

  /**
   * Creates an empty backlog.
   *
   * @param maxBytes How many bytes can wait.
   * @param say Reports dropped messages and failures.
   */
  constructor(maxBytes: number, say: (text: string) => void) {
    this.#maxBytes = maxBytes;
    this.#say = say;
  }

  /** Whether it has no room for a message. */
  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  /** Waits until one of the waiting messages is sent or has failed. */
  async moved(): Promise<void> {
    await Promise.race(this.#waiting.values());
  }

  /**
   * Adds a message, which is sent as soon as possible; without room, drops it.
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
   * Waits a little for the waiting messages, and gives up the rest.
   *
   * @param giveUp Makes the waiting messages fail.
   * @returns The messages that were not sent, in order.
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
    this.#say(`${count(this.#dropped)} dropped: the backlog was full`);
    this.#dropped = 0;
  }

  /** Reports only the first failure; finish() turns even that off. */
  #fail(error: unknown): void {
    if (this.#failed++ === 0) this.#say(inWords(error));
  }
}
