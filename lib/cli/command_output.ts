/**
 * Commands in the place of printed messages: `sub --exec`.
 *
 * @module
 */
import type { Message } from "../message.ts";
import { Exec } from "./exec.ts";

/** How to run the commands. */
export interface CommandOutputOptions {
  /** A line of shell. */
  command: string;
  /** How many may run at a time. */
  jobs: number;
  /** Whether what it prints answers a request. */
  respond: boolean;
  /** Whether one that fails ends all. */
  strict: boolean;
  /** Tells what went wrong. */
  say(text: string): void;
}

/** Runs a command for each message. */
export class CommandOutput implements AsyncDisposable {
  readonly #exec: Exec;
  readonly #options: CommandOutputOptions;

  /**
   * Prepares to run commands.
   *
   * @param options How.
   */
  constructor(options: CommandOutputOptions) {
    this.#options = options;
    this.#exec = new Exec({ ...options, onFailed: options.say });
  }

  /** Starts a command for each of the messages, as soon as it may. */
  async take(messages: Message[]): Promise<void> {
    for (const message of messages) {
      await this.#exec.ready();
      if (this.#options.strict && this.#exec.failed > 0) await this.finish();
      this.#exec.start(message);
    }
  }

  /** Waits for all commands. */
  async finish(): Promise<void> {
    await this.#exec.finish();
    const { failed } = this.#exec;
    const { strict, say } = this.#options;
    if (strict && failed > 0) throw new Error("Stopped by --strict");
    if (failed > 1) say(`${failed} commands failed`);
  }

  /** Nothing is left behind. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
