/**
 * Taking turns with the other readers of a FIFO that have a limit.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";

/** How long to pause before the next attempt. */
const PAUSE_MS = 1;

/**
 * How long to wait for a turn. One takes microseconds, or a second with a
 * message of 1 MiB; who holds the lock for longer is none of us.
 */
const MAX_WAIT_MS = 2000;

/** Deno 2.6 cannot try, and a program that waits for a lock cannot end. */
type Lockable = Pick<Deno.FsFile, "unlockSync" | "close"> & {
  tryLockSync?(exclusive: boolean): boolean;
};

/**
 * Lets one process at a time read byte by byte. Two of them at once would part a
 * message between them.
 *
 * The lock is on the folder of the FIFO. The one on the FIFO itself is the
 * publishers', who hold it while they wait for room. Where the folder cannot be
 * opened, and on Deno 2.6, everybody has a turn at any time.
 */
export class Turns implements Disposable {
  readonly #folder: Lockable | undefined;

  /**
   * Creates the turns of a FIFO.
   *
   * @param path Where it is.
   */
  constructor(path: string) {
    try {
      const real = Deno.realPathSync(path);
      this.#folder = Deno.openSync(real.slice(0, real.lastIndexOf("/") + 1));
    } catch {
      // Without permission to read it.
    }
  }

  /**
   * Waits for a turn, and uses it.
   *
   * @param use What to do.
   */
  async take(use: () => void): Promise<void> {
    const folder = this.#folder;
    if (!folder?.tryLockSync) return use();
    const deadline = performance.now() + MAX_WAIT_MS;
    let locked;
    while (!(locked = folder.tryLockSync(true))) {
      if (performance.now() > deadline) break;
      await delay(PAUSE_MS);
    }
    try {
      use();
    } finally {
      if (locked) folder.unlockSync();
    }
  }

  /** Closes the folder. */
  [Symbol.dispose](): void {
    this.#folder?.close();
  }
}
