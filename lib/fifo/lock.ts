/**
 * Waiting for a lock, but not for ever: Deno 2.6 cannot try a lock.
 *
 * @module
 */
import { delay } from "../delay.ts";

/** How long to wait for a lock. */
const MAX_MS = 500;

/** A lock that is free takes no longer, unless the machine is busy. */
const SOON_MS = 10;

/** What the thread runs. */
const WAITS = `onmessage = ({ data: [path, isLocked] }) => {
  Deno.openSync(path, { read: true, write: true }).lockSync(true);
  Atomics.store(isLocked, 0, 1);
  Atomics.notify(isLocked, 0);
};`;

/**
 * Waits for an exclusive lock, or gives up. Deno 2.6 can only wait for it.
 *
 * @param file What to lock; after giving up, it can only be closed.
 * @returns Whether this process has the lock.
 */
export async function lockSoon(file: Deno.FsFile): Promise<boolean> {
  const locked = new AbortController();
  return await Promise.race([
    file.lock(true).then(() => {
      locked.abort();
      return true;
    }),
    delay(MAX_MS, locked.signal).then(() => false, () => true),
  ]);
}

/**
 * A wait for a lock that somebody can give up. It cannot be called off: so it
 * goes on until it has the lock, and then gives it back, unless it is taken up
 * again. It takes one of the 32 threads of Deno's pool.
 */
export class LockWait {
  readonly #file: Deno.FsFile;
  readonly #locked: Promise<void>;
  /** Whether the lock is exclusive. */
  readonly exclusive: boolean;
  #isWanted = true;
  #isOver = false;

  /**
   * Starts to wait.
   *
   * @param file What to lock; until the wait is over, it can only be closed.
   * @param exclusive Whether to take an exclusive lock, not a shared one.
   */
  constructor(file: Deno.FsFile, exclusive: boolean) {
    this.#file = file;
    this.exclusive = exclusive;
    this.#locked = file.lock(exclusive).finally(() => {
      this.#isOver = true;
      if (!this.#isWanted) this.#giveBack();
    });
    // Thrown by ended(), if it is called again.
    this.#locked.catch(() => {});
  }

  /** Whether it has given the lock back, after it was given up. */
  get isSpent(): boolean {
    return this.#isOver && !this.#isWanted;
  }

  /**
   * Waits until this process has the lock.
   *
   * @param pause Waits for a moment; throws to give the lock up.
   */
  async ended(pause: () => Promise<void>): Promise<void> {
    this.#isWanted = true;
    try {
      const soon = Promise.withResolvers<void>();
      const timer = setTimeout(soon.resolve, SOON_MS);
      await Promise.race([this.#locked, soon.promise])
        .finally(() => clearTimeout(timer));
      while (!this.#isOver) await pause();
    } catch (error) {
      this.#isWanted = false;
      if (this.#isOver) this.#giveBack();
      throw error;
    }
    await this.#locked;
  }

  #giveBack(): void {
    try {
      this.#file.unlockSync();
    } catch {
      // It is closed by now.
    }
  }
}

/**
 * Waits for an exclusive lock while the process ends: nothing asynchronous
 * comes to its end then, but another thread can wait.
 *
 * @param path What to lock.
 * @returns Dispose it to give up the lock; undefined if it was not free.
 */
export function lockInThread(path: string): Disposable | undefined {
  const isLocked = new Int32Array(new SharedArrayBuffer(4));
  const url = `data:text/javascript,${encodeURIComponent(WAITS)}`;
  const worker = new Worker(url, { type: "module" });
  worker.postMessage([path, isLocked]);
  if (Atomics.wait(isLocked, 0, 0, MAX_MS) === "timed-out") {
    worker.terminate();
    return undefined;
  }
  return { [Symbol.dispose]: () => worker.terminate() };
}
