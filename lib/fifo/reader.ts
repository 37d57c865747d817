/**
 * The reading end of a FIFO.
 *
 * @module
 */
import { delay } from "../delay.ts";
import { FifobusError } from "../errors.ts";
import type { WireMessage } from "../wire/message.ts";
import type { Delimiter } from "../wire/framing.ts";
import { wake, WAKE_BYTES } from "../wire/marks.ts";
import type { MessageSplitter } from "../wire/splitter.ts";
import {
  type Accept,
  CAN_TRY_LOCK,
  cannotOpen,
  checkFifo,
  isSameFile,
  PIPE_BUF,
  tryLock,
  wasReplaced,
} from "./file.ts";

/**
 * The capacity of a FIFO of the default size, so that one read empties it.
 */
export const READ_BYTES = 64 * 1024;

/**
 * Each reader parks one of the 32 threads that do all of Deno's asynchronous
 * file operations. If all of them were parked, no such operation could proceed.
 */
const MAX_READERS = 24;
let readers = 0;

/**
 * How long to try to keep publishers out, in all and without anything to read.
 * On a busy machine, a publisher that has the lock may not run for a while;
 * anything it wrote between the last read and close() would be lost.
 */
const MAX_EMPTY_MS = 10_000;
const MAX_IDLE_MS = 1000;

/**
 * How many times to try for the lock. Some publisher has it most of the time,
 * but only for microseconds.
 */
const MAX_LOCK_ATTEMPTS = 200;

/** How long to wait for room when putting messages back. */
const PUT_BACK_MS = 1000;

/** How long to wait, on closing, for a write into a FIFO that others keep full. */
const MAX_WRITE_MS = 200;

/**
 * How long to wait for a wake marker to come back before writing the next one,
 * at first and at most. If many readers wait for the turn, each marker passes
 * it to the next of them.
 */
const WAKE_RETRY_MS = 5;
const MAX_WAKE_RETRY_MS = 20;

/**
 * Reads messages from a FIFO, however many publishers come and go.
 *
 * It holds the FIFO open for reading and writing. POSIX leaves this undefined,
 * but Linux, macOS and the BSDs define it: open(2) never waits, and read(2)
 * never sees the end of the file. A textbook reader does see that end, and
 * loses anything that a second publisher writes between it and close(2).
 */
export class FifoReader {
  readonly #delimiter: Delimiter;
  readonly #file: Deno.FsFile;
  readonly #waker: Deno.FsFile;
  /**
   * Waits for the lock, where Deno cannot try it. Opened at once: the FIFO may
   * have left its path when the lock is needed.
   */
  readonly #locker: Deno.FsFile | undefined;
  #isLocking = false;
  #isLocked = false;
  /** This reader's wake markers in the FIFO, each with its number. */
  readonly #tokens = new Map<string, number>();
  #marked = 0;
  #passed = 0;
  #strangers = 0;
  /** How many bytes have come, except wake markers. */
  #received = 0;
  /** How many writes have not ended. */
  #writing = 0;
  /** Settles with the last write, and so with all of them. */
  #written: Promise<unknown> = Promise.resolve();
  #buffer = new Uint8Array(READ_BYTES);

