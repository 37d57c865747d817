/**
 * What a run of `sub` does, made of its command line. The rest of the program
 * sees no options.
 *
 * @module
 */
import { isMqtt, parseAddress, shownAddress } from "../../address.ts";
import { load } from "../../load.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import type { SubscriberOptions } from "../../subscriber.ts";
import { DEFAULT_MAX_BYTES } from "../../wire/framing.ts";
import type { Alarm } from "../alarm.ts";
import { UsageError } from "../exit_codes.ts";
import type { Member } from "../member.ts";
import type { OPTIONS } from "../options/sub.ts";
import type { Given } from "../options/table.ts";
import type { PrintOptions } from "../printer.ts";
import { loadMqtt, type World } from "../program.ts";
import type { WebServerOptions } from "../web/server.ts";
import type { CommandOptions } from "./command_output.ts";
import type { RecordOptions } from "./record.ts";
import type { ThinningOptions } from "./thinning.ts";
import type { TopicsOptions } from "./topics.ts";

/** What to serve, and to whom. */
export type ServeOptions = Omit<WebServerOptions, "say" | "publish"> & {
  /** Whether clients may publish. */
  isWritable: boolean;
};

/** What to do with messages. */
export type Destination =
  /** Print them. */
  | { kind: "print"; print: PrintOptions }
  /** Run a command for each. */
  | { kind: "exec"; command: CommandOptions }
  /** Record them, and perhaps print them as well. */
  | { kind: "record"; record: RecordOptions; print: PrintOptions | undefined }
  /** Count them by topic, and print a table in the end. */
  | { kind: "topics"; topics: TopicsOptions }
  /** Show them in the terminal, on a page, or both; or only their alarms. */
  | {
    kind: "boards";
    isInTerminal: boolean;
    serve: ServeOptions | undefined;
    alarms: Alarm[];
    /** Which values of JSON lead. */
    values: Member[];
    /** What to run, and where to publish, when an alarm changes. */
    command: string | undefined;
    address: string | undefined;
    mqtt: MqttOptions | undefined;
    /** How long commands may go on after a signal, in milliseconds. */
    graceMs: number;
    /** Where messages come from, in words. */
    source: string;
    /** How to print them if standard output is not a terminal. */
    print: PrintOptions;
  };

/** What a run of `sub` does. */
export interface SubPlan {
  /** Where from. */
  addresses: string[];
  /** How to list who uses the addresses, if not to subscribe. */
  list: "text" | "json" | undefined;
  /** Whom to list. */
  listed: "subscribers" | "publishers";
  /** How to subscribe. */
  subscriber: SubscriberOptions;
  /** What to do with messages. */
  destination: Destination;
  /** Topic filters of messages to leave out. */
  leftOut: string[];
  /** Which of the others to let through; undefined for all. */
  thinning: ThinningOptions | undefined;
  /** How many messages to take. */
  count: number;
  /** How long to wait for a message, in milliseconds; undefined for ever. */
  silenceMs: number | undefined;
  /** The message that ends the program; undefined if none does. */
  exitWord: string | undefined;
  /** The FIFOs where it does; undefined if it does everywhere. */
  exitPaths: Set<string> | undefined;
  /** Whether to end when messages were missed. */
  endsAtMissed: boolean;
  /** Whether to report how many messages came. */
  hasStats: boolean;
  /** The file that is told when the subscription stands. */
  ready: string | undefined;
  /** The command that starts then. */
  command: string[] | undefined;
}

/** What ends a program that reads a FIFO. */
const EXIT_WORD = "exit";

/** How many messages a page shows when it opens, unless told otherwise. */
const HISTORY = 1000;

/** What --topics listens to, and how long, unless told otherwise. */
const ALL_TOPICS = "#";
const LISTEN_MS = 5000;

/** With these there can be no COMMAND: they do not wait, or have the screen. */
const NO_COMMAND = ["list", "publishers", "topics", "dashboard"] as const;
/** The permissions of the socket of --serve, unless told otherwise. */
const SOCKET_MODE = 0o600;

/** How long commands may go on after a signal, unless told otherwise. */
const GRACE_MS = 10_000;

/**
 * Makes the plan.
 *
 * @param given The options.
 * @param operands Where messages come from.
 * @param world The environment and standard output.
 * @param command The command to run.
 * @returns The plan.
 * @throws {UsageError} If there is no address, or there can be no command.
 * @throws {Error} If a file for a connection to a broker cannot be read.
 */
export async function planOf(
  given: Given<typeof OPTIONS>,
  operands: string[],
  world: Pick<World, "env" | "stdout">,
  command?: string[],
): Promise<SubPlan> {
  const addresses = operands.length === 0 && given.topics
    ? [ALL_TOPICS]
    : operands;
  const isList = given.list || given.publishers;
  if (addresses.length === 0 && !isList) {
    throw new UsageError("there is no ADDRESS");
  }
  const other = NO_COMMAND.find((name) => given[name]);
  if (command && other) {
    throw new UsageError(`COMMAND and --${other} exclude each other`);
  }
  const leftOut = given["filter-out"] ?? [];
  const thinning = thinningOf(given);
  const mqtt = await mqttOf(given, addresses, world);
  return {
    addresses,
    list: isList && (given.json ? "json" : "text"),
    listed: given.publishers ? "publishers" : "subscribers",
    subscriber: {
      delimiter: given.null ? "\0" : "\n",
      maxBytes: given["max-size"],
      mode: given.mode,
      mqtt,
      connectTimeoutMs: given.timeout,
      retained: given["retained-only"] ? "only" : !given["no-retained"],
      // Messages that are left out do not count.
      limit: leftOut.length > 0 || thinning ? undefined : given.count,
    },
    destination: await destinationOf(given, addresses, mqtt, world),
    leftOut,
    thinning,
    count: given.count ?? Infinity,
    silenceMs: given.topics ? undefined : given.timeout,
    ...exitOf(given, addresses),
    endsAtMissed: given["strict-delivery"] ?? false,
    hasStats: given.stats ?? false,
    ready: given.ready,
    command,
  };
}

