/**
 * Opening a FIFO and writing to it without ever waiting, which Deno's own files
 * cannot. In a file of its own, as node:fs takes 30 ms to load.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { FifobusError } from "../errors.ts";
import { kind, unusable, wasReplaced } from "./file.ts";

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
   * @throws {FifobusError} `not_a_fifo`, if it is something else.
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
    // O_NOFOLLOW does not do: where not all permissions are granted, Deno opens
    // what a link points to.
    if (writer.isSame(seen)) return writer;
    writer.close();
    throw wasReplaced(path);
  }

  /** Whether it is the same FIFO as another one that is open. */
  isSame({ dev, ino }: Deno.FileInfo): boolean {
    const info = fstatSync(this.#fd);
    return info.dev === dev && info.ino === ino;
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
 * Tells whether somebody reads a FIFO.
 *
 * @param path The FIFO; a symbolic link is not followed.
 * @returns Whether somebody does; undefined if that cannot be told: it is gone,
 * not a FIFO, or this user may not write to it.
 */
export function isRead(path: string): boolean | undefined {
  try {
    const writer = NonblockingWriter.open(path, false);
    writer?.close();
    return writer !== undefined;
  } catch {
    return undefined;
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
