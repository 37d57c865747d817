/**
 * SIGINT, SIGTERM and SIGHUP: end as they ask, but clean up before.
 *
 * @module
 */
import { EXIT } from "./exit_codes.ts";

const EXIT_BY_SIGNAL = {
  SIGHUP: EXIT.hungUp,
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
} as const;

/** How long a signal may take to come. */
const MAX_SIGNAL_MS = 500;

/**
 * Whether it is the first process of a container. The kernel does nothing with
 * a signal that such a process does not listen for, pid_namespaces(7), and Deno,
 * which expects to be ended by it, crashes.
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
   * @param onSignal Starts to clean up.
   */
  constructor(onSignal: () => void) {
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      const listener = () => {
        if (this.#raised) Deno.exit(EXIT_BY_SIGNAL[signal]);
        this.#raised = signal;
        // The kernel ends it at the next one.
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
   * Raises the signal that came once more, now that all is cleaned up: a shell
   * tells a program that a signal ended from one that exits.
   *
   * @param signal The signal.
   * @returns The exit code, for a process that still lives.
   */
  async raise(signal: EndingSignal): Promise<number> {
    if (IS_FIRST) return EXIT_BY_SIGNAL[signal];
    try {
      Deno.kill(Deno.pid, signal);
      // It comes in a moment.
      await new Promise((resolve) => setTimeout(resolve, MAX_SIGNAL_MS));
    } catch (error) {
      // Deno 2.6 wants a permission for that; the exit code has to do.
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
 * @returns The exit code for it.
 */
export function signalled(): Promise<number> {
  return new Promise((resolve) => {
    const signals = new Signals(() => resolve(EXIT_BY_SIGNAL[signals.raised!]));
  });
}

/** SIGTSTP, Ctrl-Z: stops the process once it is ready for that. */
export class Suspension implements Disposable {
  readonly #listener: () => Promise<void>;

  /**
   * Starts to listen.
   *
   * @param before Gets ready, and is waited for.
   * @param after Goes on when the process was continued.
   */
  constructor(before: () => Promise<void>, after: () => void) {
    this.#listener = async () => {
      await before();
      try {
        Deno.kill(Deno.pid, "SIGSTOP");
      } catch (error) {
        // Deno 2.6 wants a permission for that, and goes on.
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
