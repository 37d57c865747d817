/**
 * A command that runs while `sub` listens: `sub ADDRESS -- COMMAND`.
 *
 * @module
 */
import { spawnShell } from "./spawn.ts";

/** Standard output is for messages: that of the command goes to our errors. */
const SCRIPT = 'exec "$@" >&2';

/** A running command. */
export class RunningCommand implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<number>;
  #isOver = false;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts the command.
   *
   * @param command Its name and its arguments.
   * @param onEnded Called with its exit code, or the shell's code for a signal.
   * @throws {NotAllowed} If Deno does not allow it.
   */
  constructor(command: string[], onEnded: (code: number) => void) {
    this.#child = spawnShell({
      args: ["-c", SCRIPT, "sh", ...command],
      stdin: "inherit",
    });
    this.#ended = this.#child.status.then(({ code }) => {
      this.#isOver = true;
      clearTimeout(this.#timer);
      onEnded(code);
      return code;
    });
  }

  /**
   * Ends the command.
   *
   * @param graceMs How long it may still run, in milliseconds.
   */
  stop(graceMs = 0): void {
    if (this.#isOver) return;
    this.#isStopped = true;
    this.#timer ??= setTimeout(() => {
      try {
        this.#child.kill("SIGTERM");
      } catch {
        // It has just ended.
      }
    }, graceMs);
  }

  /**
   * Waits for its end.
   *
   * @returns Its exit code; 0 if we have stopped it.
   */
  async ended(): Promise<number> {
    const code = await this.#ended;
    return this.#isStopped ? 0 : code;
  }

  /** Ends the command, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#ended;
  }
}
