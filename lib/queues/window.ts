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

/** A message that waits for room. */
interface Waiting {
  bytes: number;
  admitted: PromiseWithResolvers<void>;
}

/** Lets a limited number of messages pass at a time, in order of arrival. */
export class Window {
  readonly #limit: () => Limit;
  readonly #waiting: Waiting[] = [];
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
   * Waits for room for a message. If nothing else is in flight, there is always
   * room.
   *
   * @param bytes How long the message is.
   */
  async enter(bytes: number): Promise<void> {
    const admitted = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, admitted });
    this.#waitingBytes += bytes;
    this.#admit();
    await admitted.promise;
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
   * Rejects all waiting messages.
   *
   * @param reason The reason to reject them with.
   */
  abort(reason: unknown): void {
    for (const { bytes, admitted } of this.#waiting.splice(0)) {
      this.#waitingBytes -= bytes;
      admitted.reject(reason);
    }
  }

  #admit(): void {
    const limit = this.#limit();
    for (let next; (next = this.#waiting[0]);) {
      const isFull = this.#messages >= limit.messages ||
        this.#messages > 0 && this.#bytes + next.bytes > limit.bytes;
      if (isFull) return;
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes;
      this.#messages++;
      this.#bytes += next.bytes;
      next.admitted.resolve();
    }
  }
}
