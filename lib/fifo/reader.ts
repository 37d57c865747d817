/**
 * The reading end of a FIFO.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";
import { FifobusError } from "../errors.ts";
import type { WireMessage } from "../wire/message.ts";
import type { Delimiter } from "../wire/framing.ts";
import { wake, WAKE_BYTES } from "../wire/marks.ts";
import type { MessageSplitter } from "../wire/splitter.ts";
import {
  type Accept,
  cannotOpen,
  checkFifo,
  isSameFile,
  PIPE_BUF,
  tryLock,
  wasReplaced,
} from "./file.ts";

/**
 * What a FIFO of the default size holds, so that a read leaves nothing in it.
 */
export const READ_BYTES = 64 * 1024;

/**
 * Each reader parks one of the 32 threads on which Deno does everything
 * asynchronous with files; with all of them parked, nothing of that goes on.
 */
const MAX_READERS = 24;
let readers = 0;

/**
 * How often to empty a FIFO whose publishers do not let go of its lock: each time
 * they may fill it again.
 */
const MAX_EMPTY_ATTEMPTS = 4;

/**
 * How long to try to keep publishers out. On a busy machine one that has the lock
 * may not run for a while; what it wrote between the last read and close() would be
 * gone.
 */
const MAX_EMPTY_MS = 1000;

/** How often to try for the lock: a publisher has it most of the time, for µs. */
const MAX_LOCK_ATTEMPTS = 200;

/** How long to wait for room. */
const PUT_BACK_MS = 1000;

/**
 * How long a wake marker has to come back before the next one is written, at
 * first and at most. Where many wait for the turn, each marker brings it to the
 * next one of them.
 */
const WAKE_RETRY_MS = 5;
const MAX_WAKE_RETRY_MS = 20;

/**
 * Reads messages from a FIFO, however many publishers come and go.
 *
 * It holds the FIFO open for reading and writing, which POSIX leaves open but
 * Linux, macOS and the BSDs define: open(2) never waits, and read(2) never
 * sees the end of the file, which is where the textbook reader loses what a
 * second publisher writes between that end and close(2).
 */
export class FifoReader {
  readonly #path: string;
  readonly #delimiter: Delimiter;
  readonly #file: Deno.FsFile;
  readonly #waker: Deno.FsFile;
  #locked: Deno.FsFile | undefined;
  /** Its own wake markers that are in the FIFO, each with its number. */
  readonly #tokens = new Map<string, number>();
  #marked = 0;
  #passed = 0;
  #strangers = 0;
  /** How many bytes have come, but for wake markers. */
  #received = 0;
  /** How many of them are still being written. */
  #writing = 0;
  #buffer = new Uint8Array(READ_BYTES);

