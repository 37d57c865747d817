/**
 * The program `pub`: publishes its arguments, what is typed, or lines.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { DEFAULT_MAX_BYTES, Message, MessageSplitter } from "../framing.ts";
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
import { duration, file, mode, size } from "./values.ts";

const PROMPT = new TextEncoder().encode("Enter message to send: ");

const OPTIONS = {
  lines: { short: "l", help: "publish each line of standard input" },
  file: { takes: file, help: "publish each line of a file" },
  null: { help: "messages end with a NUL byte, in the input and in the FIFO" },
  "no-wait": { help: "give up at once if nobody reads" },
  timeout: { takes: duration, help: "give up if nobody reads for that long" },
  mode: { takes: mode, help: "permissions of a FIFO that is made [600]" },
  "max-size": { takes: size, help: "refuse longer messages [1M]" },
  ...COMMON_OPTIONS,
} satisfies OptionTable;

const PUB: Program<typeof OPTIONS> = {
  name: "pub",
  operands: "ADDRESS [MESSAGE]...",
  summary:
    `Publishes messages to a named pipe (FIFO), which is made if it is not there.

ADDRESS is a path that starts with /, ./ or ../, or fifo:PATH. Several MESSAGE
arguments are one message, joined by spaces. Without any, each line of standard
input is a message; on a terminal you are asked for them.`,
  examples: [
    "pub /tmp/mypipe hello",
    "sensor | pub -l /tmp/mypipe",
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
  if (address === undefined) throw new UsageError("there is no ADDRESS");
  const inputs = [words.length > 0, given.lines, given.file !== undefined];
  if (inputs.filter(Boolean).length > 1) {
    throw new UsageError("MESSAGE, --lines and --file exclude each other");
  }
  // Opened first, so that a name that is wrong makes no FIFO.
  const source = given.file === undefined
    ? undefined
    : await openFile(given.file);
  await using publisher = await Publisher.open(address, {
    delimiter: given.null ? "\0" : "\n",
    maxBytes: given["max-size"],
    mode: given.mode,
    wait: !given["no-wait"],
    timeoutMs: given.timeout,
  });
  if (words.length > 0) await publisher.publish(words.join(" "));
  else if (source) {
    await publishLines(source.readable, given.file!, publisher, given);
  } else if (given.lines || !world.stdin.isTerminal()) {
    await publishLines(
      world.stdin.readable,
      "standard input",
      publisher,
      given,
    );
  } else await publishTyped(publisher, world);
  return EXIT.ok;
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
  publisher: Publisher,
  given: Given<typeof OPTIONS>,
): Promise<void> {
  const delimiter = given.null ? "\0" : "\n";
  const splitter = new MessageSplitter(
    name,
    delimiter,
    given["max-size"] ?? DEFAULT_MAX_BYTES,
  );
  let written = Promise.resolve();
  const send = async (messages: Message[]) => {
    const previous = written;
    written = publisher.publishFramed(Message.frame(messages, delimiter));
    // Awaited with the next ones: until then the next ones are read.
    written.catch(() => {});
    await previous;
  };
  for await (const chunk of input) {
    const messages = splitter.push(chunk);
    if (messages.length > 0) await send(messages);
    if (splitter.error) break;
  }
  if (!splitter.error) await send(splitter.flush());
  await written;
  if (splitter.error) throw splitter.error;
}

async function publishTyped(publisher: Publisher, world: World): Promise<void> {
  // Loaded here: a message on the command line should not wait for it.
  const { textStream } = await import("../text_stream.ts");
  const lines = textStream(world.stdin.readable, "\n");
  world.stderr.writeSync(PROMPT);
  for await (const line of lines) {
    try {
      await publisher.publish(line);
    } catch (error) {
      // Nothing is lost by asking again: the one who typed it reads why.
      if (!(error instanceof FifobusError)) throw error;
      complain(PUB.name, world, error.message);
    }
    world.stderr.writeSync(PROMPT);
  }
  world.stderr.writeSync(Uint8Array.of(0x0a));
}
