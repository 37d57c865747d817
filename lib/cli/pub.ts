/**
 * The program `pub`: publishes its arguments, what is typed, or lines.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import {
  DEFAULT_MAX_BYTES,
  type Delimiter,
  Message,
  MessageSplitter,
} from "../framing.ts";
import { Publisher } from "../publisher.ts";
import { EXIT } from "./exit_codes.ts";
import { type Given, type OptionTable, UsageError } from "./options.ts";
import {
  COMMON_OPTIONS,
  complain,
  type Program,
  runProgram,
  type World,
} from "./program.ts";
import { count, duration, file, mode, patience, size } from "./values.ts";

const PROMPT = new TextEncoder().encode("Enter message to send: ");

const OPTIONS = {
  lines: { short: "l", help: "publish each line of standard input" },
  file: { takes: file, help: "publish each line of a file" },
  null: { help: "messages end with a NUL byte, in the input and in the FIFO" },
  keyed: { help: "each line is a topic, a tab and a message" },
  retain: { short: "r", help: "keep the message as the topic's last value" },
  wait: {
    takes: count,
    bare: "1",
    help: "wait until a topic has a subscriber, or N",
  },
  "slow-timeout": {
    takes: patience,
    help: "wait for a subscriber that does not read, once [1]",
  },
  verbose: { short: "v", help: "say if nobody subscribes to the topic" },
  "no-wait": { help: "give up at once if nobody reads" },
  timeout: { takes: duration, help: "give up if nobody reads for that long" },
  mode: { takes: mode, help: "permissions of a FIFO [600], of the bus [700]" },
  "max-size": { takes: size, help: "refuse longer messages [1M]" },
  ...COMMON_OPTIONS,
} satisfies OptionTable;

const PUB: Program<typeof OPTIONS> = {
  name: "pub",
  operands: "ADDRESS [MESSAGE]...",
  summary: `Publishes messages.

An ADDRESS that starts with /, ./ or ../, or fifo:PATH, is a named pipe (FIFO),
which is made if it is not there. Anything else is a topic: each subscriber gets
each message; without one it is dropped. Several MESSAGE arguments are one
message, joined by spaces. Without any, each line of standard input is a
message; on a terminal you are asked for them.`,
  examples: [
    "pub /tmp/mypipe hello",
    "pub --retain warehouse/a1/temperature 21.5",
    "sensor | pub -l warehouse/a1/temperature",
    "pub --timeout 2 /tmp/mypipe hello || echo nobody there",
  ],
  options: OPTIONS,
  main,
};

/**
 * Runs the program.
 *
 * @param args Its arguments.
 * @param world Its standard streams.
 * @returns Its exit code.
 */
export function run(args: string[], world: World): Promise<number> {
  return runProgram(PUB, args, world);
}

async function main(
  given: Given<typeof OPTIONS>,
  operands: string[],
  world: World,
): Promise<number> {
  const [address, ...words] = operands;
  if (given.keyed ? address !== undefined : address === undefined) {
    throw new UsageError(
      given.keyed
        ? "--keyed has its topics in the lines"
        : "there is no ADDRESS",
    );
  }
  const inputs = [words.length > 0, given.lines, given.file !== undefined];
  if (inputs.filter(Boolean).length > 1) {
    throw new UsageError("MESSAGE, --lines and --file exclude each other");
  }
  // Opened first, so that a name that is wrong makes no FIFO.
  const source = given.file === undefined
    ? undefined
    : await openFile(given.file);
  await using sender = new Sender(given, address, world);
  if (words.length > 0) await sender.send(words.join(" "));
  else if (source) {
    await publishLines(source.readable, given.file!, sender, given);
  } else if (given.lines || given.keyed || !world.stdin.isTerminal()) {
    await publishLines(world.stdin.readable, "standard input", sender, given);
  } else await publishTyped(sender, world);
  await sender.close();
  return EXIT.ok;
}

/** Publishes as the options say, and reports what did not arrive. */
class Sender implements AsyncDisposable {
  readonly #given: Given<typeof OPTIONS>;
  readonly #world: World;
  readonly #dropped = new Map<string, number>();
  #publisher: Promise<Publisher> | undefined;
  #unheard = 0;

  constructor(
    given: Given<typeof OPTIONS>,
    address: string | undefined,
    world: World,
  ) {
    this.#given = given;
    this.#world = world;
    if (address !== undefined) this.#publisher = this.#open(address);
    // It is awaited with the first message.
    this.#publisher?.catch(() => {});
  }

