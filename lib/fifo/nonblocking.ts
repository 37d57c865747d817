/**
 * Opening a FIFO and writing to it without ever waiting, which Deno's own files
 * cannot do. It is a separate module because node:fs takes 30 ms to load.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { kind, timedOut, unusable, wasReplaced } from "./file.ts";
import { delay } from "../delay.ts";

/** The first and the longest pause of a poll. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 50;

/** A FIFO open with O_NONBLOCK. */
export class NonblockingWriter {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens a FIFO.
   *
   * @param path Where it is.
   * @param follow Whether to follow a symbolic link.
   * @returns The FIFO; undefined if nobody reads it.
   * @throws {FifobusError} `not_a_fifo`, if the path is not a FIFO.
   */
  static open(path: string, follow = true): NonblockingWriter | undefined {
    const { O_WRONLY, O_NONBLOCK } = constants;
    const seen = follow ? Deno.statSync(path) : Deno.lstatSync(path);
    if (!seen.isFifo) throw unusable(path, `it is ${kind(seen)}`);
    let fd;
    try {
      fd = openSync(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if ((error as { code?: string }).code === "ENXIO") return undefined;
      throw error;
    }
    const writer = new NonblockingWriter(fd);
    // O_NOFOLLOW is not enough: unless Deno has all permissions, it opens the
    // target of a link.
    if (writer.isSame(seen)) return writer;
    writer.close();
    throw wasReplaced(path);
  }

  /** Whether this is the FIFO that a stat result describes. */
  isSame({ dev, ino }: Deno.FileInfo): boolean {
    const info = fstatSync(this.#fd);
    return info.dev === dev && info.ino === ino;
  }

  /**
   * Writes, if there is room.
   *
   * @param bytes At most PIPE_BUF bytes, so that the system writes all or none
   * of them. With more bytes, node:fs would write some and fail without a
   * count.
   * @returns How many bytes it wrote.
   */
  tryWrite(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return 0;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Tells whether somebody reads a FIFO.
 *
 * @param path The FIFO.
 * @param follow Whether to follow a symbolic link.
 * @returns Whether somebody reads it; undefined if we cannot know: the FIFO is
 * gone, the path is not a FIFO, or this user may not write to it.
 */
export function isRead(path: string, follow = false): boolean | undefined {
  try {
    const writer = NonblockingWriter.open(path, follow);
    writer?.close();
    return writer !== undefined;
  } catch {
    return undefined;
  }
}

/**
 * Opens a FIFO for reading, and reads what is in it.
 *
 * @param path The FIFO.
 * @param maxBytes How many bytes to read at most.
 * @returns The bytes. The FIFO stays open until this is disposed of.
 */
export function readAtOnce(
  path: string,
  maxBytes: number,
): Disposable & { bytes: Uint8Array<ArrayBuffer> } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = new Uint8Array(maxBytes);
  let count = 0;
  try {
    count = readSync(fd, buffer);
  } catch (error) {
    // It is empty, and somebody has it open for writing.
    if ((error as { code?: string }).code !== "EAGAIN") {
      closeSync(fd);
      throw error;
    }
  }
  return {
    bytes: buffer.slice(0, count),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** How long to keep trying. */
export interface PollOptions {
  /** The longest wait in milliseconds; no limit if undefined. */
  timeoutMs: number | undefined;
  /** Gives up when aborted. */
  signal: AbortSignal | undefined;
}

/**
 * Makes a function that pauses between attempts, longer each time.
 *
 * @param path The FIFO, for the error.
 * @param reason Why the caller waits, for the error.
 * @param options How long to keep trying.
 * @returns The function. It throws a {@linkcode FifobusError}, `timed_out`,
 * when the time is up.
 */
export function pauses(
  path: string,
  reason: string,
  { timeoutMs = Infinity, signal }: PollOptions,
): () => Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let pause = MIN_PAUSE_MS;
  return async () => {
    const left = deadline - performance.now();
    if (left <= 0) throw timedOut(path, reason, timeoutMs);
    await delay(Math.min(pause, left), signal);
    pause = Math.min(2 * pause, MAX_PAUSE_MS);
  };
}
