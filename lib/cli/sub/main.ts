/**
 * The program `sub`: prints messages.
 *
 * @module
 */
import { parseAddress } from "../../address.ts";
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { Subscriber } from "../../subscriber.ts";
import { matchesTopic } from "../../topic.ts";
import { EXIT } from "../exit_codes.ts";
import type { OPTIONS } from "../options/sub.ts";
import type { Given } from "../options/table.ts";
import { OutputClosed, writeAll } from "../output.ts";
import { Printer } from "../printer.ts";
import {
  complain,
  count,
  loadMqtt,
  runProgram,
  tellFifos,
  tellFolder,
  type World,
} from "../program.ts";
import { Signals, Suspension } from "../signals.ts";
import type { RunningCommand } from "./command.ts";
import { planOf, type SubPlan } from "./plan.ts";
import type { Recorder } from "./record.ts";
import type { Silence } from "./silence.ts";
import type { Stats } from "./stats.ts";
import type { ThinnedReader, ThinningOptions } from "./thinning.ts";

const NAME = "sub";

/** How long a COMMAND may go on after a signal that may have reached it, too. */
const COMMAND_GRACE_MS = 1000;

/** How long we wait for a slow reader of our output after a signal. */
const STUCK_MS = 1000;

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
  given: Given<typeof OPTIONS>,
  addresses: string[],
  world: World,
  command?: string[],
): Promise<number> {
  const plan = await planOf(given, addresses, world, command);
  const hasTopics = plan.addresses.some((it) =>
    parseAddress(it).kind === "topic"
  );
  if (hasTopics || plan.list) tellOfBus(plan, world);
  return plan.list
    ? await printList(plan, world)
    : await subscribe(plan, world);
}