  async send(message: string): Promise<void> {
    const publisher = await this.#publisher!;
    const { retain, verbose } = this.#given;
    if (verbose && publisher.subscribers() === 0) this.#unheard++;
    await publisher.publish(message, { retain });
  }

  async sendAll(messages: Message[], topic?: string): Promise<void> {
    const publisher = await (this.#publisher ??= this.#open(topic!));
    const { retain, verbose } = this.#given;
    if (verbose && publisher.subscribers(topic) === 0) {
      this.#unheard += messages.length;
    }
    const framed = Message.frame(messages, delimiterOf(this.#given));
    await publisher.publishFramed(framed, { topic, retain });
  }

  /** Waits until all is sent, and says what was not. */
  async close(): Promise<void> {
    await (await this.#publisher)?.close();
    for (const [member, count] of this.#dropped) {
      this.#say(`${messages(count)} dropped for subscriber ${member}`);
    }
    if (this.#unheard > 0) {
      this.#say(`${messages(this.#unheard)} dropped: nobody subscribes`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#publisher?.catch(() => undefined))?.close();
  }

  #open(address: string): Promise<Publisher> {
    const given = this.#given;
    return Publisher.open(address, {
      delimiter: delimiterOf(given),
      maxBytes: given["max-size"],
      mode: given.mode,
      wait: given["no-wait"] ? false : given.wait,
      timeoutMs: given.timeout,
      slowTimeoutMs: given["slow-timeout"],
      onDropped: ({ member, count, reason }) => {
        const before = this.#dropped.get(member);
        this.#dropped.set(member, (before ?? 0) + count);
        if (before !== undefined) return;
        this.#say(`dropping messages for subscriber ${member}: ${reason}`);
      },
    });
  }

  #say(text: string): void {
    complain(PUB.name, this.#world, text);
  }
}

function messages(count: number): string {
  return count === 1 ? "1 message" : `${count} messages`;
}

function delimiterOf(given: Given<typeof OPTIONS>): Delimiter {
  return given.null ? "\0" : "\n";
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.PermissionDenied
      ? "no permission to read it"
      : error;
    throw new Error(`Cannot read "${path}": ${reason}`, { cause: error });
  }
}

async function publishLines(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  name: string,
  sender: Sender,
  given: Given<typeof OPTIONS>,
): Promise<void> {
  const splitter = new MessageSplitter(
    name,
    delimiterOf(given),
    given["max-size"] ?? DEFAULT_MAX_BYTES,
  );
  let sent = Promise.resolve();
  const send = async (messages: Message[]) => {
    const previous = sent;
    sent = given.keyed
      ? sendKeyed(messages, name, sender)
      : sender.sendAll(messages);
    // Awaited with the next ones: until then the next ones are read.
    sent.catch(() => {});
    await previous;
  };
  for await (const chunk of input) {
    const messages = splitter.push(chunk);
    if (messages.length > 0) await send(messages);
    if (splitter.error) break;
  }
  if (!splitter.error) await send(splitter.flush());
  await sent;
  if (splitter.error) throw splitter.error;
}

/** Publishes `topic TAB message` lines, runs of one topic at once. */
async function sendKeyed(
  lines: Message[],
  name: string,
  sender: Sender,
): Promise<void> {
  const sent: Promise<void>[] = [];
  let run: Message[] = [];
  const flush = () => {
    if (run.length > 0) sent.push(sender.sendAll(run, run[0]!.topic));
    run = [];
  };
  for (const line of lines) {
    const message = line.untagged();
    if (!message) {
      flush();
      await Promise.all(sent);
      throw new Error(
        `Cannot publish a line of ${name}: there is no tab between ` +
          `topic and message: ${JSON.stringify(line.text.slice(0, 40))}`,
      );
    }
    if (run.length > 0 && run[0]!.topic !== message.topic) flush();
    run.push(message);
  }
  flush();
  await Promise.all(sent);
}

async function publishTyped(sender: Sender, world: World): Promise<void> {
  // Loaded here: a message on the command line should not wait for it.
  const { textStream } = await import("../text_stream.ts");
  const lines = textStream(world.stdin.readable, "\n");
  world.stderr.writeSync(PROMPT);
  for await (const line of lines) {
    try {
      await sender.send(line);
    } catch (error) {
      // Nothing is lost by asking again: the one who typed it reads why.
      if (!(error instanceof FifobusError)) throw error;
      complain(PUB.name, world, error.message);
    }
    world.stderr.writeSync(PROMPT);
  }
  world.stderr.writeSync(Uint8Array.of(0x0a));
}
