/**
 * The writing end of a FIFO, to which other programs may write as well.
 *
 * @module
 */
import { FifobusError, MAX_TIMER_MS } from "../errors.ts";
import { load } from "../load.ts";
import type { Delimiter } from "../wire/framing.ts";
import { largeMarker, tornMarker } from "../wire/marks.ts";
import {
  cannotOpen,
  isSameFile,
  kind,
  PIPE_BUF,
  timedOut,
  tryLock,
  unusable,
  wasReplaced,
} from "./file.ts";
import type { LockWait } from "./lock.ts";
import type { NonblockingWriter } from "./nonblocking.ts";
import { QueueHeader } from "./queue_header.ts";

/** How a writer waits. */
export interface FifoWriterOptions {
  /** Whether to wait for a reader if there is none. */
  wait: boolean;
  /**
   * The longest wait without progress, in milliseconds; no limit if undefined.
   */
  timeoutMs: number | undefined;
  /** Gives up when aborted. */
  signal: AbortSignal | undefined;
  /**
   * Whether to wait in the kernel if that costs less. A wait there cannot be
   * cancelled, and keeps the process alive.
   */
  parks?: boolean;
  /**
   * Whether the FIFO belongs to one subscriber of the bus: then nobody waits in
   * open(2) to write to it, and the path must not be a symbolic link.
   */
  owned?: boolean;
  /**
   * Whether the process writes one message and ends. Then a write to an owned
   * FIFO may wait in the kernel: the end of the process cancels it.
   */
  isLast?: boolean;
  /**
   * Whether its readers have a queue file, in which a publisher marks that it
   * is within a message. On the bus, if there is no queue file, the publisher
   * writes a marker into the FIFO.
   */
  hasQueue?: boolean;
  /** Finds a path when the FIFO is opened: it may have several names. */
  findPath?(): string;
  /**
   * Checks the FIFO that was just opened.
   *
   * @throws {Error} If we must not write to it.
   */
  accept?(info: Deno.FileInfo): void;
}

/** The same FIFO, open twice. */
interface Handle {
  /** Its writes wait for room; it holds the locks. */
  file: Deno.FsFile;
  /** Its writes fail if there is no room. */
  writer?: NonblockingWriter | undefined;
  /** A wait for its lock, where Deno cannot try a lock. */
  wait?: LockWait | undefined;
}

/**
 * A writer parks one of the 32 threads of Deno's pool while it waits in open(2)
 * or write(2). So only the first few writers of a process do so; others poll.
 */
const MAX_BLOCKING_WRITERS = 4;
let blockingWriters = 0;

/**
 * How many writers of a process that is about to end may park a thread: half of
 * the pool, so that everything else goes on. Others poll.
 */
const MAX_LAST_WRITERS = 16;
let lastWriters = 0;

/**
 * With a shorter timeout, a writer polls: a write by another thread takes a few
 * milliseconds on a busy machine even if there is room.
 */
const MIN_LAST_MS = 200;

/** Before Deno 2.8, an open(2) that waits blocks the event loop. */
const OPEN_IS_ASYNC = isDenoAtLeast(2, 8);

/**
 * Of this many writes in a row, all but the last are made at once (2 µs each);
 * the last lets the event loop run (60 µs). A writer with fewer writes does not
 * need node:fs.
 */
const BURST = 16;

/**
 * The size of the pieces of a larger message. Linux uses a page for each piece,
 * and appends to the last page even if the pipe is full: the 16 bytes left in
 * the page have room for the marker that ends a torn message.
 */
const PIECE = PIPE_BUF - 16;

/**
 * How often to check whether a reader has made a queue file: until then, a reader
 * that leaves cannot ask this publisher to wait. A check costs about 20 µs.
 */
const LOOK_MS = 10;

/**
 * How long to let a reader leave first. It needs a few milliseconds, on a busy
 * machine more, and gives up itself after this time. One that was stopped holds
 * up all readers anyway.
 */
const MAX_LEAVE_MS = 10_000;

