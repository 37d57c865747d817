/**
 * The reading end of a FIFO.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";
import { cannotOpen, checkFifo } from "./fifo.ts";
import type { Delimiter } from "./framing.ts";
import { wakeMarker } from "./marks.ts";
import type { Message } from "./message.ts";
import { MessageSplitter } from "./splitter.ts";

/** What a FIFO of default size holds, so that a read leaves nothing in it. */
export const READ_BYTES = 64 * 1024;

/**
 * Each reader parks one of the 32 threads on which Deno does everything
 * asynchronous with files; with all of them parked, nothing of that goes on.
 */
const MAX_READERS = 24;
let readers = 0;

/** How long a wake marker has to come back before the next one is written. */
const WAKE_RETRY_MS = 10;

/** What one read brought. */
export interface Arrived {
  /** The messages that are complete with it. */
  messages: Message[];
  /** How many wake markers have come before or with it. */
  wakes: number;
}

/**
 * Reads messages from a FIFO, however many publishers come and go.
 *
 * It holds the FIFO open for reading and writing, which POSIX leaves open but
 * Linux, macOS and the BSDs define: open(2) never waits, and read(2) never
 * sees the end of the file, which is where the textbook reader loses what a
 * second publisher writes between that end and close(2).
 */
export class FifoReader {
  readonly #file: Deno.FsFile;
  readonly #waker: Deno.FsFile;
  readonly #splitter: MessageSplitter;
  readonly #wake: Uint8Array<ArrayBuffer>;
  #buffer = new Uint8Array(READ_BYTES);
  #arrived: Arrived[] = [];
  #reading: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #error: unknown;

  /**
   * Opens a FIFO that exists.
   *
   * @param path Where it is.
   * @param delimiter What ends a message.
   * @param maxBytes How long a message may be.
   * @throws {FifobusError} `not_a_fifo`; `too_many_readers`, if this process
   * has 24 of them open.
   */
  constructor(path: string, delimiter: Delimiter, maxBytes: number) {
    if (readers >= MAX_READERS) {
      throw new FifobusError(
        "too_many_readers",
        `Cannot read "${path}": this process reads ${MAX_READERS} FIFOs already, ` +
          "as many as a Deno process can; close one, or read it in another process",
      );
    }
    this.#splitter = new MessageSplitter(path, delimiter, maxBytes);
    this.#wake = wakeMarker(delimiter);
    try {
      const file = Deno.openSync(path, { read: true, write: true });
      this.#file = checkFifo(file, path);
      // Deno runs one operation on a handle at a time: a read that is under
      // way can only be woken through another.
      this.#waker = Deno.openSync(path, { write: true });
    } catch (error) {
      throw cannotOpen(path, error, "read and write");
    }
    readers++;
  }

  /**
   * Waits for messages. Nothing is read from the FIFO before it is called, and
   * one call takes at most 64 KiB from it.
   *
   * @returns The next messages, one at least; undefined after the last.
   * @throws {FifobusError} `message_too_large`, after the messages before it.
   */
  async next(): Promise<Message[] | undefined> {
    let arrived;
    while ((arrived = await this.nextArrived())) {
      if (arrived.messages.length > 0) return arrived.messages;
    }
  }

  /**
   * Waits for messages, or for a mark.
   *
   * @returns What came next; undefined after the last.
   * @throws {FifobusError} As {@linkcode next} does.
   */
  async nextArrived(): Promise<Arrived | undefined> {
    while (true) {
      const arrived = this.#arrived.shift();
      if (arrived) return arrived;
      if (this.#error) throw this.#error;
      if (this.#closed) {
        await this.#closed;
        if (this.#arrived.length === 0) return undefined;
      } else await this.#read();
    }
  }

  /** Which file it is. */
  get info(): Deno.FileInfo {
    return this.#file.statSync();
  }

  /** How many wake markers have come. */
  get wakes(): number {
    return this.#splitter.wakes;
  }

  /** Whether a message has begun, and its end is still to come. */
  get isInMessage(): boolean {
    return this.#splitter.isInMessage;
  }

  /** Why nothing more will come, if that is so. */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Takes bytes of the FIFO that were read in another way, while no read of its
   * own is under way.
   *
   * @param chunk The bytes, which belong to the messages from now on.
   * @returns The messages that are complete with them.
   */
  take(chunk: Uint8Array<ArrayBuffer>): Message[] {
    const messages = this.#splitter.push(chunk);
    this.#error ??= this.#splitter.error;
    return messages;
  }

  /**
   * Gives the beginning of a message away.
   *
   * @returns Its bytes, if a message has begun.
   */
  takeBeginning(): Uint8Array<ArrayBuffer> | undefined {
    return this.#splitter.flush()[0]?.bytes;
  }

  /**
   * Ends a read that is under way.
   *
   * @returns When {@linkcode nextArrived} has what came with it.
   */
  async interrupt(): Promise<void> {
    if (this.#reading) await this.#wakeUp();
  }

  /** Writes a wake marker behind all that is in the FIFO now. */
  async mark(): Promise<void> {
    await this.#waker.write(this.#wake);
  }

  /**
   * Stops reading. What was in the FIFO before, as far as a read was under way,
   * is still handed out by {@linkcode next}; the rest stays for other readers.
   *
   * @returns When the FIFO is closed.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    try {
      await this.interrupt();
    } finally {
      readers--;
      this.#file.close();
      this.#waker.close();
    }
    const { wakes } = this.#splitter;
    this.#arrived.push({ messages: this.#splitter.flush(), wakes });
  }

  /** Ends the read that is under way, and takes the marker out again. */
  async #wakeUp(): Promise<void> {
    const { wakes } = this.#splitter;
    const waits = () => this.#splitter.wakes === wakes && !this.#error;
    let written = this.#waker.write(this.#wake);
    // Another reader of the FIFO may be given the marker.
    const retry = setInterval(() => {
      written = written.then((n) =>
        waits() ? this.#waker.write(this.#wake) : n
      );
    }, WAKE_RETRY_MS);
    while (waits()) await this.#read();
    clearInterval(retry);
    await written;
  }

  #read(): Promise<void> {
    return this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
  }

  async #readOnce(): Promise<void> {
    try {
      const count = await this.#file.read(this.#buffer) ?? 0;
      let chunk = this.#buffer.subarray(0, count);
      // Messages are views: a full buffer is theirs, a few bytes are copied.
      if (count > READ_BYTES / 4) this.#buffer = new Uint8Array(READ_BYTES);
      else chunk = chunk.slice();
      const messages = this.take(chunk);
      this.#arrived.push({ messages, wakes: this.#splitter.wakes });
    } catch (error) {
      this.#error = error;
    }
  }
}
