/**
 * The program `sub`: prints messages.
 *
 * @module
 */
import { isMqtt, parseAddress } from "../../address.ts";
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import { Subscriber } from "../../subscriber.ts";
import { matchesTopic } from "../../topic.ts";
import { EXIT, UsageError } from "../exit_codes.ts";
import type { OPTIONS } from "../options/sub.ts";
import type { Given } from "../options/table.ts";
import { OutputClosed, writeAll } from "../output.ts";
import { Printer } from "../printer.ts";
import { complain, runProgram, type World } from "../program.ts";
import { count } from "../queue.ts";
import { Signals, Suspension } from "../signals.ts";
import type { Silence } from "./silence.ts";
import type { Stats } from "./stats.ts";

const NAME = "sub";

/** How long we wait for a slow reader of our output after a signal. */
const STUCK_MS = 1000;

type Options = Given<typeof OPTIONS>;

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
  const { SUB } = await load<typeof import("../options/sub.ts")>(
    import.meta.resolve("../options/sub.ts"),
  );
  return SUB;
}

async function main(
  given: Options,
  addresses: string[],
  world: World,
): Promise<number> {
  const hasTopics = addresses.some((it) => parseAddress(it).kind === "topic");
  if (hasTopics || given.list) await tellOfBus(given, addresses, world);
  if (given.list) return await printList(given, addresses, world);
  if (addresses.length === 0) throw new UsageError("there is no ADDRESS");
  const isLast = lastMessage(given, addresses);
  const isWanted = given["filter-out"] && filterOut(given["filter-out"]);
  let left = given.count ?? Infinity;
  let shown: Partial<Output> = {};
  const say = (text: string) =>
    shown.notice ? shown.notice(text) : complain(NAME, world, text);

  const opening = new AbortController();
  let quit = () => opening.abort();
  // From the start, so that a signal at any time removes our name on the bus.
  using signals = new Signals(() => {
    shown.stop?.();
    quit();
  });
  const open = Subscriber.open(addresses, {
    delimiter: given.null ? "\0" : "\n",
    maxBytes: given["max-size"],
    mode: given.mode,
    ...addresses.some(isMqtt) && {
      mqtt: await openMqtt(given, world, say),
    },
    connectTimeoutMs: given.timeout,
    retained: given["retained-only"] ? "only" : !given["no-retained"],
    // Messages that --filter-out drops do not count.
    limit: given["filter-out"] ? undefined : given.count,
    onNotice: ({ text }) => say(text),
    signal: opening.signal,
  });
  const opened = await open.catch((error) => {
    if (!signals.raised) throw error;
  });
  if (!opened) return await signals.raise(signals.raised!);
  await using subscriber = opened;
  quit = () => {
    shown.leave?.();
    // close() reports the error.
    subscriber.end().catch(() => {});
  };
  // Other readers would wait for a stopped process to take its turn.
  using _suspension = new Suspension(async () => {
    shown.suspend?.();
    await subscriber.pause();
  }, () => {
    subscriber.resume();
    shown.resume?.();
  });
  using silence = given.timeout === undefined
    ? undefined
    : await openSilence(given.timeout, () => quit());
  using stats = given.stats ? await openStats(world) : undefined;
  await using output = await openOutput(given, world, () => quit());
  shown = output;
  let ended = false;
  let isIncomplete = false;
  let unhandled: Message[] = [];
  try {
    while (!ended) {
      const room = await output.room?.();
      if (room === 0) break;
      // The timer measures the wait for messages, not the time of commands.
      silence?.restart();
      const arrived = await subscriber.read(room);
      silence?.stop();
      if (!arrived) break;
      const missed = arrived.reduce((sum, it) => sum + it.missed, 0);
      if (missed > 0) say(`${count(missed)} missed, not read in time`);
      isIncomplete = missed > 0 && Boolean(given["strict-delivery"]);
      if (isIncomplete) {
        arrived.splice(arrived.findIndex((it) => it.missed > 0));
      }
      const messages = isWanted ? arrived.filter(isWanted) : arrived;
      const end = messages.findIndex(isLast);
      ended = end >= 0 || messages.length >= left || isIncomplete;
      unhandled = messages.splice(
        Math.min(end >= 0 ? end : Infinity, left),
      );
      if (end >= 0 && end < left) unhandled.shift();
      left -= messages.length;
      stats?.add(messages);
      if (messages.length > 0) await output.take(messages);
    }
    await output.finish();
  } catch (error) {
    if (!signals.raised || !(error instanceof OutputClosed)) throw error;
  } finally {
    await subscriber.close([...output.unhandled ?? [], ...unhandled]);
  }
  if (signals.raised) return await signals.raise(signals.raised);
  if (isIncomplete) return EXIT.missed;
  return silence?.isOver && !ended ? EXIT.timedOut : EXIT.ok;
}

async function tellOfBus(
  given: Options,
  addresses: string[],
  world: World,
): Promise<void> {
  const { tellFifos, tellFolder } = await load<
    typeof import("../bus_notes.ts")
  >(
    import.meta.resolve("../bus_notes.ts"),
  );
  tellFifos(NAME, world, addresses);
  const kinds = addresses.map((it) => parseAddress(it).kind);
  const isList = given.list && (kinds.length === 0 || kinds.includes("topic"));
  if (isList) tellFolder(NAME, world);
}

