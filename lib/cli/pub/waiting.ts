/**
 * Tells the person at a terminal what `pub` waits for.
 *
 * @module
 */

/** How often to check whether `pub` waits. */
const PERIOD_MS = 250;

/** After this many checks in a row, one second, the user is told. */
const MAX_LOOKS = 4;

/** Tells once what `pub` waits for, after a second of waiting. */
export class WaitNotice implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #looks = 0;

  /**
   * Starts to check.
   *
   * @param waiting Returns what `pub` waits for now; undefined if for nothing.
   * @param say Tells the user.
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

  /** Stops checking. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
