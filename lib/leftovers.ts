/**
 * Cleaning up when a process ends without closing what it has opened: through
 * Deno.exit(), an unhandled error, or the end of its script.
 *
 * @module
 */

/** Cleans up while the process ends. */
export interface CleanUp {
  /**
   * Cleans up; it cannot wait for anything.
   *
   * @param isOver Whether the process is certain to end.
   */
  cleanUp(isOver: boolean): void;
  /** Called if the process continues, because somebody handled the error. */
  revive?(): void;
}

/**
 * These events fire before anybody has had a chance to handle the error: code
 * that runs later runs only if the process continues.
 */
const ERRORS = ["error", "unhandledrejection"] as const;

const cleanUps = new Set<CleanUp>();

function run(what: (it: CleanUp) => void): void {
  for (const it of cleanUps) {
    try {
      what(it);
    } catch {
      // Run the others all the same; nobody is left to report the error to.
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
 * Registers a cleanup for the end of the process. It does not run if a signal
 * ends the process.
 *
 * @param cleanUp What to do.
 * @returns Dispose it to remove the cleanup.
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