/** Why a write waits, for the error. */
const STOPPED = "its reader has stopped reading";
const IN_MESSAGE = "another publisher has stopped in mid-message";

/** How many times to look, a millisecond apart, for a file that was removed. */
const MAX_LOOKS = 20;

let nonblocking: typeof import("./nonblocking.ts") | undefined;

/**
 * Writes messages to a FIFO. It waits for a reader, as `echo` does, and waits
 * again when the reader has gone.
 *
 * It waits in one of two ways. Waiting in the kernel costs least, but cannot be
 * cancelled and parks a thread. O_NONBLOCK with pauses is for writers that may
 * give up, and for large numbers of writers; it needs node:fs, which takes 30
 * ms to load.
 */
export class FifoWriter {
  #path: string;
  readonly #tornMarker: Uint8Array;
  readonly #killedMarker: Uint8Array;
  readonly #delimiter: Delimiter;
  readonly #options: FifoWriterOptions;
  #blocking: boolean;
  #handle: Handle | undefined;
  /** Whether it gave up a write that still waits in the kernel. */
  #isStuck = false;
  #isOpening = false;
  /** Settles with the write that waits in the kernel. */
  #parked: PromiseWithResolvers<void> | undefined;
  #writes = 0;
  /** Whether the last message in the FIFO lacks its end. */
  #torn = false;
  #marks: QueueHeader | undefined;
  #lookedAt = -Infinity;
  /** Whether no fifobus reader has a queue file, after MAX_LOOKS looks. */
  #isPlain = false;