  /**
   * Opens a FIFO that exists.
   *
   * @param path Where it is.
   * @param delimiter What ends a message.
   * @param accept Checks the open FIFO.
   * @throws {FifobusError} `not_a_fifo`; `too_many_readers`, if this process
   * already has 24 readers open.
   */
  constructor(path: string, delimiter: Delimiter, accept?: Accept) {
    if (readers >= MAX_READERS) {
      throw new FifobusError(
        "too_many_readers",
        `Cannot read "${path}": this process reads ${MAX_READERS} FIFOs already, ` +
          "as many as a Deno process can; close one, or read it in another process",
      );
    }
    this.#delimiter = delimiter;
    this.#file = checkFifo(open(path, { read: true, write: true }), path);
    const others: Deno.FsFile[] = [];
    try {
      accept?.(this.info);
      // Deno runs one operation at a time on a handle, so we need another
      // handle to wake a read in progress.
      others.push(this.#waker = open(path, { write: true }));
      if (!CAN_TRY_LOCK) {
        // Read-write, as a FIFO that nobody reads may have replaced this one.
        others.push(this.#locker = open(path, { read: true, write: true }));
      }
    } catch (error) {
      for (const it of [this.#file, ...others]) it.close();
      throw error;
    }
    readers++;
    if (others.every((it) => isSameFile(this.info, it.statSync()))) return;
    this.close();
    throw wasReplaced(path);
  }

  /** The stat result of the FIFO. */
  get info(): Deno.FileInfo {
    return this.#file.statSync();
  }

  /** The number of the last of its own wake markers that it has read. */
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
   * @param splitter The splitter that takes the bytes.
   * @param maxBytes How many bytes to read at most.
   * @returns The messages that these bytes complete.
   */
  async read(
    splitter: MessageSplitter,
    maxBytes: number = READ_BYTES,
  ): Promise<WireMessage[]> {
    const room = this.#buffer.subarray(0, maxBytes);
    const count = await this.#file.read(room) ?? 0;
    let chunk = room.subarray(0, count);
    // Messages are views of the buffer: they keep a full buffer for themselves,
    // and a few bytes are copied.
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
   * Writes a wake marker behind everything that is in the FIFO now.
   *
   * @returns Its number; {@linkcode passed} reaches it when the marker is read.
   */
  mark(): number {
    const { token, bytes } = wake(this.#delimiter);
    this.#tokens.set(token, ++this.#marked);
    this.#write(bytes).catch(() => {});
    return this.#marked;
  }

  #write(bytes: Uint8Array): Promise<number> {
    this.#writing++;
    const writing = this.#waker.write(bytes).finally(() => this.#writing--);
    this.#written = writing.catch(() => {});
    return writing;
  }

  /**
   * Ends a wait: this reader's wait for bytes, or the wait of the reader that
   * has the turn we want. Writes wake markers until the wait is over.
   *
   * @param over Settles when the wait is over.
   * @param maxMs How long to try.
   */
  async nudge(over: Promise<unknown>, maxMs = Infinity): Promise<void> {
    let isOver = false;
    const settled = over.catch(() => {}).finally(() => isOver = true);
    const deadline = performance.now() + maxMs;
    // A foreign program may read the marker, so we write more than one.
    let pauseMs = WAKE_RETRY_MS;
    while (!isOver) {
      const left = deadline - performance.now();
      if (left <= 0) return;
      // If a marker still waits for room, that one is enough.
      if (this.#writing === 0) this.mark();
      const paused = new AbortController();
      const pause = delay(Math.min(pauseMs, left), paused.signal).catch(
        () => {},
      );
      await Promise.race([settled, pause]);
      paused.abort();
      pauseMs = Math.min(2 * pauseMs, MAX_WAKE_RETRY_MS);
    }
  }

  /**
   * Reads everything in the FIFO, and from then on keeps fifobus publishers
   * out: if one of them wrote between the last read and close(), and then
   * ended, its messages would be lost.
   *
   * @param read Reads once; it is called at least once.
   * @returns Whether publishers are kept out now.
   */
  async empty(read: () => Promise<void>): Promise<boolean> {
    const lock = this.#lock();
    let isLocked;
    const giveUpAt = performance.now() + MAX_EMPTY_MS;
    let idleUntil = performance.now() + MAX_IDLE_MS;
    while (
      !(isLocked = lock()) && performance.now() < Math.min(giveUpAt, idleUntil)
    ) {
      // A publisher that has the lock may need room to write the rest.
      const bytes = await this.#drain(read);
      if (bytes === 0) await delay(1);
      else idleUntil = performance.now() + MAX_IDLE_MS;
    }
    await this.#drain(read);
    return isLocked;
  }

  /** Returns a function that tells whether publishers are kept out by now. */
  #lock(): () => boolean {
    if (this.#locker) return this.#waitForLock(this.#locker);
    return () => {
      // Publishers of small messages hold the lock for microseconds, but one
      // after the other.
      for (let i = 0; i < MAX_LOCK_ATTEMPTS; i++) {
        if (tryLock(this.#file, true)) return true;
      }
      return false;
    };
  }

  /** While a handle waits for a lock, it can do nothing else. */
  #waitForLock(locker: Deno.FsFile): () => boolean {
    if (!this.#isLocking) {
      this.#isLocking = true;
      locker.lock(true).then(() => this.#isLocked = true, () => {});
    }
    return () => this.#isLocked;
  }

  /**
   * Does something while fifobus publishers are kept out, if none of them has
   * the lock now.
   */
  whileLocked(action: () => void): void {
    if (!tryLock(this.#file, true)) return;
    action();
    this.#file.unlockSync();
  }

  /**
   * Reads everything in the FIFO now, up to a marker that it writes behind it.
   *
   * @returns How many bytes it read.
   */
  async #drain(read: () => Promise<void>): Promise<number> {
    const first = this.#marked + 1;
    const received = this.#received;
    const over = Promise.withResolvers<void>();
    // Not awaited: if the FIFO is full, the marker waits until we read.
    const nudged = this.nudge(over.promise);
    try {
      // All markers, of which nudge() may have written several: one that waits
      // for room needs our reads, and one that stayed would reach a program
      // that is not ours.
      while (this.#passed < Math.max(first, this.#marked)) await read();
    } finally {
      over.resolve();
      await nudged;
    }
    return this.#received - received;
  }

  /**
   * Writes messages into the FIFO again, behind all others. They stay there
   * only as long as some other program has the FIFO open.
   *
   * @param bytes The messages, each with its delimiter.
   * @returns Whether there was room for all of them.
   */
  async putBack(bytes: Uint8Array): Promise<boolean> {
    const end = this.#delimiter.charCodeAt(0);
    for (let rest = bytes; rest.length > 0;) {
      const limit = rest.lastIndexOf(end, PIPE_BUF - 1) + 1;
      const piece = rest.subarray(0, limit || rest.indexOf(end) + 1);
      const written = this.#write(piece).then(() => true);
      written.catch(() => {});
      // The timer must not keep the process alive.
      const waited = new AbortController();
      const full = delay(PUT_BACK_MS, waited.signal).then(
        () => false,
        () => false,
      );
      const isWritten = await Promise.race([written, full]);
      waited.abort();
      if (!isWritten) return false;
      rest = rest.subarray(piece.length);
    }
    return true;
  }

  /**
   * Closes the FIFO. No read may be in progress.
   *
   * @returns When its writes have ended, too. The reading end is closed at once,
   * so a caller that does not leave need not wait.
   */
  async close(): Promise<void> {
    readers--;
    // First, as a marker that waits for room fails when nobody reads any more.
    this.#file.close();
    this.#locker?.close();
    if (this.#writing > 0) {
      const waited = new AbortController();
      const pause = delay(MAX_WRITE_MS, waited.signal).catch(() => {});
      await Promise.race([this.#written, pause]);
      waited.abort();
    }
    this.#waker.close();
  }
}

function open(path: string, options: Deno.OpenOptions): Deno.FsFile {
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    throw cannotOpen(path, error, "read and write");
  }
}
