/**
 * Limiting how much is in flight to a broker.
 *
 * @module
 */

/** A number of messages, and of bytes. */
export interface Limit {
  messages: number;
  bytes: number;
}

/** A message that wants to pass. */
export interface Entering {
  /** How long it is. */
  bytes: number;
  /** Is called when there is room for it. */
  admitted: () => void;
  /** Is called if it is not to wait any longer. */
  aborted: (reason: unknown) => void;
}

/** Lets a limited number of messages pass at a time, in order of arrival. */
export class Window {
  readonly #limit: () => Limit;
  #waiting: Entering[] = [];
  /** How many of them were admitted. */
  #admitted = 0;
  #isAdmitting = false;
  #messages = 0;
  #bytes = 0;
  #waitingBytes = 0;

  /**
   * Creates a window with nothing in flight.
   *
   * @param limit Returns how much may be in flight; called for each message.
   */
  constructor(limit: () => Limit) {
    this.#limit = limit;
  }

  /** How many bytes are in flight, or wait. */
  get bytes(): number {
    return this.#bytes + this.#waitingBytes;
  }

  /**
   * Lets a message pass as soon as there is room. If nothing else is in flight,
   * there is always room.
   *
   * @param message The message.
   */
  enter(message: Entering): void {
    this.#waiting.push(message);
    this.#waitingBytes += message.bytes;
    this.#admit();
  }

  /**
   * Makes room again after a message is through.
   *
   * @param bytes How long the message was.
   */
  leave(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    this.#admit();
  }

  /**
   * Lets no message wait any longer.
   *
   * @param reason Why.
   */
  abort(reason: unknown): void {
    const waiting = this.#waiting.slice(this.#admitted);
    this.#waiting = [];
    this.#admitted = 0;
    this.#waitingBytes = 0;
    for (const { aborted } of waiting) aborted(reason);
  }

  #admit(): void {
    // A message may be through at once; the loop sees the room that this makes.
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    for (let next; (next = this.#waiting[this.#admitted]);) {
      const limit = this.#limit();
      const isFull = this.#messages >= limit.messages ||
        this.#messages > 0 && this.#bytes + next.bytes > limit.bytes;
      if (isFull) break;
      this.#admitted++;
      this.#waitingBytes -= next.bytes;
      this.#messages++;
      this.#bytes += next.bytes;
      next.admitted();
    }
    this.#isAdmitting = false;
    // Removing each at once would move all the others.
    if (2 * this.#admitted < this.#waiting.length) return;
    this.#waiting.splice(0, this.#admitted);
    this.#admitted = 0;
  }
}
