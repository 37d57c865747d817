/**
 * How many messages a subscriber wants, over all its addresses.
 *
 * @module
 */
import type { WireMessage } from "../wire/message.ts";

/** Counts how many messages it may take: in total, and for the current read. */
export class Demand {
  #left: number;
  #wanted = Infinity;
  /** Resolved at a change, if somebody waits for one. */
  #changed: PromiseWithResolvers<void> | undefined;

  /**
   * Creates a demand.
   *
   * @param limit How many messages may be taken in total.
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
   * Sets how many messages are wanted now.
   *
   * @param count How many; Infinity for all.
   */
  want(count: number): void {
    this.#wanted = count;
    if (this.now > 0) this.notify();
  }

  /** Makes callers that wait for a change look again. */
  notify(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  /** Settles when more is wanted, or it is time to look again. */
  get changed(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  /**
   * Takes as many messages as allowed.
   *
   * @param messages The messages, in order.
   * @param most How many may be taken now.
   * @returns The first messages, or all if there are not too many.
   */
  take(messages: WireMessage[], most: number = this.now): WireMessage[] {
    const taken = messages.length > most ? messages.slice(0, most) : messages;
    this.#left -= taken.length;
    this.#wanted -= taken.length;
    return taken;
  }

  /**
   * Corrects the count for records that were taken but are not messages.
   *
   * @param count How many records turned out not to be messages.
   */
  untake(count: number): void {
    this.#left += count;
    this.#wanted += count;
  }

  /**
   * Takes messages that nobody else gets, whether they are wanted now or later.
   *
   * @param messages The messages, in order.
   * @returns The first messages, or all if they are within the limit.
   */
  takeOwn(messages: WireMessage[]): WireMessage[] {
    const wanted = this.#wanted;
    const taken = this.take(messages, this.#left);
    this.#wanted = wanted;
    return taken;
  }
}
