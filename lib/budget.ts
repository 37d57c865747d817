/**
 * How many messages a subscriber still wants, of all its addresses together.
 *
 * @module
 */
import type { Message } from "./message.ts";

/** Counts down from a limit. */
export class Budget {
  #left: number;

  /**
   * Creates a budget.
   *
   * @param limit How many messages may be taken in all.
   * @throws {RangeError} If that is no number from 0.
   */
  constructor(limit: number) {
    if (!(limit >= 0)) {
      throw new RangeError(
        `Cannot limit the messages to ${limit}: it is not a number from 0`,
      );
    }
    this.#left = Math.floor(limit);
  }

  /** How many more may be taken. */
  get left(): number {
    return this.#left;
  }

  /**
   * Takes as many messages as may be taken.
   *
   * @param messages The messages, in order.
   * @returns The first ones; all, if they are not too many.
   */
  take(messages: Message[]): Message[] {
    const taken = messages.length > this.#left
      ? messages.slice(0, this.#left)
      : messages;
    this.#left -= taken.length;
    return taken;
  }
}
