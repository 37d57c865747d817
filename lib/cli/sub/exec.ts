/**
 * Runs a command for each message: `sub --exec`.
 *
 * @module
 */
import { delay } from "../../delay.ts";
import { reasonOf } from "../../errors.ts";
import type { Message } from "../../message.ts";
import { OutputClosed } from "../output.ts";
import { NotAllowed, spawnShell } from "./spawn.ts";

/** How to run a command. */
export interface ExecOptions {
  /** A shell command. */
  command: string;
  /** How many may run at a time. */
  jobs: number;
  /** How often to retry a command that fails. */
  retry: number;
  /** Whether the command's output is the answer to a request. */
  respond: boolean;
  /**
   * Handles a message whose command has failed for good.
   *
   * @param message The message.
   * @param reason What went wrong, for people.
   */
  onFailed(message: Message, reason: string): Promise<void>;
}

/** How a command ended; without a reason, it succeeded. */
interface Outcome {
  reason?: string;
  /** Whether SIGHUP, SIGINT or SIGTERM ended it. */
  isInterrupted?: boolean;
}

/** The shell's exit code if SIGPIPE ended the command. */
const SIGPIPE_CODE = 141;

/** The signals that ask a program to end, and the shell's codes for them. */
const ENDING_SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"];
const ENDING_CODES = [129, 130, 143];

/** Ctrl-C ends the commands as well; our own signal may be this much later. */
const SIGNAL_MS = 50;

/**
 * Runs a command for each message, with the message on its standard input. The
 * command's output goes to our own output, unless it answers a request.
 */
export class Exec {
  readonly #options: ExecOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #unhandled: Message[] = [];
  #isStopping = false;
  #sequence = 0;
  #error: unknown;

  /**
   * Creates a runner.
   *
   * @param options How to run the commands.
   */
  constructor(options: ExecOptions) {
    this.#options = options;
  }

  /** The messages whose commands ended before they were done. */
  get unhandled(): Message[] {
    return this.#unhandled;
  }

  /**
   * Waits until fewer commands run than the limit allows.
   *
   * @returns How many more can start.
   * @throws {OutputClosed} If nobody reads the output of a command.
   */
  async room(): Promise<number> {
    while (this.#running.size >= this.#options.jobs) {
      await Promise.race(this.#running);
    }
    if (this.#error) throw this.#error;
    return this.#options.jobs - this.#running.size;
  }

  /**
   * Starts the command.
   *
   * @param message Its input.
   */
  start(message: Message): void {
    const running = this.#handle(message, ++this.#sequence)
      .catch((error) => {
        this.#unhandled.push(message);
        this.#error ??= error;
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** The program ends: a message that fails from now on is left to others. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Ends the running commands. */
  kill(): void {
    for (const child of this.#children) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has just ended.
      }
    }
  }

  /**
   * Waits for the running commands.
   *
   * @throws {OutputClosed} As {@linkcode room} does.
   */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#error) throw this.#error;
  }

  async #handle(message: Message, sequence: number): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const { reason, isInterrupted } = await this.#run(message, sequence);
      if (reason === undefined) return;
      if (isInterrupted) await delay(SIGNAL_MS);
      const isLast = attempt > this.#options.retry;
      if (this.#isStopping && (isInterrupted || !isLast)) {
        this.#unhandled.push(message);
        return;
      }
      if (!isLast) continue;
      const times = attempt > 1 ? `, tried ${attempt} times` : "";
      const what = `the command for message ${sequence} (${message.topic})`;
      return await this.#options.onFailed(message, `${what} ${reason}${times}`);
    }
  }

  async #run(message: Message, sequence: number): Promise<Outcome> {
    const answers = this.#options.respond && message.replyTo !== undefined;
    let child;
    try {
      child = spawnShell({
        args: ["-c", this.#options.command],
        env: {
          FIFOBUS_TOPIC: message.topic,
          FIFOBUS_RETAINED: message.retained ? "1" : "0",
          FIFOBUS_SEQUENCE: `${sequence}`,
          FIFOBUS_REPLY_TO: message.replyTo ?? "",
        },
        stdin: "piped",
        stdout: answers ? "piped" : "inherit",
      });
    } catch (error) {
      if (error instanceof NotAllowed) throw error;
      return { reason: `cannot be started: ${reasonOf(error)}` };
    }
    this.#children.add(child);
    const printed = answers ? new Response(child.stdout).bytes() : undefined;
    await feed(child.stdin, message.bytes);
    const { success, code, signal } = await child.status;
    this.#children.delete(child);
    const answer = await printed;
    if (!success) {
      const noReader = signal === "SIGPIPE" || code === SIGPIPE_CODE;
      if (noReader && !answers) throw new OutputClosed();
      return {
        reason: signal ? `was ended by ${signal}` : `failed with code ${code}`,
        isInterrupted: signal
          ? ENDING_SIGNALS.includes(signal)
          : ENDING_CODES.includes(code),
      };
    }
    if (!answer) return {};
    try {
      // We drop final line ends, as the shell's $( ) does.
      const end = answer.findLastIndex((byte) => byte !== 0x0a) + 1;
      await message.reply(answer.subarray(0, end));
      return {};
    } catch (error) {
      return { reason: `could not answer: ${reasonOf(error)}` };
    }
  }
}

async function feed(
  stdin: WritableStream<Uint8Array<ArrayBuffer>>,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  try {
    const writer = stdin.getWriter();
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    // A command need not read its input; Deno 2.6 throws a TypeError then.
    const isUnread = error instanceof Deno.errors.BrokenPipe ||
      error instanceof TypeError;
    if (!isUnread) throw error;
  }
}
