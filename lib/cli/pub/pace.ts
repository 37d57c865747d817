/**
 * When messages go: `pub --rate`, `--repeat` and `--interval`.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";

/** What was not sent for so long is not made up for. */
const MAX_LAG_MS = 100;

/**
 * Does the same again and again.
 *
 * @param times How often.
 * @param intervalMs The pause in between, in milliseconds.
 * @param action What to do.
 */
export async function repeat(
  times: number,
  intervalMs: number,
  action: () => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < times; i++) {
    if (i > 0 && intervalMs > 0) await delay(intervalMs);
    await action();
  }
}

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