  /**
   * Opens a FIFO that exists.
   *
   * @param path Where it is.
   * @param delimiter What ends a message.
   * @param accept Looks at what was opened.
   * @throws {FifobusError} `not_a_fifo`; `too_many_readers`, if this process
   * has 24 of them open.
   */
  constructor(path: string, delimiter: Delimiter, accept?: Accept) {
    if (readers >= MAX_READERS) {
      throw new FifobusError(
        "too_many_readers",
        `Cannot read "${path}": this process reads ${MAX_READERS} FIFOs already, ` +
          "as many as a Deno process can; close one, or read it in another process",
      );
    }
    this.#path = path;
    this.#delimiter = delimiter;
    this.#file = checkFifo(open(path, { read: true, write: true }), path);
    try {
      accept?.(this.info);
      // Deno runs one operation on a handle at a time: a read that is under
      // way can only be woken through another.
      this.#waker = open(path, { write: true });
    } catch (error) {
      this.#file.close();
      throw error;
    }
    readers++;
    if (isSameFile(this.info, this.#waker.statSync())) return;
    this.close();
    throw wasReplaced(path);
  }

  /** Which file it is. */
  get info(): Deno.FileInfo {
    return this.#file.statSync();
  }

  /** The number of the last of its own wake markers that was read. */
  get passed(): number {
    return this.#passed;
  }

  /** How many wake markers of other readers have come. */
  get strangers(): number {
    return this.#strangers;
  }

  /**
   * Waits for bytes, and reads at most 64 KiB.
   *
   * @param splitter Takes the bytes.
   * @param maxBytes How many to read.
   * @returns The messages that are complete with them.
   */
  async read(
    splitter: MessageSplitter,
    maxBytes: number = READ_BYTES,
  ): Promise<WireMessage[]> {
    const room = this.#buffer.subarray(0, maxBytes);
    const count = await this.#file.read(room) ?? 0;
    let chunk = room.subarray(0, count);
    // Messages are views: a full buffer is theirs, a few bytes are copied.
    if (count > READ_BYTES / 4) this.#buffer = new Uint8Array(READ_BYTES);
    else chunk = chunk.slice();
    const messages = splitter.push(chunk);
    this.#received += count;
    for (const token of splitter.takeWakes()) {
      this.#received -= WAKE_BYTES;
      const number = this.#tokens.get(token);
      if (number === undefined) this.#strangers++;
      else this.#passed = Math.max(this.#passed, number);
      this.#tokens.delete(token);
    }
    return messages;
  }

  /**
   * Writes a wake marker behind all that is in the FIFO now.
   *
   * @returns Its number, which {@linkcode passed} reaches when it is read.
   */
  mark(): number {
    const { token, bytes } = wake(this.#delimiter);
    this.#tokens.set(token, ++this.#marked);
    this.#writing++;
    this.#waker.write(bytes).catch(() => {}).finally(() => this.#writing--);
    return this.#marked;
  }

  /**
   * Ends a wait, of this reader for bytes or of another one for whose turn this
   * one waits: writes wake markers until that has happened.
   *
   * @param over Settles then.
   * @param maxMs How long to try.
   */
  async nudge(over: Promise<unknown>, maxMs = Infinity): Promise<void> {
    let isOver = false;
    const settled = over.catch(() => {}).finally(() => isOver = true);
    const deadline = performance.now() + maxMs;
    // A reader that is not ours may be given the marker: it is not the last one.
    let pauseMs = WAKE_RETRY_MS;
    while (!isOver) {
      const left = deadline - performance.now();
      if (left <= 0) return;
      // One that still waits for room is enough.
      if (this.#writing === 0) this.mark();
      const paused = new AbortController();
      const pause = delay(Math.min(pauseMs, left), paused).catch(() => {});
      await Promise.race([settled, pause]);
      paused.abort();
      pauseMs = Math.min(2 * pauseMs, MAX_WAKE_RETRY_MS);
    }
  }

  /**
   * Reads all that is in the FIFO, and keeps publishers of ours out from then
   * on: what one of them wrote between the last read and close() would be lost if
   * it ended then.
   *
   * @param read Reads once; it is called at least once.
   * @param isWithin Whether it ended within a message.
   */
  async empty(
    read: () => Promise<void>,
    isWithin: () => boolean,
  ): Promise<void> {
    const isLocked = this.#lock();
    let giveUpAt = performance.now() + MAX_EMPTY_MS;
    for (let attempt = 0; attempt < MAX_EMPTY_ATTEMPTS;) {
      if (isLocked() || performance.now() > giveUpAt) break;
      const bytes = await this.#drain(read);
      if (bytes === 0) await delay(1);
      // A message of several writes holds the lock, and needs room to end.
      else if (isWithin()) giveUpAt = performance.now() + MAX_EMPTY_MS;
      else attempt++;
    }
    await this.#drain(read);
  }

  /** Tells, each time that it is called, whether publishers are kept out. */
  #lock(): () => boolean {
    if (tryLock(this.#file, true) === undefined) return this.#waitForLock();
    return () => {
      // Other messages hold it for microseconds, but one after the other.
      for (let i = 0; i < MAX_LOCK_ATTEMPTS; i++) {
        if (tryLock(this.#file, true)) return true;
      }
      return false;
    };
  }

  /** Deno 2.6 cannot try; and while it waits, nothing else goes on a handle. */
  #waitForLock(): () => boolean {
    let isLocked = false;
    const file = this.#locked = open(this.#path, { write: true });
    if (!isSameFile(file.statSync(), this.info)) return () => false;
    file.lock(true).then(() => isLocked = true, () => {});
    return () => isLocked;
  }

  /**
   * Reads all that is in the FIFO now: up to a marker behind it.
   *
   * @returns How many bytes that were.
   */
  async #drain(read: () => Promise<void>): Promise<number> {
    const first = this.#marked + 1;
    const received = this.#received;
    const over = Promise.withResolvers<void>();
    // Not awaited: where the FIFO is full, the marker waits for what is read.
    const nudged = this.nudge(over.promise);
    try {
      // A marker that still waits for room would be lost with the FIFO, and needs
      // what is read to make that room.
      while (this.#passed < first || this.#writing > 0) await read();
    } finally {
      over.resolve();
      await nudged;
    }
    return this.#received - received;
  }

  /**
   * Writes messages into the FIFO again, behind all others.
   *
   * @param bytes The messages, each with its delimiter.
   * @returns Whether there was room for all, which is there for as long as some
   * other program has the FIFO open.
   */
  async putBack(bytes: Uint8Array): Promise<boolean> {
    const end = this.#delimiter.charCodeAt(0);
    for (let rest = bytes; rest.length > 0;) {
      const limit = rest.lastIndexOf(end, PIPE_BUF - 1) + 1;
      const piece = rest.subarray(0, limit || rest.indexOf(end) + 1);
      const written = this.#waker.write(piece).then(() => true);
      written.catch(() => {});
      const full = delay(PUT_BACK_MS).then(() => false);
      if (!await Promise.race([written, full])) return false;
      rest = rest.subarray(piece.length);
    }
    return true;
  }

  /** Closes the FIFO. No read may be under way. */
  close(): void {
    readers--;
    this.#file.close();
    this.#waker.close();
    this.#locked?.close();
  }
}

function open(path: string, options: Deno.OpenOptions): Deno.FsFile {
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    throw cannotOpen(path, error, "read and write");
  }
}
