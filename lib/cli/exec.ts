/**
 * A command for each message: `sub --exec`.
 *
 * @module
 */
import type { Message } from "../message.ts";
import { OutputClosed } from "./output.ts";

/** How to run a command. */
export interface ExecOptions {
  /** A line of shell. */
  command: string;
  /** How many may run at a time. */
  jobs: number;
  /** Whether what it prints answers a request. */
  respond: boolean;
  /** Is told what went wrong with one message. */
  onFailed(reason: string): void;
}

/** What the shell exits with if SIGPIPE has ended the command. */
const SIGPIPE_CODE = 141;

/**
 * Runs a command for each message, which is its standard input. What it prints
 * goes where our own output goes, if it is no answer.
 */
export class Exec {
  readonly #options: ExecOptions;
  readonly #running = new Set<Promise<void>>();
  #sequence = 0;
  #failed = 0;
  #error: unknown;

  /**
   * Creates a runner.
   *
   * @param options How to run.
   */
  constructor(options: ExecOptions) {
    this.#options = options;
  }

  /** How many messages had a command that failed. */
  get failed(): number {
    return this.#failed;
  }

  /**
   * Waits until fewer run than may.
   *
   * @throws {OutputClosed} If nobody reads what one of them printed.
   */
  async ready(): Promise<void> {
    while (this.#running.size >= this.#options.jobs) {
      await Promise.race(this.#running);
    }
    if (this.#error) throw this.#error;
  }

  /**
   * Starts the command.
   *
   * @param message Its input.
   */
  start(message: Message): void {
    const running = this.#run(message, ++this.#sequence)
      .catch((error) => {
        this.#error ??= error;
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /**
   * Waits for the commands that run.
   *
   * @throws {OutputClosed} As {@linkcode ready} does.
   */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#error) throw this.#error;
  }

  async #run(message: Message, sequence: number): Promise<void> {
    const answers = this.#options.respond && message.replyTo !== undefined;
    const child = spawn(this.#options.command, answers, {
      FIFOBUS_TOPIC: message.topic,
      FIFOBUS_RETAINED: message.retained ? "1" : "0",
      FIFOBUS_SEQUENCE: `${sequence}`,
      FIFOBUS_REPLY_TO: message.replyTo ?? "",
    });
    const printed = answers ? new Response(child.stdout).bytes() : undefined;
    await feed(child.stdin, message.bytes);
    const { success, code, signal } = await child.status;
    const answer = await printed;
    if (!success) {
      const noReader = signal === "SIGPIPE" || code === SIGPIPE_CODE;
      if (noReader && !answers) throw new OutputClosed();
      const how = signal
        ? `was ended by ${signal}`
        : `failed with code ${code}`;
      return this.#fail(message, sequence, how);
    }
    if (!answer) return;
    try {
      // Without the line ends behind it, as the shell's $( ) has it.
      const end = answer.findLastIndex((byte) => byte !== 0x0a) + 1;
      await message.reply(answer.subarray(0, end));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#fail(message, sequence, `could not answer: ${reason}`);
    }
  }

  #fail({ topic }: Message, sequence: number, how: string): void {
    this.#failed++;
    const what = `the command for message ${sequence} (${topic})`;
    this.#options.onFailed(`${what} ${how}`);
  }
}

function spawn(
  command: string,
  piped: boolean,
  env: Record<string, string>,
): Deno.ChildProcess {
  const options: Deno.CommandOptions = {
    args: ["-c", command],
    env,
    stdin: "piped",
    stdout: piped ? "piped" : "inherit",
  };
  try {
    return new Deno.Command("sh", options).spawn();
  } catch (error) {
    // Where it is for those who have no PATH.
    if (!(error instanceof Deno.errors.NotCapable)) {
      return new Deno.Command("/bin/sh", options).spawn();
    }
    throw new Error(
      "Cannot run a command: deno run was not given --allow-run=sh",
    );
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
    // A command need not read its input. Deno 2.6 says that with a TypeError.
    const isUnread = error instanceof Deno.errors.BrokenPipe ||
      error instanceof TypeError;
    if (!isUnread) throw error;
  }
}
