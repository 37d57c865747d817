/**
 * A delay, as in @std/async: the import of another package takes 1 ms at each
 * start, and 6 ms with an import map that sends it to npm.
 *
 * @module
 */

/** The longest time that setTimeout() supports, 25 days. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Pauses.
 *
 * @param ms How long, in milliseconds.
 * @param signal Ends the pause when aborted; then it fails with the reason.
 * @returns When the time is over.
 */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) {
    reject(signal.reason);
    return promise;
  }
  const onAbort = () => {
    clearTimeout(timer);
    reject(signal!.reason);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener("abort", onAbort);
    resolve();
  }, ms);
  signal?.addEventListener("abort", onAbort, { once: true });
  return promise;
}
