/**
 * How many messages a subscriber wants, of all its addresses together.
 *
 * @module
 */
import type { WireMessage } from "../wire/message.ts";

/** Counts what may be taken: by the limit in all, and by the current read. */
export class Demand {
  #left: number;
  #wanted = Infinity;
  #changed = Promise.withResolvers<void>();

  /**
   * Creates a demand.
   *
   * @param limit How many messages may be taken in all.
   */
  constructor(limit: number) {
    this.#left = Math.floor(limit);
  }

  /** Whether there is a limit. */
  get isLimited(): boolean {
    return this.#left < Infinity;
  }

  /** Whether the limit is reached. */
  get isOver(): boolean {
    return this.#left === 0;
  }

  /** How many messages may be taken now. */
  get now(): number {
    return Math.min(this.#left, this.#wanted);
  }

  /**
   * Says how many messages are wanted now.
   *
   * @param count How many; Infinity for all that there are.
   */
  want(count: number): void {
    this.#wanted = count;
    if (this.now > 0) this.notify();
  }

  /** Lets those who wait for a change look again. */
  notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Settles when more is wanted, or it is time to look again. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /**
   * Takes as many messages as may be taken.
   *
   * @param messages The messages, in order.
   * @param most How many may be taken now.
   * @returns The first ones; all, if they are not too many.
   */
  take(messages: WireMessage[], most: number = this.now): WireMessage[] {
    const taken = messages.length > most ? messages.slice(0, most) : messages;
    this.#left -= taken.length;
    this.#wanted -= taken.length;
    return taken;
  }

  /**
   * Takes back what it was wrongly taken for.
   *
   * @param count How many messages turned out to be none.
   */
  untake(count: number): void {
    this.#left += count;
    this.#wanted += count;
  }

  /**
   * Takes messages that nobody else is given, whether they are wanted now or
   * later.
   *
   * @param messages The messages, in order.
   * @returns The first ones; all, if they are within the limit.
   */
  takeOwn(messages: WireMessage[]): WireMessage[] {
    const wanted = this.#wanted;
    const taken = this.take(messages, this.#left);
    this.#wanted = wanted;
    return taken;
  }
}
