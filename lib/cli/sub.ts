/**
 * The program `sub`: prints messages.
 *
 * @module
 */
import type { Message } from "../framing.ts";
import { Subscriber } from "../subscriber.ts";
import { EXIT } from "./exit_codes.ts";
import { type Given, type OptionTable, UsageError } from "./options.ts";
import { printMessages, writeAll } from "./output.ts";
import {
  COMMON_OPTIONS,
  type Program,
  runProgram,
  type World,
} from "./program.ts";
import { Signals } from "./signals.ts";
import { count, duration, mode, size, text } from "./values.ts";

const OPTIONS = {
  count: { short: "C", takes: count, help: "end after that many messages" },
  timeout: {
    short: "W",
    takes: duration,
    help: "end if there is no message for that long",
  },
  "exit-word": { takes: text, help: "the message that ends it [exit]" },
  "no-exit-word": { help: "no message ends it" },
  verbose: {
    short: "v",
    help: "print the topic and a tab before each message",
  },
  keyed: { help: "the same: what pub --keyed reads" },
  "no-retained": { short: "R", help: "leave out the last values of topics" },
  "retained-only": { help: "print the last values of topics, and end" },
  list: { help: "print who subscribes to which filter, and end" },
  json: { help: "with --list: print JSON, one object on a line" },
  null: { help: "messages end with a NUL byte, in the FIFO and in the output" },
  mode: { takes: mode, help: "permissions of a FIFO [600], of the bus [700]" },
  "max-size": { takes: size, help: "fail at a longer message [1M]" },
  ...COMMON_OPTIONS,
} satisfies OptionTable;

const SUB: Program<typeof OPTIONS> = {
  name: "sub",
  operands: "ADDRESS...",
  summary: `Prints messages, each on a line, until the message "exit".

An ADDRESS that starts with /, ./ or ../, or fifo:PATH, is a named pipe (FIFO),
which is made if it is not there; several readers of one share its messages.
Anything else is a topic filter: every subscriber gets every message to a topic
that it matches; + stands for one level between slashes, # for all that follow.
On a terminal control characters are shown, not obeyed.`,
  examples: [
    "sub /tmp/mypipe",
    "sub -v 'warehouse/+/temperature' 'alarm/#'",
    "sub -C 1 -W 5 reply || echo no answer",
    "sub --list",
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
  return runProgram(SUB, args, world);
}

async function main(
  given: Given<typeof OPTIONS>,
  addresses: string[],
  world: World,
): Promise<number> {
  if (given.list) return await printList(given, addresses, world);
  if (given.json) throw new UsageError("--json goes with --list");
  if (addresses.length === 0) throw new UsageError("there is no ADDRESS");
  if (given["no-retained"] && given["retained-only"]) {
    throw new UsageError(
      "--no-retained and --retained-only exclude each other",
    );
  }
  if (given["no-exit-word"] && given["exit-word"] !== undefined) {
    throw new UsageError("--exit-word and --no-exit-word exclude each other");
  }
  const delimiter = given.null ? "\0" : "\n";
  const exitWord = given["no-exit-word"]
    ? undefined
    : given["exit-word"] ?? "exit";
  const isLast = lastMessage(exitWord);
  let left = given.count ?? Infinity;

  await using subscriber = await Subscriber.open(addresses, {
    delimiter,
    maxBytes: given["max-size"],
    mode: given.mode,
    retained: given["retained-only"] ? "only" : !given["no-retained"],
  });
  const printing = {
    delimiter,
    topics: Boolean(given.verbose || given.keyed),
  } as const;
  using signals = new Signals(() => subscriber.close());
  using silence = new Silence(given.timeout, () => subscriber.close());
  let messages;
  while ((messages = await subscriber.read())) {
    silence.restart();
    const end = messages.findIndex(isLast);
    const ended = end >= 0 && end < left;
    if (ended) messages.length = end;
    else if (messages.length > left) messages.length = left;
    left -= messages.length;
    if (messages.length > 0) {
      await printMessages(world.stdout, messages, printing);
    }
    if (ended || left === 0) return EXIT.ok;
  }
  if (signals.raised) return signals.raise(signals.raised);
  return silence.over ? EXIT.timedOut : EXIT.ok;
}

/** Prints the live subscriptions; to some of the filters, if there are any. */
async function printList(
  given: Given<typeof OPTIONS>,
  filters: string[],
  world: World,
): Promise<number> {
  const { listSubscriptions } = await import("../bus/list.ts");
  const lines = listSubscriptions(given.mode)
    .filter(({ filter }) => filters.length === 0 || filters.includes(filter))
    .map((it) =>
      given.json
        ? JSON.stringify(it)
        : [it.filter, it.pid ?? "-", it.since ?? "-"].join("\t")
    );
  const text = lines.map((line) => `${line}\n`).join("");
  await writeAll(world.stdout, new TextEncoder().encode(text));
  return EXIT.ok;
}

/** Tells the message that ends the program; none does if there is no word. */
function lastMessage(word: string | undefined): (message: Message) => boolean {
  if (word === undefined) return () => false;
  const bytes = new TextEncoder().encode(word);
  return (message) =>
    message.length === bytes.length &&
    message.bytes.every((byte, i) => byte === bytes[i]);
}

/** Calls back when nothing happened for some time. */
class Silence implements Disposable {
  readonly #timeoutMs: number | undefined;
  readonly #onOver: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(timeoutMs: number | undefined, onOver: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onOver = onOver;
    this.restart();
  }

  get over(): boolean {
    return this.#over;
  }

  restart(): void {
    clearTimeout(this.#timer);
    if (this.#timeoutMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.#over = true;
      this.#onOver();
    }, this.#timeoutMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
