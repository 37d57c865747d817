/**
 * The program `pub`: publishes its arguments, typed lines, or lines of input.
 *
 * @module
 */
import { isMqtt, parseAddress } from "../../address.ts";
import { FifobusError } from "../../errors.ts";
import { load } from "../../load.ts";
import { DEFAULT_MAX_BYTES } from "../../wire/framing.ts";
import { EXIT, UsageError } from "../exit_codes.ts";
import { writeError } from "../output.ts";
import { complain, runProgram, type World } from "../program.ts";
import type { Input } from "./lines.ts";
import { NAME, type Options, Sender } from "./sender.ts";

const PROMPT = "Enter message to send: ";
const NOBODY = "(nobody subscribes)\n";

/**
 * Runs the program.
 *
 * @param args Its arguments.
 * @param world Its standard streams and its environment.
 * @returns Its exit code.
 */
export function run(args: string[], world: World): Promise<number> {
  return runProgram({ name: NAME, usage, main }, args, world);
}

async function usage() {
  const { PUB } = await load<typeof import("../options/pub.ts")>(
    import.meta.resolve("../options/pub.ts"),
  );
  return PUB;
}

async function main(
  given: Options,
  operands: string[],
  world: World,
): Promise<number> {
  const [address, ...words] = operands;
  check(given, address, words);
  // With --keyed, the topics are in the lines.
  if (address === undefined || parseAddress(address).kind === "topic") {
    await tellOfBus(given, address, world);
  }
  if (given.from) {
    const { bridge } = await load<typeof import("./bridge.ts")>(
      import.meta.resolve("./bridge.ts"),
    );
    return await bridge(address!, given, world);
  }
  const publish = () => publishFrom(given, address, words, world);
  if (Deno.pid !== 1) return await publish();
  // By itself, a signal does not end the first process of a container.
  const { signalled } = await load<typeof import("../signals.ts")>(
    import.meta.resolve("../signals.ts"),
  );
  return await Promise.race([signalled(), publish()]);
}

/** Publishes the arguments, typed lines, or lines of input. */
async function publishFrom(
  given: Options,
  address: string | undefined,
  words: string[],
  world: World,
): Promise<number> {
  const message = given["stdin-message"]
    ? await readAll(world.stdin.readable, given)
    : given["null-message"]
    ? ""
    : words.length > 0
    ? words.join(" ")
    : undefined;
  if (given.reply !== undefined) {
    if (message === undefined) throw new UsageError("--reply needs a MESSAGE");
    const { ask } = await load<typeof import("./ask.ts")>(
      import.meta.resolve("./ask.ts"),
    );
    return await ask(address!, message, given, world);
  }
  if (message === undefined && given.repeat !== undefined) {
    throw new UsageError("--repeat goes with a MESSAGE");
  }
  // Opened first, so that no FIFO is made if the name of the file is wrong.
  const input = message === undefined
    ? await openInput(given, world)
    : undefined;
  await using sender = new Sender(given, address, world);
  if (message !== undefined) await publishMessage(message, given, sender);
  else if (input) {
    // Loaded here: a message on the command line should not wait for it.
    const { publishLines } = await load<typeof import("./lines.ts")>(
      import.meta.resolve("./lines.ts"),
    );
    await publishLines(input, given, sender, world);
  } else await publishTyped(given, sender, world);
  await sender.close();
  return EXIT.ok;
}

/** Checks the rules that the table of options cannot express. */
function check(
  given: Options,
  address: string | undefined,
  words: string[],
): void {
  const kind = address === undefined ? undefined : parseAddress(address).kind;
  if (given.keyed ? kind !== undefined && kind !== "mqtt" : !kind) {
    throw new UsageError(
      given.keyed
        ? "--keyed takes no ADDRESS but of a broker: its lines have the topics"
        : "there is no ADDRESS",
    );
  }
  if (given.from && words.length > 0) {
    throw new UsageError("MESSAGE and --from exclude each other");
  }
  const other = (["lines", "file", "stdin-message", "null-message"] as const)
    .find((name) => given[name] !== undefined);
  if (words.length > 0 && other) {
    throw new UsageError(`MESSAGE and --${other} exclude each other`);
  }
  if (given.timeout === undefined || given.wait || given.reply) return;
  // With a broker, --timeout also limits how long we try to connect.
  if (given.from?.some(isMqtt)) return;
  if (kind === "topic" || !kind) {
    throw new UsageError("--timeout for a topic goes with --wait or --reply");
  }
}

