/**
 * Ends the program after a silence: `sub --timeout`.
 *
 * @module
 */

/** A timer this much too late means that the process was stopped. */
const MAX_LATE_MS = 100;

/** Calls back when nothing has happened for some time. */
export class Silence implements Disposable {
  readonly #timeoutMs: number;
  readonly #onOver: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /**
   * Creates a silence that has not begun.
   *
   * @param timeoutMs How long the silence may last.
   * @param onOver Called when it has lasted that long.
   */
  constructor(timeoutMs: number, onOver: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onOver = onOver;
  }

  /** Whether the silence lasted for the whole timeout. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the silence, because something has happened. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Begins a silence now. */
  restart(): void {
    this.stop();
    const endAt = performance.now() + this.#timeoutMs;
    this.#timer = setTimeout(() => {
      // Messages that arrived while the process was stopped come in a moment.
      if (performance.now() - endAt > MAX_LATE_MS) return this.restart();
      this.#isOver = true;
      this.#onOver();
    }, this.#timeoutMs);
  }

  /** Prevents further calls. */
  [Symbol.dispose](): void {
    this.stop();
  }
}
