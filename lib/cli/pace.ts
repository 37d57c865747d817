/**
 * So many messages in a second: `pub --rate`.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";

/** What was not sent for so long is not made up for. */
const MAX_LAG_MS = 100;

/** Lets messages go when they are due. */
export class Pace {
  readonly #intervalMs: number;
  #nextAt = performance.now();

  /**
   * Creates a pace.
   *
   * @param perSecond How many messages may go in a second.
   */
  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond;
  }

  /**
   * Waits until a message may go.
   *
   * @param wanted How many there are.
   * @returns How many of them may go now, one at least.
   */
  async take(wanted: number): Promise<number> {
    let now = performance.now();
    this.#nextAt = Math.max(this.#nextAt, now - MAX_LAG_MS);
    while (now < this.#nextAt) {
      await delay(this.#nextAt - now);
      now = performance.now();
    }
    const due = 1 + Math.floor((now - this.#nextAt) / this.#intervalMs);
    const count = Math.min(wanted, due);
    this.#nextAt += count * this.#intervalMs;
    return count;
  }
}
