/**
 * Group commit: messages published during a write go out with the next write.
 *
 * @module
 */

/** Messages that go out in one write. */
interface Batch {
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
  /** Resolves when they are written, or with how many were dropped. */
  written: PromiseWithResolvers<number | undefined>;
}

/**
 * Called when messages were dropped, with the reason and the messages, each
 * with its delimiter. Returns how many messages there are.
 */
export type OnDropped = (
  error: unknown,
  messages: Uint8Array<ArrayBuffer>,
) => number;

/**
 * Queues messages and writes them in the order they were added, as many at a
 * time as a write may hold. One write(2) through Deno costs 60 µs, whatever its
 * size. A publisher that waits for each message pays that for each message;
 * otherwise 132 messages of 31 bytes share one write.
 */
export class Outbox {
  readonly #write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  readonly #maxWrite: number;
  readonly #onDropped: OnDropped | undefined;
  readonly #batches: Batch[] = [];
  #bufferedBytes = 0;
  #draining: Promise<void> | undefined;

  /**
   * Creates an empty outbox.
   *
   * @param write Writes whole messages.
   * @param maxWrite How many bytes to write at once; a longer message goes
   * alone.
   * @param onDropped Called with messages that cannot be written. With this
   * callback, the calls that added them do not fail.
   */
  constructor(
    write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
    maxWrite: number,
    onDropped?: OnDropped,
  ) {
    this.#onDropped = onDropped;
    this.#write = write;
    this.#maxWrite = maxWrite;
  }

  /** How many bytes were added but not written yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /**
   * Adds one message.
   *
   * @param message The message with its delimiter.
   * @returns When it is written; a number if it was dropped.
   */
  add(message: Uint8Array<ArrayBuffer>): Promise<number | undefined> {
    if (message.length > this.#maxWrite) return this.#push(message);
    let last = this.#batches.at(-1);
    if (!last || last.length + message.length > last.bytes.length) {
      this.#push(new Uint8Array(this.#maxWrite), 0);
      last = this.#batches.at(-1)!;
    }
    last.bytes.set(message, last.length);
    last.length += message.length;
    this.#bufferedBytes += message.length;
    return last.written.promise;
  }

  /**
   * Adds many messages, without copying them.
   *
   * @param messages The messages, each with its delimiter.
   * @param delimiter What ends a message.
   * @returns When all are written; how many were dropped, if any were.
   */
  async addAll(
    messages: Uint8Array<ArrayBuffer>,
    delimiter: number,
  ): Promise<number | undefined> {
    const written: Promise<number | undefined>[] = [];
    for (let start = 0; start < messages.length;) {
      const limit = start + this.#maxWrite;
      let end = limit >= messages.length
        ? messages.length
        : messages.lastIndexOf(delimiter, limit - 1) + 1;
      if (end <= start) end = messages.indexOf(delimiter, limit) + 1;
      written.push(this.#push(messages.subarray(start, end)));
      start = end;
    }
    let dropped: number | undefined;
    for (const count of await Promise.all(written)) {
      if (count !== undefined) dropped = (dropped ?? 0) + count;
    }
    return dropped;
  }

  /** Waits until all added messages are written, or have failed. */
  async drained(): Promise<void> {
    await this.#draining;
  }

  #push(
    bytes: Uint8Array<ArrayBuffer>,
    length: number = bytes.length,
  ): Promise<number | undefined> {
    const written = Promise.withResolvers<number | undefined>();
    this.#batches.push({ bytes, length, written });
    this.#bufferedBytes += length;
    this.#draining ??= this.#drain();
    return written.promise;
  }

  async #drain(): Promise<void> {
    // Lets the caller add more before the first write.
    await Promise.resolve();
    let batch;
    while ((batch = this.#batches.shift())) {
      try {
        await this.#write(batch.bytes.subarray(0, batch.length));
        batch.written.resolve(undefined);
      } catch (error) {
        // The batches behind it fail with it: sent later, they would leave a
        // gap, and each would wait that long again.
        for (const failed of [batch, ...this.#batches.splice(0)]) {
          const bytes = failed.bytes.subarray(0, failed.length);
          const count = this.#onDropped?.(error, bytes);
          if (count === undefined) failed.written.reject(error);
          else failed.written.resolve(count);
        }
        this.#bufferedBytes = 0;
        continue;
      }
      this.#bufferedBytes -= batch.length;
    }
    this.#draining = undefined;
  }
}