async function subscribe(plan: SubPlan, world: World): Promise<number> {
  const { leftOut, silenceMs } = plan;
  const isLast = lastMessage(plan);
  const isWanted = ({ topic }: Message) =>
    !leftOut.some((filter) => matchesTopic(filter, topic));
  let left = plan.count;
  let shown: Partial<Output> = {};
  const say = (text: string) =>
    shown.notice ? shown.notice(text) : complain(NAME, world, text);

  const opening = new AbortController();
  let quit = () => opening.abort();
  let command: RunningCommand | undefined = undefined;
  // From the start, so that a signal at any time removes our name on the bus.
  using signals = new Signals(() => {
    shown.stop?.();
    // A terminal sends its signals to the command, too.
    command?.stop(signals.raised === "SIGTERM" ? 0 : COMMAND_GRACE_MS);
    quit();
  });
  const { mqtt } = plan.subscriber;
  const open = Subscriber.open(plan.addresses, {
    ...plan.subscriber,
    mqtt: mqtt && (await loadMqtt()).tellingOfLoss(mqtt, say),
    onNotice: ({ text }) => say(text),
    signal: opening.signal,
  });
  const opened = await open.catch((error) => {
    if (!signals.raised) throw error;
  });
  if (!opened) return await signals.raise(signals.raised!);
  await using subscriber = opened;
  const over = new AbortController();
  quit = () => {
    over.abort();
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
  using silence = silenceMs === undefined
    ? undefined
    : await openSilence(silenceMs, () => quit());
  using stats = plan.hasStats ? await openStats(world) : undefined;
  await using output = await openOutput(plan, world, () => quit());
  shown = output;
  let hasEnd = false;
  let isIncomplete = false;
  let unhandled: Message[] = [];
  /** Reads wanted messages, up to the one that ends the program. */
  const read = async (room?: number) => {
    if (hasEnd || isIncomplete) return undefined;
    // The timer measures the wait for messages, not the time of commands.
    silence?.restart();
    const arrived = await subscriber.read(room);
    silence?.stop();
    if (!arrived) return undefined;
    const missed = arrived.reduce((sum, it) => sum + it.missed, 0);
    if (missed > 0) say(missedText(missed, plan));
    isIncomplete = missed > 0 && plan.endsAtMissed;
    if (isIncomplete) arrived.splice(arrived.findIndex((it) => it.missed > 0));
    const messages = leftOut.length > 0 ? arrived.filter(isWanted) : arrived;
    const end = messages.findIndex(isLast);
    hasEnd = end >= 0;
    if (hasEnd) unhandled = messages.splice(end);
    return messages;
  };
  const thinned = plan.thinning && await openThinned(read, plan.thinning);
  if (plan.ready !== undefined) await tellReady(plan.ready, over.signal);
  await using running = plan.command &&
    await startCommand(plan.command, (code) => {
      const isLast = left === Infinity && !silence &&
        plan.exitWord === undefined;
      if (code !== 0 || isLast) quit();
    });
  command = running;
  try {
    while (left > 0) {
      const room = await output.room?.();
      if (room === 0) break;
      const messages = await (thinned ?? { read }).read(room);
      if (!messages) break;
      unhandled = [...messages.splice(left), ...unhandled];
      left -= messages.length;
      stats?.add(messages);
      if (messages.length > 0) await output.take(messages);
    }
    // Behind the last message that counts, the exit word is not for us.
    if (hasEnd && left > 0) unhandled.shift();
    await output.finish();
    if (thinned && left > 0) {
      const held = thinned.held + (output.unhandled?.length ?? 0);
      if (held > 0) say(`${count(held)} held back, not handled`);
    }
  } catch (error) {
    if (!signals.raised || !(error instanceof OutputClosed)) throw error;
  } finally {
    await subscriber.close([...output.unhandled ?? [], ...unhandled]);
  }
  if (silence?.isOver) command?.stop();
  const code = await command?.ended() ?? EXIT.ok;
  if (signals.raised) return await signals.raise(signals.raised);
  if (isIncomplete) return EXIT.missed;
  if (hasEnd || left <= 0) return EXIT.ok;
  return code || (silence?.isOver ? EXIT.timedOut : EXIT.ok);
}

/** Says how many messages a publisher has dropped for this subscriber. */
function missedText(missed: number, { subscriber }: SubPlan): string {
  const others = subscriber.delimiter === "\0"
    ? ""
    : ", or not lines (see --null)";
  return `${count(missed)} missed: not read in time${others}`;
}

function tellOfBus(
  { addresses, list }: SubPlan,
  world: World,
): void {
  tellFifos(NAME, world, addresses);
  const kinds = addresses.map((it) => parseAddress(it).kind);
  const isList = list && (kinds.length === 0 || kinds.includes("topic"));
  if (isList) tellFolder(NAME, world);
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
  { destination, addresses, subscriber: { mode } }: SubPlan,
  world: World,
  quit: () => void,
): Promise<Output> {
  const say = (text: string) => complain(NAME, world, text);
  if (destination.kind === "exec") {
    const { CommandOutput } = await load<typeof import("./command_output.ts")>(
      import.meta.resolve("./command_output.ts"),
    );
    return new CommandOutput({
      ...destination.command,
      say,
      quit,
    });
  }
  if (destination.kind === "record") {
    const { Recorder } = await load<typeof import("./record.ts")>(
      import.meta.resolve("./record.ts"),
    );
    const recorder = new Recorder(destination.record, say);
    if (!destination.print) return recorder;
    const printer = await Printer.open(world.stdout, destination.print, say);
    return new PrintedRecord(recorder, new PrintedOutput(printer));
  }
  if (destination.kind === "boards") {
    const { BoardOutput } = await load<typeof import("./boards.ts")>(
      import.meta.resolve("./boards.ts"),
    );
    const options = { ...destination, name: NAME, world, onQuit: quit };
    return await BoardOutput.open(options);
  }
  if (destination.kind === "topics") {
    const { TopicsOutput } = await load<typeof import("./topics.ts")>(
      import.meta.resolve("./topics.ts"),
    );
    const options = { ...destination.topics, addresses, mode, onOver: quit };
    return new TopicsOutput(options, world);
  }
  return new PrintedOutput(
    await Printer.open(world.stdout, destination.print, say),
  );
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
      // One by one: a call takes 120,000 arguments, and --every may hold more.
      for (const it of messages.slice(printed)) this.unhandled.push(it);
      throw error;
    }
  }

  stop(): void {
    this.#timer = setTimeout(() => this.#givenUp.abort(), STUCK_MS);
  }

  finish(): Promise<void> {
    this.#printer.finish();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    // The first call takes 3 to 7 ms, and most runs have no timer.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    return Promise.resolve();
  }
}

