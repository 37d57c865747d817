/**
 * What a run of `pub` does, made of its command line. The rest of the program
 * sees no options.
 *
 * @module
 */
import { isMqtt, parseAddress } from "../../address.ts";
import type { MessageProperties } from "../../message.ts";
import type { PublisherOptions } from "../../publisher.ts";
import { DEFAULT_MAX_BYTES, type Delimiter } from "../../wire/framing.ts";
import { UsageError } from "../exit_codes.ts";
import type { OPTIONS } from "../options/pub.ts";
import type { Given } from "../options/table.ts";
import { loadMqtt, type World } from "../program.ts";

/** What to publish. */
export type Content =
  /** One message. */
  | { kind: "message"; text: string }
  /** Standard input, as one message. */
  | { kind: "stdin" }
  /** Each line that the user types after a prompt. */
  | { kind: "typed" }
  /** Each line of a file, or of standard input if there is no path. */
  | { kind: "lines"; path: string | undefined; hasTopics: boolean }
  | Records
  /** Each line of standard input, which goes on to standard output. */
  | { kind: "tee" }
  | Bridge;

/** The messages in lines of JSON, as `sub --json` prints them. */
export interface Records {
  kind: "records";
  /** The files, in order; undefined is standard input. */
  files: (string | undefined)[];
  /** How fast; Infinity leaves out the pauses. */
  speed: number;
  /** Whether to start again at the end. */
  isLoop: boolean;
  /** The time of the first messages, and that behind the last ones. */
  since: Moment | undefined;
  until: Moment | undefined;
  /** The topics that are wanted; all if there are none. */
  filters: string[];
  /** What to put before each topic. */
  prefix: string;
}

/** A moment in a record. */
export interface Moment {
  /** In milliseconds: since 1970, or as an offset since the first message. */
  ms: number;
  /** Whether it is an offset. */
  isOffset: boolean;
}

/** The messages of other addresses. */
export interface Bridge {
  kind: "bridge";
  /** The addresses. */
  from: string[];
  /** How many bytes of messages may wait for a broker that is away. */
  queueBytes: number;
}

/** Where messages wait for a broker. */
export interface SpoolPlan {
  /** The file. */
  path: string;
  /** How many bytes of messages may wait there. */
  maxBytes: number;
}

/** What a run of `pub` does. */
export interface PubPlan {
  /** What to publish. */
  content: Content;
  /** Where to; undefined if each line has its topic. */
  address: string | undefined;
  /** Where messages wait for the broker; undefined if in memory. */
  spool: SpoolPlan | undefined;
  /** How to open the address. */
  publisher: PublisherOptions & { delimiter: Delimiter; maxBytes: number };
  /** Whether to keep messages as the last values of their topics. */
  retain: boolean;
  /** What a broker gets with each message; undefined if nothing. */
  properties: MessageProperties | undefined;
  /** Whether each message has to be valid JSON. */
  mustBeJson: boolean;
  /** How often to publish the message. */
  times: number;
  /** The pause in between, in milliseconds. */
  intervalMs: number;
  /** The most messages a second; no limit if undefined. */
  rate: number | undefined;
  /** How many answers to wait for, if the message is a request. */
  answers: number | undefined;
  /** What to say on standard error, besides why the program fails. */
  report: "nothing" | "problems" | "all";
}

/** What may wait for a broker that is away, unless told otherwise. */
const QUEUE_BYTES = 8 * 1024 * 1024;

/**
 * Makes the plan.
 *
 * @param given The options.
 * @param operands The address, unless lines have their topics, and the words of
 * the message.
 * @param world The environment and standard input.
 * @returns The plan.
 * @throws {UsageError} If the command line contradicts itself.
 * @throws {Error} If a file for a connection to a broker cannot be read.
 */
