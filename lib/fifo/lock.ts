/**
 * Waiting for a lock, but not for ever: Deno 2.6 cannot try a lock.
 *
 * @module
 */
import { delay } from "../delay.ts";

/** How long to wait for a lock. */
const MAX_MS = 500;

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
