/**
 * How much may be under way to a broker at a time.
 *
 * @module
 */

/** A number of messages, and of bytes. */
export interface Limit {
  messages: number;
  bytes: number;
}

/** Who waits until there is room. */
interface Waiting {
  bytes: number;
  admitted: PromiseWithResolvers<void>;
}

/**
 * Lets messages pass in the order in which they came, a limited number at once.
 */
export class Window {
  readonly #limit: () => Limit;
  readonly #waiting: Waiting[] = [];
  #messages = 0;
  #bytes = 0;
  #waitingBytes = 0;

  /**
   * Creates a window with nothing under way.
   *
   * @param limit How much there can be, asked for each message.
   */
  constructor(limit: () => Limit) {
    this.#limit = limit;
  }

  /** How many bytes are under way, or wait. */
  get bytes(): number {
    return this.#bytes + this.#waitingBytes;
  }

  /**
   * Waits for room for a message; one alone has it always.
   *
   * @param bytes How long it is.
   */
  async enter(bytes: number): Promise<void> {
    const admitted = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, admitted });
    this.#waitingBytes += bytes;
    this.#admit();
    await admitted.promise;
  }

  /**
   * A message is through.
   *
   * @param bytes How long it was.
   */
  leave(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    this.#admit();
  }

  /**
   * Gives up those that wait.
   *
   * @param reason What they are told.
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
