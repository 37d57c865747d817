/**
 * What a run of `sub` does, made of its command line. The rest of the program
 * sees no options.
 *
 * @module
 */
import { isMqtt, parseAddress } from "../../address.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import type { SubscriberOptions } from "../../subscriber.ts";
import type { Alarm } from "../alarm.ts";
import { UsageError } from "../exit_codes.ts";
import type { OPTIONS } from "../options/sub.ts";
import type { Given } from "../options/table.ts";
import type { PrintOptions } from "../printer.ts";
import { loadMqtt, type World } from "../program.ts";
import type { WebServerOptions } from "../web/server.ts";
import type { CommandOptions } from "./command_output.ts";

/** What to serve, and to whom. */
export type ServeOptions = Omit<WebServerOptions, "say">;

/** What to do with messages. */
export type Destination =
  /** Print them. */
  | { kind: "print"; print: PrintOptions }
  /** Run a command for each. */
  | { kind: "exec"; command: CommandOptions }
  /** Show them in the terminal, on a page, or both. */
  | {
    kind: "boards";
    isInTerminal: boolean;
    serve: ServeOptions | undefined;
    alarms: Alarm[];
    /** How to print them if standard output is not a terminal. */
    print: PrintOptions;
  };

/** What a run of `sub` does. */
export interface SubPlan {
  /** Where from. */
  addresses: string[];
  /** How to list the subscribers of the addresses, if not to subscribe. */
  list: "text" | "json" | undefined;
  /** How to subscribe. */
  subscriber: SubscriberOptions;
  /** What to do with messages. */
  destination: Destination;
  /** Topic filters of messages to leave out. */
  leftOut: string[];
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
}

/** What ends a program that reads a FIFO. */
const EXIT_WORD = "exit";

/** How many messages a page shows when it opens, unless told otherwise. */
const HISTORY = 1000;

/** How long commands may go on after a signal, unless told otherwise. */
const GRACE_MS = 10_000;

/**
 * Makes the plan.
 *
 * @param given The options.
 * @param addresses Where messages come from.
 * @param world The environment and standard output.
 * @returns The plan.
 * @throws {UsageError} If there is no address.
 * @throws {Error} If a file for a connection to a broker cannot be read.
 */
export async function planOf(
  given: Given<typeof OPTIONS>,
  addresses: string[],
  world: Pick<World, "env" | "stdout">,
): Promise<SubPlan> {
  if (addresses.length === 0 && !given.list) {
    throw new UsageError("there is no ADDRESS");
  }
  const leftOut = given["filter-out"] ?? [];
  const mqtt = await mqttOf(given, addresses, world);
  return {
    addresses,
    list: given.list && (given.json ? "json" : "text"),
    subscriber: {
      delimiter: given.null ? "\0" : "\n",
      maxBytes: given["max-size"],
      mode: given.mode,
      mqtt,
      connectTimeoutMs: given.timeout,
      retained: given["retained-only"] ? "only" : !given["no-retained"],
      // Messages that are left out do not count.
      limit: leftOut.length > 0 ? undefined : given.count,
    },
    destination: destinationOf(given, mqtt, world),
    leftOut,
    count: given.count ?? Infinity,
    silenceMs: given.timeout,
    ...exitOf(given, addresses),
    endsAtMissed: given["strict-delivery"] ?? false,
    hasStats: given.stats ?? false,
  };
}

/** How to connect, if an address is at a broker. */
async function mqttOf(
  given: Given<typeof OPTIONS>,
  addresses: string[],
  { env }: Pick<World, "env">,
): Promise<MqttOptions | undefined> {
  if (![...addresses, given.failed ?? ""].some(isMqtt)) return undefined;
  const handling = given["retain-handling"];
  return {
    ...await (await loadMqtt()).readMqttOptions(given, env),
    noLocal: given["no-local"],
    retainAsPublished: given["retain-as-published"],
    retainHandling: handling && Number(handling) as 0 | 1 | 2,
  };
}

function destinationOf(
  given: Given<typeof OPTIONS>,
  mqtt: MqttOptions | undefined,
  { stdout }: Pick<World, "stdout">,
): Destination {
  const delimiter = given.null ? "\0" : "\n";
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
      graceMs: given.grace ?? GRACE_MS,
    };
    return { kind: "exec", command };
  }
  const isBoard = given.dashboard || given.serve !== undefined;
  const print: PrintOptions = {
    delimiter,
    topics: Boolean(given.verbose || given.keyed || isBoard),
    color: given.color === "always" ||
      given.color !== "never" && !Deno.noColor && stdout.isTerminal(),
    format: given.format,
    json: given.parse ? "parsed" : given.json ?? false,
    raw: given.raw ?? false,
  };
  if (!isBoard) return { kind: "print", print };
  return {
    kind: "boards",
    isInTerminal: given.dashboard ?? false,
    serve: given.serve && {
      listener: given.serve,
      token: given.token,
      history: given.history ?? HISTORY,
    },
    alarms: given.alarm ?? [],
    print,
  };
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
