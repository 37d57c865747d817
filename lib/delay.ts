/**
 * A delay, as in @std/async: the import of another package takes 1 ms at each
 * start, and 6 ms with an import map that sends it to npm. It needs no
 * setTimeout(), whose first call takes 3 to 7 ms, as Deno 2.9 loads its code for
 * Node.js.
 *
 * @module
 */

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
  const onOver = () => {
    signal?.removeEventListener("abort", onAbort);
    resolve();
  };
  const onAbort = () => {
    over.removeEventListener("abort", onOver);
    reject(signal!.reason);
  };
  // It keeps the process alive while it has a listener.
  const over = AbortSignal.timeout(Math.max(0, ms));
  over.addEventListener("abort", onOver, { once: true });
  signal?.addEventListener("abort", onAbort, { once: true });
  return promise;
}
