/**
 * What is written to a member of the bus and is not a message.
 *
 * @module
 */
import type { Notice } from "../fifo/queue_reader.ts";

/** How often they are reported. */
const PERIOD_MS = 1000;

/**
 * Counts records that were dropped, and reports them in bursts: whoever writes
 * many of them should not fill a log.
 */
export class Strays {
  readonly #onNotice: (notice: Notice) => void;
  #count = 0;
  #isCounting = false;
  #saidAt = -Infinity;

  /**
   * Creates a count.
   *
   * @param onNotice Is told how many there were.
   */
  constructor(onNotice: (notice: Notice) => void) {
    this.#onNotice = onNotice;
  }

  /** Counts a record, and reports it with those that came with it. */
  add(): void {
    this.#count++;
    if (this.#isCounting) return;
    this.#isCounting = true;
    queueMicrotask(() => {
      this.#isCounting = false;
      if (performance.now() - this.#saidAt >= PERIOD_MS) this.report();
    });
  }

  /** Reports what was counted since the last report. */
  report(): void {
    if (this.#count === 0) return;
    const what = this.#count === 1 ? "1 record" : `${this.#count} records`;
    this.#count = 0;
    this.#saidAt = performance.now();
    const text = `${what} dropped: a message is a topic, a tab and its text`;
    this.#onNotice({ code: "not_a_message", text });
  }
}
