/**
 * What must not be left behind by a process that ends without closing what it has
 * opened: by Deno.exit(), an error that nobody handles, or the end of its script.
 *
 * @module
 */

/** An error that somebody handles after all comes as one of these, too. */
const EVENTS = ["unload", "error", "unhandledrejection"] as const;

const cleanUps = new Set<() => void>();

function run(): void {
  for (const cleanUp of cleanUps) {
    try {
      cleanUp();
    } catch {
      // The others are still to be run, and nobody is left to be told.
    }
  }
}

/**
 * Does something when the process ends. It is not run when a signal ends it.
 *
 * @param cleanUp What to do; it cannot wait for anything.
 * @returns Takes that back.
 */
export function onExit(cleanUp: () => void): Disposable {
  if (cleanUps.size === 0) {
    for (const event of EVENTS) addEventListener(event, run);
  }
  cleanUps.add(cleanUp);
  return {
    [Symbol.dispose]: () => {
      cleanUps.delete(cleanUp);
      if (cleanUps.size > 0) return;
      for (const event of EVENTS) removeEventListener(event, run);
    },
  };
}
