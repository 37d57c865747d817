/**
 * Decides when recorded messages are due: `pub --replay`.
 *
 * @module
 */
import { delay } from "../../delay.ts";

/** A wait is cut into pieces of this length, so that a stop is noticed. */
const PIECE_MS = 100;

/** A longer delay was a stop, or a slow subscriber: nothing makes up for it. */
const MAX_LAG_MS = 100;

/** A clock that is never set, and how to wait. */
export interface Clock {
  /** Returns the time in milliseconds, from any moment on. */
  now(): number;
  /** Waits at least some milliseconds. */
  delay(ms: number): Promise<void>;
}

const MONOTONIC: Clock = { now: () => performance.now(), delay };

/** Keeps the pauses between messages as they were recorded. */
export class Schedule {
  readonly #speed: number;
  readonly #clock: Clock;
  readonly #onSetBack: () => void;
  /** When the next message with the time {@linkcode #lastMs} is due. */
  #dueAt: number | undefined;
  #lastMs = 0;
  #isSetBack = false;

  /**
   * Creates a schedule.
   *
   * @param speed How many times as fast as recorded.
   * @param onSetBack Called once, if a message is older than the one before.
   * @param clock Measures the time.
   */
  constructor(
    speed: number,
    onSetBack: () => void,
    clock: Clock = MONOTONIC,
  ) {
    this.#speed = speed;
    this.#clock = clock;
    this.#onSetBack = onSetBack;
  }

  /**
   * Plans the next message.
   *
   * @param timeMs When it came, in milliseconds since 1970. Without a time it
   * came together with the one before.
   * @returns Whether it is due now; otherwise {@linkcode wait} waits for it.
   */
  plan(timeMs: number | undefined): boolean {
    if (this.#dueAt === undefined) {
      // Without a time, the pauses start at the next message that has one.
      if (timeMs === undefined) return true;
      this.#dueAt = this.#clock.now();
      this.#lastMs = timeMs;
      return true;
    }
    if (timeMs === undefined || timeMs === this.#lastMs) return true;
    const pauseMs = timeMs - this.#lastMs;
    this.#lastMs = timeMs;
    if (pauseMs > 0) this.#dueAt += pauseMs / this.#speed;
    else if (!this.#isSetBack) {
      this.#isSetBack = true;
      this.#onSetBack();
    }
    const now = this.#clock.now();
    // Whatever held up the messages before it does not shorten later pauses.
    this.#dueAt = Math.max(this.#dueAt, now - MAX_LAG_MS);
    return this.#dueAt <= now;
  }

  /**
   * Waits until the message that was planned last is due. What a stop (SIGSTOP,
   * Ctrl-Z) took is added to the wait: the pauses behind it remain.
   */
  async wait(): Promise<void> {
    let before = this.#clock.now();
    while (before < this.#dueAt!) {
      const pieceMs = Math.min(this.#dueAt! - before, PIECE_MS);
      await this.#clock.delay(pieceMs);
      const after = this.#clock.now();
      const lagMs = after - before - pieceMs;
      if (lagMs > MAX_LAG_MS) this.#dueAt! += lagMs;
      before = after;
    }
  }

  /** Starts again: the next message is due at once. */
  restart(): void {
    this.#dueAt = undefined;
  }
}
