/**
 * Opening a FIFO and writing to it without ever waiting, which Deno's own files
 * cannot. In a file of its own, as node:fs takes 30 ms to load.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { delay } from "jsr:@std/async@1.5.0/delay";
import { FifobusError } from "../errors.ts";

/** How long a poll pauses: at first, and at most. */
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
   * @param follow Whether a symbolic link is followed.
   * @returns The FIFO; undefined if nobody reads it.
   */
  static open(path: string, follow = true): NonblockingWriter | undefined {
    const { O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    const flags = O_WRONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
    try {
      return new NonblockingWriter(openSync(path, flags));
    } catch (error) {
      if ((error as { code?: string }).code === "ENXIO") return undefined;
      throw error;
    }
  }

  /** Tells one FIFO from another. */
  get ino(): number {
    return fstatSync(this.#fd).ino;
  }

  /**
   * Writes, if there is room.
   *
   * @param bytes At most PIPE_BUF bytes, which are written whole or not at all:
   * of more node:fs would write some, and fail without a count.
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
 * Tells whether a FIFO has a reader.
 *
 * @param path The FIFO; a symbolic link is not followed.
 * @returns Whether it can be opened to write to it.
 */
export function hasReader(path: string): boolean {
  try {
    const writer = NonblockingWriter.open(path, false);
    writer?.close();
    return writer !== undefined;
  } catch {
    return false;
  }
}

/** How long to try again. */
export interface PollOptions {
  /** The longest wait in milliseconds; no limit if undefined. */
  timeoutMs: number | undefined;
  /** Gives up when aborted. */
  signal: AbortSignal | undefined;
}

/**
 * Makes pauses that grow, to be awaited between attempts.
 *
 * @param path The FIFO, for the error.
 * @param reason Why there is anything to wait for, for the error.
 * @param options How long.
 * @returns Pauses; throws a {@linkcode FifobusError}, `timed_out`, when it is
 * time to give up.
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
    if (left <= 0) {
      throw new FifobusError(
        "timed_out",
        `Cannot write to "${path}": ${reason}, waited ${timeoutMs} ms`,
      );
    }
    await delay(Math.min(pause, left), signal ? { signal } : {});
    pause = Math.min(2 * pause, MAX_PAUSE_MS);
  };
}