function thinningOf(
  { every, settle, changes }: Given<typeof OPTIONS>,
): ThinningOptions | undefined {
  const holdMs = every ?? settle;
  if (holdMs === undefined && !changes) return undefined;
  return { holdMs, restarts: settle !== undefined, changes: changes ?? false };
}

/** How to connect, if an address is at a broker. */
async function mqttOf(
  given: Given<typeof OPTIONS>,
  addresses: string[],
  { env }: Pick<World, "env">,
): Promise<MqttOptions | undefined> {
  const others = [given.failed ?? "", given["alarm-to"] ?? ""];
  if (![...addresses, ...others].some(isMqtt)) return undefined;
  const handling = given["retain-handling"];
  return {
    ...await (await loadMqtt()).readMqttOptions(given, env),
    noLocal: given["no-local"],
    retainAsPublished: given["retain-as-published"],
    retainHandling: handling && Number(handling) as 0 | 1 | 2,
  };
}

async function destinationOf(
  given: Given<typeof OPTIONS>,
  addresses: string[],
  mqtt: MqttOptions | undefined,
  { stdout }: Pick<World, "stdout">,
): Promise<Destination> {
  const delimiter = given.null ? "\0" : "\n";
  const graceMs = given.grace ?? GRACE_MS;
  if (given.exec !== undefined) {
    const command: CommandOptions = {
      command: given.exec,
      jobs: given.jobs ?? 1,
      retry: given.retry ?? 0,
      failed: given.failed,
      mqtt,
      delimiter,
      respond: given.respond ?? false,
      strict: given.strict ?? false,
      leavesFailed: Boolean(
        given.strict && given.persistent && given.failed === undefined,
      ),
      graceMs,
    };
    return { kind: "exec", command };
  }
  if (given.topics) {
    const listenMs = given.timeout ?? LISTEN_MS;
    return { kind: "topics", topics: { listenMs, json: given.json ?? false } };
  }
  const isBoard = given.dashboard || given.serve !== undefined ||
    given.alarm !== undefined;
  const print: PrintOptions = {
    delimiter,
    topics: Boolean(given.verbose || given.keyed || isBoard),
    color: given.color === "always" ||
      given.color !== "never" && !Deno.noColor && stdout.isTerminal(),
    format: given.format,
    json: given.parse ? "parsed" : given.json ?? false,
    raw: given.raw ?? false,
    mayHoldAny: addresses.some(isMqtt),
  };
  if (given.record !== undefined) {
    const { record: path, rotate, keep, fsync = false } = given;
    if (keep && "count" in keep && !rotate) {
      throw new UsageError("--keep N goes with --rotate");
    }
    const isPrinted = print.topics || print.format || print.json || print.raw;
    return {
      kind: "record",
      record: { path, rotate, keep, fsync },
      print: isPrinted ? print : undefined,
    };
  }
  if (!isBoard) return { kind: "print", print };
  return {
    kind: "boards",
    isInTerminal: given.dashboard ?? false,
    serve: given.serve && {
      listener: given.serve,
      mode: given["serve-mode"] ?? SOCKET_MODE,
      tls: await tlsOf(given),
      origin: given.origin,
      token: given.token,
      history: given.history ?? HISTORY,
      www: given.www,
      maxBytes: given["max-size"] ?? DEFAULT_MAX_BYTES,
      isWritable: given.writable ?? false,
    },
    alarms: given.alarm ?? [],
    values: given.value ?? [],
    command: given["on-alarm"],
    address: given["alarm-to"],
    mqtt,
    graceMs,
    source: `to ${
      addresses.map((it) => shownAddress(parseAddress(it))).join(" ")
    }`,
    print,
  };
}

/** Reads the certificate of the page and its key. */
async function tlsOf(
  given: Given<typeof OPTIONS>,
): Promise<{ cert: string; key: string } | undefined> {
  const names = ["serve-cert", "serve-key"] as const;
  if (!names.some((it) => given[it] !== undefined)) return undefined;
  const { openFile } = await load<typeof import("../files.ts")>(
    import.meta.resolve("../files.ts"),
  );
  const [cert, key] = await Promise.all(names.map(async (name) => {
    const path = given[name];
    if (path === undefined) {
      throw new UsageError("--serve-cert and --serve-key go together");
    }
    return await new Response((await openFile(path, name)).readable).text();
  }));
  return { cert: cert!, key: key! };
}

/**
 * Says which message ends the program. On topics, where people publish for other
 * readers too, no message does unless the user wants it.
 */
function exitOf(
  given: Given<typeof OPTIONS>,
  addresses: string[],
): Pick<SubPlan, "exitWord" | "exitPaths"> {
  const word = given["exit-word"];
  if (word !== undefined) return { exitWord: word, exitPaths: undefined };
  const paths = addresses.map(parseAddress)
    .flatMap((it) => it.kind === "fifo" ? it.path : []);
  const hasExit = paths.length > 0 && !given["no-exit-word"];
  return {
    exitWord: hasExit ? EXIT_WORD : undefined,
    exitPaths: new Set(paths),
  };
}
