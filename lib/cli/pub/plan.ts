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
  | Bridge;

/** The messages of other addresses. */
export interface Bridge {
  kind: "bridge";
  /** The addresses. */
  from: string[];
  /** How many bytes of messages may wait for a broker that is away. */
  queueBytes: number;
}

/** What a run of `pub` does. */
export interface PubPlan {
  /** What to publish. */
  content: Content;
  /** Where to; undefined if each line has its topic. */
  address: string | undefined;
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
  [address, ...words]: string[],
  world: Pick<World, "env" | "stdin">,
): Promise<PubPlan> {
  check(given, address, words);
  const content = contentOf(given, words, world);
  const isOne = content.kind === "message" || content.kind === "stdin";
  for (const name of ["reply", "repeat"] as const) {
    if (given[name] === undefined || isOne) continue;
    throw new UsageError(`--${name} goes with a MESSAGE`);
  }
  const isToBroker = [address ?? "", ...given.from ?? []].some(isMqtt);
  return {
    content,
    address,
    publisher: {
      delimiter: given.null ? "\0" : "\n",
      maxBytes: given["max-size"] ?? DEFAULT_MAX_BYTES,
      mode: given.mode,
      wait: given["no-wait"] ? false : given.wait,
      timeoutMs: given.timeout,
      connectTimeoutMs: given.timeout,
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
  if (given["stdin-message"]) return { kind: "stdin" };
  if (given["null-message"]) return { kind: "message", text: "" };
  if (words.length > 0) return { kind: "message", text: words.join(" ") };
  const { file, keyed = false } = given;
  const isPiped = given.lines || keyed || file !== undefined;
  if (!isPiped && stdin.isTerminal()) return { kind: "typed" };
  return { kind: "lines", path: file, hasTopics: keyed };
}

/** Checks the rules that the table of options cannot express. */
function check(
  given: Given<typeof OPTIONS>,
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
