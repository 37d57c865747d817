/**
 * Tells the person at a terminal what `pub` waits for.
 *
 * @module
 */

/** How often to look whether it waits. */
const PERIOD_MS = 250;

/** At so many looks in a row, one second, it is told. */
const MAX_LOOKS = 4;

/** Says once that there is something to wait for, after a second of waiting. */
export class WaitNotice implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #looks = 0;

  /**
   * Starts to look.
   *
   * @param waiting Says what for, if it waits now.
   * @param say Tells it.
   */
  constructor(waiting: () => string | undefined, say: (text: string) => void) {
    this.#timer = setInterval(() => {
      const text = waiting();
      this.#looks = text === undefined ? 0 : this.#looks + 1;
      if (text === undefined || this.#looks < MAX_LOOKS) return;
      clearInterval(this.#timer);
      say(text);
    }, PERIOD_MS);
  }

  /** Stops looking. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