export async function planOf(
  given: Given<typeof OPTIONS>,
  operands: string[],
  world: Pick<World, "env" | "stdin">,
): Promise<PubPlan> {
  const address = given.replay ? given.to : operands[0];
  const words = given.replay ? [] : operands.slice(1);
  check(given, address, words);
  const content = given.replay || given["json-lines"]
    ? recordsOf(given, operands)
    : contentOf(given, words, world);
  const isOne = content.kind === "message" || content.kind === "stdin";
  for (const name of ["reply", "repeat"] as const) {
    if (given[name] === undefined || isOne) continue;
    throw new UsageError(`--${name} goes with a MESSAGE`);
  }
  const queueBytes = given["queue-bytes"] ?? QUEUE_BYTES;
  const spool = given.spool === undefined
    ? undefined
    : { path: given.spool, maxBytes: queueBytes };
  const isToBroker = [address ?? "", ...given.from ?? []].some(isMqtt);
  return {
    content,
    address,
    spool,
    publisher: {
      delimiter: given.null ? "\0" : "\n",
      maxBytes: given["max-size"] ?? DEFAULT_MAX_BYTES,
      mode: given.mode,
      wait: given["no-wait"] ? false : given.wait,
      timeoutMs: given.timeout,
      // The next run tries again for a message, but lines go on and on.
      connectTimeoutMs: given.timeout ??
        (spool && !isOne ? Infinity : undefined),
      slowTimeoutMs: given["slow-timeout"],
      mqtt: isToBroker
        ? await (await loadMqtt()).readMqttOptions(given, world.env)
        : undefined,
    },
    retain: given.retain ?? false,
    properties: propertiesOf(given),
    mustBeJson: given.json ?? false,
    times: given.repeat ?? 1,
    intervalMs: given.interval ?? 0,
    rate: given.rate,
    answers: given.reply,
    report: given.quiet ? "nothing" : given.verbose ? "all" : "problems",
  };
}

function propertiesOf(
  given: Given<typeof OPTIONS>,
): MessageProperties | undefined {
  const { property, expiry: expiryMs, "content-type": contentType } = given;
  if ((property ?? contentType ?? expiryMs) === undefined) return undefined;
  const values = Map.groupBy(property ?? [], ([name]) => name);
  const properties = Object.fromEntries(
    Array.from(values, ([name, pairs]) => [name, pairs.map(([, it]) => it)]),
  );
  return { properties, contentType, expiryMs };
}

function contentOf(
  given: Given<typeof OPTIONS>,
  words: string[],
  { stdin }: Pick<World, "stdin">,
): Content {
  if (given.from) {
    const queueBytes = given["queue-bytes"] ?? QUEUE_BYTES;
    return { kind: "bridge", from: given.from, queueBytes };
  }
  if (given.tee) return { kind: "tee" };
  if (given["stdin-message"]) return { kind: "stdin" };
  if (given["null-message"]) return { kind: "message", text: "" };
  if (words.length > 0) return { kind: "message", text: words.join(" ") };
  const { file, keyed = false } = given;
  const isPiped = given.lines || keyed || file !== undefined;
  if (!isPiped && stdin.isTerminal()) return { kind: "typed" };
  return { kind: "lines", path: file, hasTopics: keyed };
}

function recordsOf(
  given: Given<typeof OPTIONS>,
  operands: string[],
): Records {
  const files = given.replay && operands.length > 0
    ? operands.map((path) => path === "-" ? undefined : path)
    : [given.file];
  const { loop = false, since, until, filter = [], prefix = "" } = given;
  if (loop && files.includes(undefined)) {
    throw new UsageError("--loop needs a FILE: it cannot read its input again");
  }
  return {
    kind: "records",
    files,
    speed: given.replay ? given.speed ?? 1 : Infinity,
    isLoop: loop,
    since,
    until,
    filters: filter,
    prefix: prefix.replace(/([^/])$/, "$1/"),
  };
}

/** Checks the rules that the table of options cannot express. */
function check(
  given: Given<typeof OPTIONS>,
  address: string | undefined,
  words: string[],
): void {
  const kind = address === undefined ? undefined : parseAddress(address).kind;
  if (given.keyed && kind !== undefined && kind !== "mqtt") {
    throw new UsageError(
      "--keyed takes no ADDRESS but of a broker: its lines have the topics",
    );
  }
  // Lines may have their topics.
  if (!kind && !given.keyed && !given["json-lines"] && !given.replay) {
    throw new UsageError("there is no ADDRESS");
  }
  if (given.prefix && kind && kind !== "mqtt") {
    throw new UsageError("--prefix goes with the topics of the record");
  }
  if (given.from && words.length > 0) {
    throw new UsageError("MESSAGE and --from exclude each other");
  }
  if (given.spool !== undefined && Number(given.qos ?? 0) === 0) {
    throw new UsageError(
      "--spool needs --qos 1 or 2: at QoS 0 no broker says what it has",
    );
  }
  const sources = [
    "lines",
    "tee",
    "file",
    "stdin-message",
    "null-message",
  ] as const;
  const other = [...sources, "json-lines" as const]
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
