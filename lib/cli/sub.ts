/**
 * The program `sub`: prints messages.
 *
 * @module
 */
import type { Message } from "../framing.ts";
import { Subscriber } from "../subscriber.ts";
import { EXIT } from "./exit_codes.ts";
import { type Given, type OptionTable, UsageError } from "./options.ts";
import { printMessages } from "./output.ts";
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
  null: { help: "messages end with a NUL byte, in the FIFO and in the output" },
  mode: { takes: mode, help: "permissions of a FIFO that is made [600]" },
  "max-size": { takes: size, help: "fail at a longer message [1M]" },
  ...COMMON_OPTIONS,
} satisfies OptionTable;

const SUB: Program<typeof OPTIONS> = {
  name: "sub",
  operands: "ADDRESS...",
  summary:
    `Prints the messages of named pipes (FIFOs), which are made if not there, each
on a line, until the message "exit".

ADDRESS is a path that starts with /, ./ or ../, or fifo:PATH. Several readers
of one FIFO share its messages. On a terminal control characters are shown.`,
  examples: [
    "sub /tmp/mypipe",
    "sub -C 1 -W 5 /tmp/mypipe || echo no answer",
    "sub --no-exit-word /tmp/a /tmp/b | grep error",
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
  if (addresses.length === 0) throw new UsageError("there is no ADDRESS");
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
  });
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
      await printMessages(world.stdout, messages, delimiter);
    }
    if (ended || left === 0) return EXIT.ok;
  }
  if (signals.raised) return signals.raise(signals.raised);
  return silence.over ? EXIT.timedOut : EXIT.ok;
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