async function openMqtt(
  given: Options,
  world: World,
  say: (text: string) => void,
): Promise<MqttOptions> {
  const { mqttOptions } = await load<typeof import("../mqtt.ts")>(
    import.meta.resolve("../mqtt.ts"),
  );
  return await mqttOptions(given, world, say);
}

/** Returns a test for messages that none of the filters leaves out. */
function filterOut(filters: string[]): (message: Message) => boolean {
  return ({ topic }) => !filters.some((filter) => matchesTopic(filter, topic));
}

/** The destination of messages. */
interface Output extends AsyncDisposable {
  /**
   * Waits until the output can take messages. Returns how many it can take, or
   * 0 if it wants no more. An output without this method takes any number.
   */
  room?(): Promise<number>;
  take(messages: Message[]): Promise<void>;
  /** The messages that it took but did not finish. */
  readonly unhandled?: Message[];
  /** A signal ends the program. */
  stop?(): void;
  /** Waits until all messages are handled. */
  finish(): Promise<void>;
  /** Tells the user something, where standard error is the wrong place. */
  notice?(text: string): void;
  /** Called before the program is stopped, and when it continues. */
  suspend?(): void;
  resume?(): void;
  /** Gives the terminal back, because the next signal may end the program. */
  leave?(): void;
}

async function openOutput(
  given: Options,
  world: World,
  quit: () => void,
): Promise<Output> {
  if (given.exec !== undefined) {
    const { CommandOutput } = await load<typeof import("./command_output.ts")>(
      import.meta.resolve("./command_output.ts"),
    );
    return new CommandOutput({
      command: given.exec,
      jobs: given.jobs,
      retry: given.retry,
      failed: given.failed,
      delimiter: given.null ? "\0" : "\n",
      respond: Boolean(given.respond),
      strict: Boolean(given.strict),
      graceMs: given.grace,
      say: (text) => complain(NAME, world, text),
      quit,
    });
  }
  const color = given.color === "always" ||
    given.color !== "never" && !Deno.noColor && world.stdout.isTerminal();
  if (given.dashboard || given.serve) {
    const { BoardOutput } = await load<typeof import("./boards.ts")>(
      import.meta.resolve("./boards.ts"),
    );
    return await BoardOutput.open({ given, world, color, onQuit: quit });
  }
  const printer = new Printer(world.stdout, {
    delimiter: given.null ? "\0" : "\n",
    topics: Boolean(given.verbose || given.keyed),
    color,
    format: given.format,
    json: given.parse ? "parsed" : Boolean(given.json),
    raw: Boolean(given.raw),
  });
  return new PrintedOutput(printer);
}

/** Prints messages on standard output. */
class PrintedOutput implements Output {
  readonly #printer: Printer;
  readonly #givenUp = new AbortController();
  readonly unhandled: Message[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(printer: Printer) {
    this.#printer = printer;
  }

  async take(messages: Message[]): Promise<void> {
    try {
      await this.#printer.print(messages, this.#givenUp.signal);
    } catch (error) {
      const printed = error instanceof OutputClosed ? error.printed : 0;
      this.unhandled.push(...messages.slice(printed));
      throw error;
    }
  }

  stop(): void {
    this.#timer = setTimeout(() => this.#givenUp.abort(), STUCK_MS);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    return Promise.resolve();
  }
}

async function openSilence(
  timeoutMs: number,
  onOver: () => void,
): Promise<Silence> {
  // Loaded here, because most runs wait for ever.
  const { Silence } = await load<typeof import("./silence.ts")>(
    import.meta.resolve("./silence.ts"),
  );
  return new Silence(timeoutMs, onOver);
}

async function openStats(world: World): Promise<Stats> {
  // Loaded here, because few runs need it.
  const { Stats } = await load<typeof import("./stats.ts")>(
    import.meta.resolve("./stats.ts"),
  );
  return new Stats((line) => complain(NAME, world, line));
}

/**
 * Prints the live subscriptions: all, or only those to the given filters. For a
 * FIFO, it prints the reader, and what waits for the next one.
 */
async function printList(
  given: Options,
  addresses: string[],
  world: World,
): Promise<number> {
  const { listAddresses } = await load<typeof import("./list.ts")>(
    import.meta.resolve("./list.ts"),
  );
  const text = await listAddresses(addresses, given.mode, {
    json: Boolean(given.json),
    isTerminal: world.stdout.isTerminal(),
  });
  await writeAll(world.stdout, new TextEncoder().encode(text));
  return EXIT.ok;
}

/**
 * Returns a test for the message that ends the program. On topics, where people
 * publish for other readers too, it needs --exit-word. A retained message is
 * old, and never ends the program.
 */
function lastMessage(
  given: Options,
  addresses: string[],
): (message: Message) => boolean {
  if (given["no-exit-word"]) return () => false;
  const word = given["exit-word"];
  const bytes = new TextEncoder().encode(word ?? "exit");
  const paths = new Set(
    addresses.map(parseAddress).flatMap((it) =>
      it.kind === "fifo" ? it.path : []
    ),
  );
  if (word === undefined && paths.size === 0) return () => false;
  return (message) =>
    message.length === bytes.length &&
    message.bytes.every((byte, i) => byte === bytes[i]) &&
    !message.retained && (word !== undefined || paths.has(message.topic));
}
