/**
 * Stray records: written to a member of the bus, but not messages.
 *
 * @module
 */
import type { Notice } from "../fifo/queue_reader.ts";

/** How often to report them. */
const PERIOD_MS = 1000;

/**
 * Counts dropped records, and reports them together: a program that writes many
 * of them should not fill a log.
 */
export class Strays {
  readonly #onNotice: (notice: Notice) => void;
  #count = 0;
  #isCounting = false;
  #saidAt = -Infinity;

  /**
   * Starts counting.
   *
   * @param onNotice Called with the number of records.
   */
  constructor(onNotice: (notice: Notice) => void) {
    this.#onNotice = onNotice;
  }

  /** Counts a record, and reports it together with others of this moment. */
  add(): void {
    this.#count++;
    if (this.#isCounting) return;
    this.#isCounting = true;
    queueMicrotask(() => {
      this.#isCounting = false;
      if (performance.now() - this.#saidAt >= PERIOD_MS) this.report();
    });
  }

  /** Reports the records since the last report. */
  report(): void {
    if (this.#count === 0) return;
    const what = this.#count === 1 ? "1 record" : `${this.#count} records`;
    this.#count = 0;
    this.#saidAt = performance.now();
    const text = `${what} dropped: a message is a topic, a tab and its text`;
    this.#onNotice({ code: "not_a_message", text });
  }
}