  /**
   * Creates a writer, which opens the FIFO when it has something to write.
   *
   * @param path Where the FIFO is.
   * @param delimiter What ends a message.
   * @param options How to wait.
   */
  constructor(path: string, delimiter: Delimiter, options: FifoWriterOptions) {
    this.#path = path;
    this.#tornMarker = tornMarker(delimiter);
    this.#killedMarker = tornMarker(delimiter, true);
    this.#delimiter = delimiter;
    this.#options = options;
    this.#blocking = OPEN_IS_ASYNC && options.wait &&
      options.parks === true && options.timeoutMs === undefined &&
      blockingWriters < MAX_BLOCKING_WRITERS;
    if (!this.#blocking) return;
    blockingWriters++;
    options.signal?.addEventListener(
      "abort",
      () => this.#parked?.reject(options.signal!.reason),
    );
  }

  /** Whether it waits for a reader. */
  get isOpening(): boolean {
    return this.#isOpening;
  }

  /** Stops it from parking a thread, if it has not opened the FIFO yet. */
  unpark(): void {
    if (!this.#blocking || this.#handle || this.#isOpening) return;
    this.#blocking = false;
    blockingWriters--;
  }

  /**
   * Writes whole messages: as many as fit into PIPE_BUF bytes, which no other
   * writer can split, or one larger message, with an exclusive lock so that no
   * other fifobus writer can split it. If the reader goes away, it writes them
   * again for the next reader.
   *
   * @param bytes The messages, each with its delimiter.
   * @throws {FifobusError} `no_reader`, `timed_out`, `not_a_fifo`.
   */
  async write(bytes: Uint8Array): Promise<void> {
    this.#options.signal?.throwIfAborted();
    if (!this.#blocking) return await this.#write(bytes);
    const parked = this.#parked = Promise.withResolvers<void>();
    this.#write(bytes).then(parked.resolve, parked.reject);
    await parked.promise;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const exclusive = bytes.length > PIPE_BUF;
    // Even if that write has ended since: it was reported as given up.
    if (this.#isStuck) throw this.#timedOut();
    this.#handle ??= await this.#open(!exclusive);
    await this.#lock(exclusive);
    try {
      let isLeft = await this.#begin(exclusive);
      let isEnded = !isLeft;
      let isAnnounced = false;
      for (let rest = bytes; rest.length > 0;) {
        try {
          if (!isEnded) await this.#put(this.#killedMarker);
          isEnded = true;
          if (this.#torn) {
            await this.#put(this.#tornMarker);
            this.#torn = false;
          }
          const isMarked = this.#marks !== undefined || !this.#options.owned;
          if (exclusive && !isMarked && !isAnnounced) {
            const { length } = bytes;
            await this.#put(largeMarker(length - 1, this.#delimiter));
            isAnnounced = true;
          }
          rest = rest.subarray(await this.#put(rest));
        } catch (error) {
          // The next reader gets the part that the last one did not read.
          this.#torn ||= isAnnounced || rest.length < bytes.length;
          isAnnounced = false;
          if (!(error instanceof Deno.errors.BrokenPipe)) {
            this.#endTorn();
            throw cannotOpen(this.#path, error, "write");
          }
          rest = bytes;
          if (await this.#reopen()) await this.#lock(exclusive);
          // The next reader may have a queue file of its own.
          if (this.#marks?.isInPlace) continue;
          this.#forgetMarks();
          if (await this.#begin(exclusive)) {
            isLeft = true;
            isEnded = false;
          }
        }
      }
      if (exclusive || isLeft) this.#marks?.markPublisher(false);
    } finally {
      // A write that still waits must not get into a large message.
      if (!this.#isStuck) this.#handle.file.unlockSync();
    }
  }

  /**
   * Lets a reader leave first, and marks that a message of several writes begins.
   *
   * @returns Whether another publisher was killed within such a message: its
   * part would run into this message.
   */
  async #begin(exclusive: boolean): Promise<boolean> {
    const giveUpAt = performance.now() + MAX_LEAVE_MS;
    let isLeft = await this.#readMarks(exclusive);
    // If publishers write all the time, one of them has the lock at each
    // moment, and the reader would close without it: what they write meanwhile
    // would be lost.
    while (this.#marks?.isReaderLeaving && performance.now() < giveUpAt) {
      if (this.#marks.clearLeaving()) break;
      this.#handle!.file.unlockSync();
      await pause(1);
      await this.#lock(exclusive);
      isLeft = await this.#readMarks(exclusive);
    }
    if (exclusive) this.#marks?.markPublisher(true);
    return isLeft;
  }

  async #readMarks(exclusive: boolean): Promise<boolean> {
    return this.#marks?.isPublisherTorn ?? await this.#findMarks(exclusive);
  }

  #forgetMarks(): void {
    this.#marks?.close();
    this.#marks = undefined;
    this.#lookedAt = -Infinity;
  }

  /**
   * Opens the queue file, which says whether another publisher was killed
   * within a message.
   */
  async #findMarks(exclusive: boolean): Promise<boolean> {
    if (!this.#options.hasQueue) return false;
    const now = performance.now();
    const isEarly = now - this.#lookedAt < LOOK_MS;
    // A reader may have made a removed file again by now.
    if (isEarly && !exclusive && !this.#marks) return false;
    this.#lookedAt = now;
    const info = this.#handle!.file.statSync();
    // If fifobus readers come and go, one of them makes it again in a moment.
    const attempts = exclusive && !this.#isPlain ? MAX_LOOKS : 1;
    this.#marks?.close();
    this.#marks = undefined;
    for (let i = 0; i < attempts && !this.#marks; i++) {
      if (i > 0) await pause(1);
      this.#marks = QueueHeader.find(
        this.#path,
        info,
        this.#options.owned === true,
      );
    }
    this.#isPlain = this.#marks === undefined &&
      (this.#isPlain || attempts > 1);
    return this.#marks?.isPublisherTorn ?? false;
  }

  /** Closes the FIFO. Written messages stay in it while it has a reader. */
  close(): void {
    if (this.#blocking) blockingWriters--;
    if (!this.#handle) return;
    this.#endTorn();
    this.#marks?.close();
    closeHandle(this.#handle);
    this.#handle = undefined;
  }

  #endTorn(): void {
    if (!this.#torn) return;
    try {
      this.#torn = tryWrite(this.#handle!, this.#tornMarker) === 0;
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  /**
   * Waits for the next reader with the FIFO still open: if all processes closed
   * it, the messages in it would be lost.
   *
   * @returns Whether another FIFO is at the path now.
   */
  async #reopen(): Promise<boolean> {
    const old = this.#handle!;
    const fresh = await this.#open(false);
    if (isSameFile(old.file.statSync(), fresh.file.statSync())) {
      closeHandle(fresh);
      return false;
    }
    closeHandle(old);
    this.#handle = fresh;
    this.#torn = false;
    return true;
  }

  async #open(isSmall: boolean): Promise<Handle> {
    this.#path = this.#options.findPath?.() ?? this.#path;
    this.#isOpening = true;
    try {
      const handle = this.#blocking
        ? { file: await Deno.open(this.#path, { write: true }) }
        : isSmall && this.#takePlace()
        ? { file: openOwned(this.#path) }
        : await this.#openPolling();
      return this.#checked(handle);
    } catch (error) {
      throw cannotOpen(this.#path, error, "write");
    } finally {
      this.#isOpening = false;
    }
  }

  /**
   * Checks the file: another one may be at the path, even between two opens.
   */
  #checked(handle: Handle): Handle {
    try {
      const info = handle.file.statSync();
      if (!info.isFifo) throw unusable(this.#path, `it is ${kind(info)}`);
      if (handle.writer?.isSame(info) === false) throw wasReplaced(this.#path);
      // The reader has come too late.
      this.#options.signal?.throwIfAborted();
      this.#options.accept?.(info);
      return handle;
    } catch (error) {
      closeHandle(handle);
      throw error;
    }
  }

  /**
   * Takes one of the few places for a last message that waits in the kernel,
   * without node:fs; false if it may not.
   */
  #takePlace(): boolean {
    const { owned, isLast, timeoutMs = Infinity } = this.#options;
    return owned === true && isLast === true && !nonblocking &&
      timeoutMs >= MIN_LAST_MS && lastWriters++ < MAX_LAST_WRITERS;
  }

  async #openPolling(): Promise<Handle> {
    const { owned } = this.#options;
    const { NonblockingWriter } = await loadNonblocking();
    const poll = await this.#poll("nobody reads it");
    let writer: NonblockingWriter | undefined;
    while (!(writer = NonblockingWriter.open(this.#path, !owned))) {
      if (!this.#options.wait) {
        throw new FifobusError(
          "no_reader",
          `Cannot write to "${this.#path}": nobody reads it`,
        );
      }
      await poll();
    }
    try {
      const file = owned
        ? openOwned(this.#path)
        : await Deno.open(this.#path, { write: true });
      return { file, writer };
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  /** Writes some of the bytes, and returns how many. */
  async #put(bytes: Uint8Array): Promise<number> {
    const handle = this.#handle!;
    const turn = this.#writes++ % BURST === BURST - 1;
    if (this.#blocking) {
      if (turn) handle.writer ??= await openSame(this.#path, handle.file);
      return !turn && tryWrite(handle, bytes) || await handle.file.write(bytes);
    }
    // The quickest way to let the event loop run: a timer takes 1 ms.
    if (turn) await handle.file.stat();
    if (!handle.writer) return await this.#putLast(handle.file, bytes);
    const poll = await this.#poll(STOPPED);
    let count;
    while ((count = tryWrite(handle, bytes)) === 0) await poll();
    return count;
  }

  /**
   * Writes in the kernel: all bytes or none. It gives up after the timeout; the
   * write goes on waiting until the process ends.
   */
  async #putLast(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
    const { timeoutMs = Infinity, signal } = this.#options;
    // It begins at once: the rest of this takes as long as a write into room.
    const writing = file.write(bytes);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const giveUp = (error: unknown) => {
      this.#isStuck = true;
      reject(error);
    };
    const onAbort = () => giveUp(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const onTimeout = () => giveUp(this.#timedOut());
    // The first setTimeout() takes 7 ms, as Deno loads its code for Node.js.
    const timeout = timeoutMs <= MAX_TIMER_MS
      ? AbortSignal.timeout(timeoutMs)
      : undefined;
    timeout?.addEventListener("abort", onTimeout);
    writing.then(resolve, reject);
    try {
      return await promise;
    } finally {
      timeout?.removeEventListener("abort", onTimeout);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #timedOut(): FifobusError {
    const { timeoutMs } = this.#options;
    return timedOut(this.#path, STOPPED, timeoutMs);
  }

  async #lock(exclusive: boolean): Promise<void> {
    try {
      await this.#waitForLock(exclusive);
    } catch (error) {
      throw cannotOpen(this.#path, error, "lock");
    }
  }

  async #waitForLock(exclusive: boolean): Promise<void> {
    const { file } = this.#handle!;
    const isLocked = tryLock(file, exclusive);
    if (isLocked) return;
    if (this.#blocking) return await file.lock(exclusive);
    if (isLocked === undefined) return await this.#endWait(exclusive);
    const poll = await this.#poll(IN_MESSAGE);
    while (!tryLock(file, exclusive)) await poll();
  }

  /** Waits as Deno 2.6 does, which cannot try a lock. */
  async #endWait(exclusive: boolean): Promise<void> {
    const handle = this.#handle!;
    let poll: (() => Promise<void>) | undefined;
    const pause = async () => {
      poll ??= await this.#poll(IN_MESSAGE);
      await poll();
    };
    const { LockWait } = await load<typeof import("./lock.ts")>(
      import.meta.resolve("./lock.ts"),
    );
    while (true) {
      if (!handle.wait || handle.wait.isSpent) {
        handle.wait = new LockWait(handle.file, exclusive);
      }
      const { wait } = handle;
      await wait.ended(pause);
      handle.wait = undefined;
      if (wait.exclusive || !exclusive) return;
      // It was for a smaller message, which was given up.
      handle.file.unlockSync();
    }
  }

  /** Only for writers that poll: the others wait in the kernel. */
  async #poll(reason: string): Promise<() => Promise<void>> {
    const { pauses } = await loadNonblocking();
    return pauses(this.#path, reason, this.#options);
  }
}

/** Here, and not lib/delay.ts: each start would load that. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function loadNonblocking(): Promise<
  typeof import("./nonblocking.ts")
> {
  return nonblocking ??= await load<typeof import("./nonblocking.ts")>(
    import.meta.resolve("./nonblocking.ts"),
  );
}

/** Opens a FIFO with O_NONBLOCK, if it is still the FIFO that is open. */
async function openSame(
  path: string,
  file: Deno.FsFile,
): Promise<NonblockingWriter | undefined> {
  const { NonblockingWriter } = await loadNonblocking();
  const writer = NonblockingWriter.open(path);
  if (!writer || writer.isSame(file.statSync())) return writer;
  writer.close();
  return undefined;
}

/**
 * Opens a FIFO for writing without ever waiting: it opens the FIFO read-write
 * first, which counts as a reader, and then closes that handle. If other
 * writers waited in open(2), this would let them in, and their messages would
 * be lost.
 */
function openOwned(path: string): Deno.FsFile {
  const seen = Deno.lstatSync(path);
  if (!seen.isFifo) throw unusable(path, `it is ${kind(seen)}`);
  using _reader = Deno.openSync(path, { read: true, write: true });
  const file = Deno.openSync(path, { write: true });
  if (isSameFile(file.statSync(), seen)) return file;
  file.close();
  throw wasReplaced(path);
}

/**
 * Writes as much as fits into PIPE_BUF bytes, if there is room for it.
 *
 * @param handle The FIFO; without a nonblocking writer there is never room.
 * @param bytes The bytes.
 * @returns How many bytes it wrote.
 */
function tryWrite({ writer }: Handle, bytes: Uint8Array): number {
  const piece = bytes.length > PIPE_BUF ? bytes.subarray(0, PIECE) : bytes;
  return writer?.tryWrite(piece) ?? 0;
}

function closeHandle({ file, writer }: Handle): void {
  file.close();
  writer?.close();
}

function isDenoAtLeast(major: number, minor: number): boolean {
  const [ours = 0, oursMinor = 0] = Deno.version.deno.split(".").map(Number);
  return ours > major || ours === major && oursMinor >= minor;
}
