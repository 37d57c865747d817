/**
 * The end of a silence: `sub --timeout`.
 *
 * @module
 */

/** A timer that comes so much too late was held up with its process. */
const MAX_LATE_MS = 100;

/** Calls back when nothing happened for some time. */
export class Silence implements Disposable {
  readonly #timeoutMs: number;
  readonly #onOver: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /**
   * Creates a silence that has not begun.
   *
   * @param timeoutMs How long it may be.
   * @param onOver Is called when it was as long as that.
   */
  constructor(timeoutMs: number, onOver: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onOver = onOver;
  }

  /** Whether it was as long as that. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Something happens. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** It begins now. */
  restart(): void {
    this.stop();
    const endAt = performance.now() + this.#timeoutMs;
    this.#timer = setTimeout(() => {
      // What has arrived while the process was stopped is read in a moment.
      if (performance.now() - endAt > MAX_LATE_MS) return this.restart();
      this.#isOver = true;
      this.#onOver();
    }, this.#timeoutMs);
  }

  /** Does not call back any more. */
  [Symbol.dispose](): void {
    this.stop();
  }
}
