/**
 * The program `pub`: publishes its arguments, typed lines, or lines of input.
 *
 * @module
 */
import { parseAddress } from "../../address.ts";
import { FifobusError } from "../../errors.ts";
import { load } from "../../load.ts";
import { EXIT } from "../exit_codes.ts";
import type { OPTIONS } from "../options/pub.ts";
import type { Given } from "../options/table.ts";
import { writeAll, writeError } from "../output.ts";
import {
  complain,
  runProgram,
  tellFifos,
  tellFolder,
  type World,
} from "../program.ts";
import type { Input } from "./lines.ts";
import { planOf, type PubPlan } from "./plan.ts";
import { aborted, NAME, Sender } from "./sender.ts";

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
  given: Given<typeof OPTIONS>,
  operands: string[],
  world: World,
): Promise<number> {
  if (given.init !== undefined) return await printFunctions(world);
  const plan = await planOf(given, operands, world);
  const { address } = plan;
  if (address === undefined || parseAddress(address).kind === "topic") {
    tellOfBus(plan, world);
  }
  if (plan.content.kind === "bridge") {
    const { bridge } = await load<typeof import("./bridge.ts")>(
      import.meta.resolve("./bridge.ts"),
    );
    return await bridge(plan.content, plan, world);
  }
  const work = plan.content.kind === "tee" ? teeTo : publish;
  const isToBroker = address !== undefined &&
    parseAddress(address).kind === "mqtt";
  if (Deno.pid !== 1 && !isToBroker) return await work(plan, world);
  const { Signals, signalled } = await load<typeof import("../signals.ts")>(
    import.meta.resolve("../signals.ts"),
  );
  if (isToBroker) {
    // A connection that just breaks has its last will published.
    const ending = new AbortController();
    using signals = new Signals(() => ending.abort());
    const code = await publish(plan, world, ending.signal).catch((error) => {
      if (!signals.raised) throw error;
      return EXIT.ok;
    });
    return signals.raised ? await signals.raise(signals.raised) : code;
  }
  // By itself, a signal does not end the first process of a container.
  return await Promise.race([signalled(), work(plan, world)]);
}

/** Prints the functions of --init: the same ones for each shell. */
async function printFunctions({ stdout }: World): Promise<number> {
  const { SHELL_FUNCTIONS } = await load<
    typeof import("../options/shell_functions.ts")
  >(
    import.meta.resolve("../options/shell_functions.ts"),
  );
  await writeAll(stdout, new TextEncoder().encode(SHELL_FUNCTIONS));
  return EXIT.ok;
}

/**
 * Publishes the arguments, typed lines, or lines of input, until the signal is
 * aborted.
 */
async function publish(
  plan: PubPlan,
  world: World,
  signal?: AbortSignal,
): Promise<number> {
  const { content } = plan;
  const message = content.kind === "message"
    ? content.text
    : content.kind === "stdin"
    ? await readAll(world.stdin.readable, plan)
    : undefined;
  if (message !== undefined && plan.answers !== undefined) {
    const { ask } = await load<typeof import("./ask.ts")>(
      import.meta.resolve("./ask.ts"),
    );
    return await ask(message, plan, world, signal);
  }
  if (content.kind === "records") {
    const { publishRecords } = await load<typeof import("./records.ts")>(
      import.meta.resolve("./records.ts"),
    );
    return await publishRecords(content, plan, world, signal);
  }
  // Opened first, so that no FIFO is made if the name of the file is wrong.
  const input = content.kind === "lines"
    ? await openInput(content.path, world)
    : undefined;
  await using sender = await openSender(plan, world);
  const sent = send(message, input, plan, sender, world);
  await (signal ? Promise.race([sent, aborted(signal)]) : sent);
  return EXIT.ok;
}

async function send(
  message: string | Uint8Array | undefined,
  input: Input | undefined,
  plan: PubPlan,
  sender: Sender,
  world: World,
): Promise<void> {
  if (message !== undefined) await publishMessage(message, plan, sender);
  else if (input) {
    // Loaded here: a message on the command line should not wait for it.
    const { publishLines } = await load<typeof import("./lines.ts")>(
      import.meta.resolve("./lines.ts"),
    );
    await publishLines(input, plan, sender, world);
  } else await publishTyped(plan, sender, world);
  await sender.close();
}

async function openSender(plan: PubPlan, world: World): Promise<Sender> {
  if (!plan.spool) return new Sender(plan, world);
  const { SpoolSender } = await load<typeof import("./spool_sender.ts")>(
    import.meta.resolve("./spool_sender.ts"),
  );
  return new SpoolSender(plan, world);
}

async function teeTo(plan: PubPlan, world: World): Promise<number> {
  const { tee } = await load<typeof import("./tee.ts")>(
    import.meta.resolve("./tee.ts"),
  );
  return await tee(plan, world);
}

function tellOfBus(
  { address, report }: PubPlan,
  world: World,
): void {
  if (report === "nothing") return;
  tellFifos(NAME, world, address === undefined ? [] : [address]);
  if (report === "all") tellFolder(NAME, world);
}

/** Opens a file of lines, or standard input. */
async function openInput(
  path: string | undefined,
  { stdin }: World,
): Promise<Input> {
  if (path === undefined) {
    const isTerminal = stdin.isTerminal();
    return { name: "standard input", readable: stdin.readable, isTerminal };
  }
  const { openFile } = await load<typeof import("../files.ts")>(
    import.meta.resolve("../files.ts"),
  );
  const file = await openFile(path);
  const { isFile, size } = await file.stat();
  const totalBytes = isFile ? size : undefined;
  return { name: path, readable: file.readable, isFile: true, totalBytes };
}

/** Reads one message. A final newline is not part of it. */
async function readAll(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  { publisher: { delimiter, maxBytes } }: PubPlan,
): Promise<Uint8Array> {
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
  const isLine = delimiter === "\n" && bytes.at(-1) === 0x0a;
  return isLine ? bytes.subarray(0, -1) : bytes;
}

async function publishMessage(
  message: string | Uint8Array,
  { mustBeJson, times, intervalMs }: PubPlan,
  sender: Sender,
): Promise<void> {
  const check = mustBeJson ? await loadCheck() : undefined;
  check?.(message, "the message");
  if (times === 1) return void await sender.send(message);
  const { repeat } = await load<typeof import("./pace.ts")>(
    import.meta.resolve("./pace.ts"),
  );
  await repeat(times, intervalMs, () => sender.send(message));
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
  { mustBeJson }: PubPlan,
  sender: Sender,
  world: World,
): Promise<void> {
  // Loaded here: a message on the command line should not wait for it.
  const { textStream } = await load<typeof import("../../wire/text_stream.ts")>(
    import.meta.resolve("../../wire/text_stream.ts"),
  );
  const lines = textStream(world.stdin.readable, "\n");
  const check = mustBeJson ? await loadCheck() : undefined;
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
