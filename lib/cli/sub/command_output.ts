/**
 * Runs commands instead of printing messages: `sub --exec`.
 *
 * @module
 */
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import type { Delimiter } from "../../wire/framing.ts";
import { Exec } from "./exec.ts";
import type { FailedMessages } from "./failed.ts";

/** Which commands to run. */
export interface CommandOptions {
  /** A shell command. */
  command: string;
  /** How many may run at a time. */
  jobs: number;
  /** How often to retry a command that fails. */
  retry: number;
  /** The address for messages whose commands failed. */
  failed: string | undefined;
  /** How to connect to it, if it is at a broker. */
  mqtt: MqttOptions | undefined;
  /** What ends a message. */
  delimiter: Delimiter;
  /** Whether the command's output is the answer to a request. */
  respond: boolean;
  /** Whether a failed command ends the program. */
  strict: boolean;
  /** Whether its message then stays in the session at the broker. */
  leavesFailed: boolean;
  /** How long commands may go on when a signal ends the program. */
  graceMs: number;
}

/** Which commands to run, and whom to tell what. */
export interface CommandOutputOptions extends CommandOptions {
  /** Tells what went wrong. */
  say(text: string): void;
  /** Ends the program. */
  quit(): void;
}

/** Runs a command for each message. */
export class CommandOutput implements AsyncDisposable {
  readonly #exec: Exec;
  readonly #options: CommandOutputOptions;
  #failedMessages: Promise<FailedMessages> | undefined;
  #failed = 0;
  #isOver = false;
  #grace: ReturnType<typeof setTimeout> | undefined;

  /**
   * Prepares to run commands.
   *
   * @param options How to run them.
   */
  constructor(options: CommandOutputOptions) {
    this.#options = options;
    this.#exec = new Exec({ ...options, onFailed: this.#fail.bind(this) });
  }

  /**
   * Waits until there is room for another command.
   *
   * @returns How many commands can start; 0 if the program ends.
   */
  async room(): Promise<number> {
    const room = await this.#exec.room();
    return this.#isOver ? 0 : room;
  }

  /** The messages that we took but whose commands did not finish. */
  get unhandled(): Message[] {
    return this.#exec.unhandled;
  }

  /** Starts a command for each message; the caller has waited for room. */
  take(messages: Message[]): Promise<void> {
    for (const message of messages) {
      // A signal may have come while the messages did.
      if (this.#isOver) this.unhandled.push(message);
      else this.#exec.start(message);
    }
    return Promise.resolve();
  }

  /** Handles a signal that ends the program: commands get some more time. */
  stop(): void {
    this.#isOver = true;
    this.#exec.stop();
    const { graceMs } = this.#options;
    if (graceMs === Infinity) return;
    this.#grace = setTimeout(() => this.#exec.kill(), graceMs);
  }

  /** Waits for all commands. */
  async finish(): Promise<void> {
    try {
      await this.#exec.finish();
    } finally {
      clearTimeout(this.#grace);
      await (await this.#failedMessages)?.close();
    }
    const { strict, say } = this.#options;
    if (strict && this.#failed > 0) throw new Error("Stopped by --strict");
    if (this.#failed > 1) say(`${this.#failed} commands failed`);
  }

  /** Clears the timer. */
  [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#grace);
    return Promise.resolve();
  }

  async #fail(message: Message, reason: string): Promise<void> {
    const { failed, strict, leavesFailed, say } = this.#options;
    this.#failed++;
    if (strict) this.#quit();
    if (leavesFailed) this.unhandled.push(message);
    if (failed === undefined) return say(reason);
    try {
      const messages = await (this.#failedMessages ??= openFailed(
        failed,
        this.#options,
      ));
      say(`${reason}: ${await messages.add(message)}`);
    } catch (error) {
      // Without a place for failed messages, we handle no more of them.
      say(reason);
      this.#quit();
      throw error;
    }
  }

  #quit(): void {
    this.#isOver = true;
    this.#options.quit();
  }
}

async function openFailed(
  address: string,
  options: CommandOutputOptions,
): Promise<FailedMessages> {
  const { FailedMessages } = await load<typeof import("./failed.ts")>(
    import.meta.resolve("./failed.ts"),
  );
  return await FailedMessages.open(address, { ...options, suffix: "-failed" });
}