async function tellOfBus(
  given: Options,
  address: string | undefined,
  world: World,
): Promise<void> {
  if (given.quiet) return;
  const { tellFifos, tellFolder } = await load<
    typeof import("../bus_notes.ts")
  >(
    import.meta.resolve("../bus_notes.ts"),
  );
  tellFifos(NAME, world, address === undefined ? [] : [address]);
  if (given.verbose) tellFolder(NAME, world);
}

/** Opens the source of lines; undefined if we prompt the user for them. */
async function openInput(
  given: Options,
  { stdin }: World,
): Promise<Input | undefined> {
  if (given.file !== undefined) {
    const { openFile } = await load<typeof import("../files.ts")>(
      import.meta.resolve("../files.ts"),
    );
    const file = await openFile(given.file);
    const { isFile, size } = await file.stat();
    const totalBytes = isFile ? size : undefined;
    return { name: given.file, readable: file.readable, totalBytes };
  }
  const isTerminal = stdin.isTerminal();
  if (isTerminal && !given.lines && !given.keyed) return undefined;
  return { name: "standard input", readable: stdin.readable, isTerminal };
}

/** Reads one message. A final newline is not part of it. */
async function readAll(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  given: Options,
): Promise<Uint8Array> {
  const maxBytes = given["max-size"] ?? DEFAULT_MAX_BYTES;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const { chunksOf } = await load<typeof import("../files.ts")>(
    import.meta.resolve("../files.ts"),
  );
  for await (const chunk of chunksOf("standard input", input)) {
    chunks.push(chunk);
    // Too long, even if the last byte is a line feed.
    if ((size += chunk.length) > maxBytes + 1) break;
  }
  const bytes = await new Blob(chunks).bytes();
  return !given.null && bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

async function publishMessage(
  message: string | Uint8Array,
  given: Options,
  sender: Sender,
): Promise<void> {
  const check = given.json ? await loadCheck() : undefined;
  check?.(message, "the message");
  if (given.repeat === undefined) return void await sender.send(message);
  const { repeat } = await load<typeof import("./pace.ts")>(
    import.meta.resolve("./pace.ts"),
  );
  await repeat(given.repeat, given.interval ?? 0, () => sender.send(message));
}

/** Loads the check of --json. */
async function loadCheck(): Promise<
  typeof import("./json.ts").checkJson
> {
  const { checkJson } = await load<typeof import("./json.ts")>(
    import.meta.resolve("./json.ts"),
  );
  return checkJson;
}

async function publishTyped(
  given: Options,
  sender: Sender,
  world: World,
): Promise<void> {
  // Loaded here: a message on the command line should not wait for it.
  const { textStream } = await load<typeof import("../../wire/text_stream.ts")>(
    import.meta.resolve("../../wire/text_stream.ts"),
  );
  const lines = textStream(world.stdin.readable, "\n");
  const check = given.json ? await loadCheck() : undefined;
  writeError(world.stderr, PROMPT);
  for await (const line of lines) {
    let isChecked = false;
    try {
      check?.(line, "the message");
      isChecked = true;
      const heard = await sender.send(line);
      if (heard === 0) writeError(world.stderr, NOBODY);
    } catch (error) {
      // We can ask again without loss: the user sees why it failed.
      if (isChecked && !(error instanceof FifobusError)) throw error;
      complain(NAME, world, (error as Error).message);
    }
    writeError(world.stderr, PROMPT);
  }
  writeError(world.stderr, "\n");
}
