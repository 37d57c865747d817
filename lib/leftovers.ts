/**
 * What must not be left behind by a process that ends without closing what it has
 * opened: by Deno.exit(), an error that nobody handles, or the end of its script.
 *
 * @module
 */

/** Cleans up while the process ends. */
export interface CleanUp {
  /**
   * Does it; it cannot wait for anything.
   *
   * @param isOver Whether the process ends for certain.
   */
  cleanUp(isOver: boolean): void;
  /** The process goes on after all, as somebody handles its error. */
  revive?(): void;
}

/**
 * An error comes here before anybody may have handled it: what runs after that
 * runs only if the process goes on.
 */
const ERRORS = ["error", "unhandledrejection"] as const;

const cleanUps = new Set<CleanUp>();

function run(what: (it: CleanUp) => void): void {
  for (const it of cleanUps) {
    try {
      what(it);
    } catch {
      // The others are still to be run, and nobody is left to be told.
    }
  }
}

function onEnd(): void {
  run((it) => it.cleanUp(true));
}

function onError(): void {
  run((it) => it.cleanUp(false));
  queueMicrotask(() => run((it) => it.revive?.()));
}

/**
 * Does something when the process ends. It is not run when a signal ends it.
 *
 * @param cleanUp What to do.
 * @returns Takes that back.
 */
export function onExit(cleanUp: CleanUp): Disposable {
  if (cleanUps.size === 0) {
    addEventListener("unload", onEnd);
    for (const event of ERRORS) addEventListener(event, onError);
  }
  cleanUps.add(cleanUp);
  return {
    [Symbol.dispose]: () => {
      cleanUps.delete(cleanUp);
      if (cleanUps.size > 0) return;
      removeEventListener("unload", onEnd);
      for (const event of ERRORS) removeEventListener(event, onError);
    },
  };
}
