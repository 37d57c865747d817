/**
 * Decides when to send messages: `pub --rate`, `--repeat` and `--interval`.
 *
 * @module
 */
import { delay } from "../../delay.ts";

/** After a delay, at most this much time is made up for by a burst. */
const MAX_LAG_MS = 100;

/**
 * Repeats an action.
 *
 * @param times How often to do it.
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

/** Tells when messages are due. */
export class Pace {
  readonly #intervalMs: number;
  #nextAt = performance.now();

  /**
   * Creates a pace.
   *
   * @param perSecond The most messages a second.
   */
  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond;
  }

  /**
   * Waits until a message is due.
   *
   * @param wanted How many messages there are.
   * @returns How many of them are due now, at least one.
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
