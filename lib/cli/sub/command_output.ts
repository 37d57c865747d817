/**
 * Commands in the place of printed messages: `sub --exec`.
 *
 * @module
 */
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import type { Delimiter } from "../../wire/framing.ts";
import { Exec } from "./exec.ts";
import type { FailedMessages } from "./failed.ts";

/** How long commands may go on when the program is to end. */
const GRACE_MS = 10_000;

/** How to run the commands. */
export interface CommandOutputOptions {
  /** A line of shell. */
  command: string;
  /** How many may run at a time; 1 if undefined. */
  jobs: number | undefined;
  /** How often to run a command again that fails; never if undefined. */
  retry: number | undefined;
  /** Where the messages go whose commands failed. */
  failed: string | undefined;
  /** What ends a message. */
  delimiter: Delimiter;
  /** Whether what it prints answers a request. */
  respond: boolean;
  /** Whether one that fails ends all. */
  strict: boolean;
  /** How long commands may go on when a signal ends the program. */
  graceMs: number | undefined;
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
   * @param options How.
   */
  constructor(options: CommandOutputOptions) {
    this.#options = options;
    const { jobs = 1, retry = 0 } = options;
    const onFailed = this.#fail.bind(this);
    this.#exec = new Exec({ ...options, jobs, retry, onFailed });
  }

  /**
   * Waits until commands may be started.
   *
   * @returns How many; none if the program ends.
   */
  async room(): Promise<number> {
    const room = await this.#exec.room();
    return this.#isOver ? 0 : room;
  }

  /** The messages that were taken, and not handled to the end. */
  get unhandled(): Message[] {
    return this.#exec.unhandled;
  }

  /** Starts a command for each of the messages, for which there is room. */
  take(messages: Message[]): Promise<void> {
    for (const message of messages) this.#exec.start(message);
    return Promise.resolve();
  }

  /** A signal ends the program: the commands have a little time left. */
  stop(): void {
    this.#isOver = true;
    this.#exec.stop();
    const { graceMs = GRACE_MS } = this.#options;
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

  /** Nothing is left behind. */
  [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#grace);
    return Promise.resolve();
  }

  async #fail(message: Message, reason: string): Promise<void> {
    const { failed, delimiter, strict, say } = this.#options;
    this.#failed++;
    if (strict) this.#quit();
    if (failed === undefined) return say(reason);
    try {
      const messages = await (this.#failedMessages ??= openFailed(
        failed,
        delimiter,
      ));
      say(`${reason}: ${await messages.add(message)}`);
    } catch (error) {
      // Without a place for them, no more messages should fail.
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
  delimiter: Delimiter,
): Promise<FailedMessages> {
  const { FailedMessages } = await load<typeof import("./failed.ts")>(
    import.meta.resolve("./failed.ts"),
  );
  return await FailedMessages.open(address, delimiter);
}