/** Records messages, then prints them. What is recorded is handled. */
class PrintedRecord implements Output {
  readonly #recorder: Recorder;
  readonly #printed: PrintedOutput;

  constructor(recorder: Recorder, printed: PrintedOutput) {
    this.#recorder = recorder;
    this.#printed = printed;
  }

  get unhandled(): Message[] {
    return this.#recorder.unhandled;
  }

  async take(messages: Message[]): Promise<void> {
    await this.#recorder.take(messages);
    await this.#printed.take(messages);
  }

  stop(): void {
    this.#recorder.stop();
    this.#printed.stop();
  }

  finish(): Promise<void> {
    return this.#printed.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#printed[Symbol.asyncDispose]();
    await this.#recorder[Symbol.asyncDispose]();
  }
}

async function tellReady(path: string, signal: AbortSignal): Promise<void> {
  // Loaded here, because few runs need it.
  const { tellReady } = await load<typeof import("./ready.ts")>(
    import.meta.resolve("./ready.ts"),
  );
  await tellReady(path, signal);
}

async function startCommand(
  command: string[],
  onEnded: (code: number) => void,
): Promise<RunningCommand> {
  // Loaded here, because few runs need it.
  const { RunningCommand } = await load<typeof import("./command.ts")>(
    import.meta.resolve("./command.ts"),
  );
  return new RunningCommand(command, onEnded);
}

async function openThinned(
  read: () => Promise<Message[] | undefined>,
  options: ThinningOptions,
): Promise<ThinnedReader> {
  // Loaded here, because few runs need it.
  const { ThinnedReader } = await load<typeof import("./thinning.ts")>(
    import.meta.resolve("./thinning.ts"),
  );
  return new ThinnedReader(read, options);
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
 * Prints the live subscriptions: all, or only those to the given topics and
 * filters. For a FIFO, it prints the reader, and what waits for the next one.
 * Or it prints the publishers.
 */
async function printList(
  { addresses, list, listed, subscriber: { mode } }: SubPlan,
  world: World,
): Promise<number> {
  const options = {
    json: list === "json",
    isTerminal: world.stdout.isTerminal(),
  };
  let text;
  if (listed === "publishers") {
    const { listPublishers } = await load<typeof import("./publishers.ts")>(
      import.meta.resolve("./publishers.ts"),
    );
    text = await listPublishers(addresses, mode, options);
  } else {
    const { listAddresses } = await load<typeof import("./list.ts")>(
      import.meta.resolve("./list.ts"),
    );
    text = await listAddresses(addresses, mode, options);
  }
  await writeAll(world.stdout, new TextEncoder().encode(text));
  return EXIT.ok;
}

/**
 * Returns a test for the message that ends the program. A retained message is
 * old, and never ends it.
 */
function lastMessage(
  { exitWord, exitPaths }: SubPlan,
): (message: Message) => boolean {
  if (exitWord === undefined) return () => false;
  const bytes = new TextEncoder().encode(exitWord);
  return (message) =>
    message.length === bytes.length &&
    message.bytes.every((byte, i) => byte === bytes[i]) &&
    !message.retained && (exitPaths?.has(message.topic) ?? true);
}
