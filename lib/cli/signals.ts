/**
 * Handles SIGINT, SIGTERM and SIGHUP: the program cleans up, then ends.
 *
 * @module
 */
import { EXIT } from "./exit_codes.ts";

const EXIT_BY_SIGNAL = {
  SIGHUP: EXIT.hungUp,
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
} as const;

/** How long to wait for a signal that we sent to ourselves. */
const MAX_SIGNAL_MS = 500;

/**
 * Whether we are the first process of a container. The kernel discards a signal
 * that such a process does not listen for, see pid_namespaces(7). Deno expects
 * the signal to end it, and crashes.
 */
const IS_FIRST = Deno.pid === 1;

type EndingSignal = keyof typeof EXIT_BY_SIGNAL;

/** Waits for the first signal; the second one ends the process at once. */
export class Signals implements Disposable {
  readonly #listeners: [EndingSignal, () => void][] = [];
  #raised: EndingSignal | undefined;

  /**
   * Starts to listen.
   *
   * @param onSignal Called to start cleaning up.
   */
  constructor(onSignal: () => void) {
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      const listener = () => {
        if (this.#raised) Deno.exit(EXIT_BY_SIGNAL[signal]);
        this.#raised = signal;
        // Without our listeners, the next signal ends the process.
        if (!IS_FIRST) this[Symbol.dispose]();
        onSignal();
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** The signal that came. */
  get raised(): EndingSignal | undefined {
    return this.#raised;
  }

  /**
   * Raises the signal again, now that all is cleaned up. This way a shell sees
   * that a signal ended the program, and not an exit.
   *
   * @param signal The signal.
   * @returns The exit code, in case the process still lives.
   */
  async raise(signal: EndingSignal): Promise<number> {
    if (IS_FIRST) return EXIT_BY_SIGNAL[signal];
    try {
      Deno.kill(Deno.pid, signal);
      // The signal arrives in a moment.
      await new Promise((resolve) => setTimeout(resolve, MAX_SIGNAL_MS));
    } catch (error) {
      // Deno 2.6 needs a permission for this; we exit with the code instead.
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
    return EXIT_BY_SIGNAL[signal];
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners.splice(0)) {
      Deno.removeSignalListener(signal, listener);
    }
  }
}

/**
 * Waits for a signal that asks to end.
 *
 * @returns The exit code for the signal.
 */
export function signalled(): Promise<number> {
  return new Promise((resolve) => {
    const signals = new Signals(() => resolve(EXIT_BY_SIGNAL[signals.raised!]));
  });
}

/** Handles SIGTSTP (Ctrl-Z): gets ready, then stops the process. */
export class Suspension implements Disposable {
  readonly #listener: () => Promise<void>;

  /**
   * Starts to listen.
   *
   * @param before Called to get ready; the process stops when it is done.
   * @param after Called when the process continues.
   */
  constructor(before: () => Promise<void>, after: () => void) {
    this.#listener = async () => {
      await before();
      try {
        Deno.kill(Deno.pid, "SIGSTOP");
      } catch (error) {
        // Deno 2.6 needs a permission for this; without it we go on.
        if (!(error instanceof Deno.errors.NotCapable)) throw error;
      }
      after();
    };
    Deno.addSignalListener("SIGTSTP", this.#listener);
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGTSTP", this.#listener);
  }
}
