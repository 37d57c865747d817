/**
 * A FIFO without waiting: what Deno's own files cannot do.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";
import { FifobusError } from "./errors.ts";
import { checkFifo, PIPE_BUF } from "./fifo.ts";

/** How long to pause before the next attempt. */
const PAUSE_MS = 1;

/** Deno 2.6 cannot try: its lock() waits, on a thread of its own. */
type Lockable = Pick<Deno.FsFile, "lock"> & {
  tryLockSync?(exclusive: boolean): boolean;
};

/**
 * Reads what is there and writes where there is room. It needs node:fs, 30 ms to
 * load, for O_NONBLOCK.
 */
export class NonblockingFifo implements Disposable {
  readonly #fs: typeof import("node:fs");
  readonly #fd: number;
  readonly #file: Deno.FsFile;

  private constructor(
    fs: typeof import("node:fs"),
    fd: number,
    file: Deno.FsFile,
  ) {
    this.#fs = fs;
    this.#fd = fd;
    this.#file = file;
  }

  /**
   * Opens a FIFO once more.
   *
   * @param path Where it is.
   * @param info Which it is.
   * @returns The FIFO, to be closed after use.
   * @throws {FifobusError} `not_a_fifo`, if the path has come to mean another
   * file.
   */
  static async open(
    path: string,
    info: Deno.FileInfo,
  ): Promise<NonblockingFifo> {
    const fs = await import("node:fs");
    const file = Deno.openSync(path, { read: true, write: true });
    checkFifo(file, path);
    const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    const fifo = new NonblockingFifo(fs, fd, file);
    const opened = [file.statSync(), fs.fstatSync(fd)];
    if (opened.every(({ dev, ino }) => dev === info.dev && ino === info.ino)) {
      return fifo;
    }
    fifo[Symbol.dispose]();
    throw new FifobusError(
      "not_a_fifo",
      `Cannot use "${path}" as a FIFO: it was replaced by another file`,
    );
  }

  /**
   * Reads, if there is something to read.
   *
   * @param buffer Where it goes.
   * @returns How many bytes were read, 0 if the FIFO is empty.
   */
  tryRead(buffer: Uint8Array): number {
    const { length } = buffer;
    return this.#try(() =>
      this.#fs.readSync(this.#fd, buffer, 0, length, null)
    );
  }

  /**
   * Writes, if there is room.
   *
   * @param bytes At most PIPE_BUF bytes, which are written whole or not at all.
   * @returns Whether they were.
   */
  tryWrite(bytes: Uint8Array): boolean {
    return this.#try(() => this.#fs.writeSync(this.#fd, bytes)) > 0;
  }

  /**
   * Keeps publishers of ours out, unless one is writing. On Deno 2.6, which can
   * only wait for a lock, they are not kept out.
   *
   * @returns Whether none is writing.
   */
  tryLock(): boolean {
    return (this.#file as Lockable).tryLockSync?.(true) ?? true;
  }

  /** Lets publishers in again. */
  unlock(): void {
    this.#file.unlockSync();
  }

  /**
   * Writes as publishers do: with the lock that keeps larger messages whole.
   *
   * @param bytes Messages of at most PIPE_BUF bytes together, or a larger one.
   * @returns When all is written.
   */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#lock(bytes.length > PIPE_BUF);
    try {
      for (let at = 0; at < bytes.length; at += PIPE_BUF) {
        const piece = bytes.subarray(at, at + PIPE_BUF);
        while (!this.tryWrite(piece)) await delay(PAUSE_MS);
      }
    } finally {
      this.#file.unlockSync();
    }
  }

  /** Closes the FIFO. */
  [Symbol.dispose](): void {
    this.#file.close();
    this.#fs.closeSync(this.#fd);
  }

  async #lock(exclusive: boolean): Promise<void> {
    const file: Lockable = this.#file;
    if (!file.tryLockSync) return await file.lock(exclusive);
    while (!file.tryLockSync(exclusive)) await delay(PAUSE_MS);
  }

  #try(operation: () => number): number {
    try {
      return operation();
    } catch (error) {
      // Not always an error of the class WouldBlock.
      if ((error as { code?: string }).code === "EAGAIN") return 0;
      throw error;
    }
  }
}
