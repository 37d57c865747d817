/**
 * Programs as a user starts them: their input, their output, their end.
 *
 * @module
 */
import { type Command, fifobus } from "./programs.ts";
import { fileName } from "../../lib/bus/names.ts";
import { Folder } from "./folder.ts";

/** How a program ended, and what it printed that nobody had read before. */
export interface Ended {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
}

/** A running program; killed if it still runs at the end of the test. */
export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #unread = "";
  #errors = "";
  #ended = false;

  constructor(
    [command, ...args]: Command,
    env: Record<string, string> = {},
  ) {
    this.#child = new Deno.Command(command, {
      args,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child.status.then(() => this.#ended = true);
    this.#input = this.#child.stdin.getWriter();
    this.#stdout = this.#child.stdout
      .pipeThrough(new TextDecoderStream("utf-8", { ignoreBOM: true }))
      .getReader();
    this.#stderr = this.#readErrors();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Writes to its standard input. */
  async write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async end(): Promise<void> {
    await this.#input.close();
  }

  /** Reads its standard output up to the end of a text that it must print. */
  async until(text: string): Promise<string> {
    let end;
    while ((end = this.#unread.indexOf(text)) < 0) {
      const { value, done } = await this.#stdout.read();
      if (done) {
        throw new Error(
          `ended without ${JSON.stringify(text)}: ` +
            JSON.stringify(this.#unread + await this.#stderr),
        );
      }
      this.#unread += value;
    }
    const found = this.#unread.slice(0, end + text.length);
    this.#unread = this.#unread.slice(found.length);
    return found;
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    return (await this.until("\n")).slice(0, -1);
  }

  /** Waits for a text that it must print on its standard error. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    await eventually(() => pattern.test(this.#errors));
    return pattern.exec(this.#errors)!;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it ends. */
  async ended(): Promise<Ended> {
    for (let chunk; !(chunk = await this.#stdout.read()).done;) {
      this.#unread += chunk.value;
    }
    const { code, signal } = await this.#child.status;
    return { code, signal, stdout: this.#unread, stderr: await this.#stderr };
  }

  async #readErrors(): Promise<string> {
    const texts = this.#child.stderr.pipeThrough(
      new TextDecoderStream("utf-8", { ignoreBOM: true }),
    );
    for await (const text of texts) this.#errors += text;
    return this.#errors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#ended) this.#child.kill("SIGKILL");
    } catch {
      // It has just ended.
    }
    // It does not matter that it left some input unread.
    await this.#input.close().catch(() => {});
    await this.#stdout.cancel();
    await this.#stderr;
    await this.#child.status;
  }
}

/** The command line that runs one of our programs. */
export function commandLine(name: "pub" | "sub", ...args: string[]): Command {
  return fifobus(`${name}.ts`, ...args);
}

/** A line of shell that runs a command. */
export function quoted(command: string[]): string {
  return command.map((it) => `'${it.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Starts a program with a terminal of its own, which is also its output. */
export function inTerminal(...command: string[]): Process {
  const line = quoted(command);
  // exec: without it, dash runs in between and reacts to the Ctrl-C itself.
  return new Process(["script", "-qec", `exec ${line}`, "/dev/null"]);
}

/** Starts our publisher. */
export function pub(...args: string[]): Process {
  return new Process(commandLine("pub", ...args));
}

/** Starts our subscriber. */
export function sub(...args: string[]): Process {
  return new Process(commandLine("sub", ...args));
}

/** Starts a line of shell, whose $0 is the first argument, and so on. */
export function sh(line: string, ...args: string[]): Process {
  return new Process(["sh", "-c", line, ...args]);
}

/** A bus of the test's own, and the programs on it. */
export class TestBus extends Folder {
  readonly env: Record<string, string> = { FIFOBUS_DIR: this.file("bus") };

  pub(...args: string[]): Process {
    return new Process(commandLine("pub", ...args), this.env);
  }

  /** Starts a subscriber, and waits until its last topic is on the bus, too. */
  async sub(...args: string[]): Promise<Process> {
    const before = this.namesOf(args.at(-1)!).length;
    const process = new Process(commandLine("sub", ...args), this.env);
    await eventually(() => this.namesOf(args.at(-1)!).length > before);
    return process;
  }

  /** The names of the subscribers to a filter. */
  namesOf(filter: string): string[] {
    const plain = filter.replace(/^topic:/, "").replace(
      /^\$share\/[^/]+\//,
      "",
    );
    return this.names().filter((name) =>
      name.startsWith(`${fileName(plain)}@`)
    );
  }

  /** A subscriber that ends by itself, or does not start. */
  subOnce(...args: string[]): Process {
    return new Process(commandLine("sub", ...args), this.env);
  }

  sh(line: string, ...args: string[]): Process {
    return new Process(["sh", "-c", line, ...args], this.env);
  }

  /** All names on the bus: subscriptions, and any leftovers. */
  names(): string[] {
    try {
      return [...Deno.readDirSync(this.env.FIFOBUS_DIR!)]
        .map(({ name }) => name)
        .filter((name) => !name.startsWith(".") && name !== "retained");
    } catch {
      return [];
    }
  }
}

/** Runs a program to its end, without any input. */
export async function finish(process: Process): Promise<Ended> {
  await using running = process;
  await running.end().catch(() => {});
  return await running.ended();
}

/** Waits for something that another process does; a test ends a minute later. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`not true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Repeats an action until it has had its effect. */
export async function repeatUntil<T>(
  action: () => Promise<unknown>,
  result: Promise<T>,
): Promise<T> {
  let isThere = false;
  result.finally(() => isThere = true).catch(() => {});
  await eventually(async () => {
    await action();
    return isThere;
  });
  return await result;
}
