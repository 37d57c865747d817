/**
 * Where the messages of a bridge come from, and where they go.
 *
 * @module
 */
import type { Address, MqttAddress } from "../../address.ts";
import { busId } from "../../bus/id.ts";
import { serversOf } from "../../mqtt/servers.ts";
import { matchesTopic, parseShared } from "../../topic.ts";
import { UsageError } from "../exit_codes.ts";

/**
 * Refuses a FIFO that would get what comes from it.
 *
 * @param from Where from.
 * @param to Where to.
 * @throws {UsageError} If it is one.
 */
export function checkPaths(from: Address[], to: Address): void {
  const isCircle = to.kind === "fifo" &&
    from.some((it) => it.kind === "fifo" && it.path === to.path);
  if (isCircle) throw new UsageError(`--from "${to.path}" is also the ADDRESS`);
}

/**
 * Looks for circles at a broker whose messages carry no marks.
 *
 * @param from Where from.
 * @param to The broker.
 * @param say Tells the user of circles that another bridge would close.
 * @throws {Error} If the bridge would get what it sends.
 */
export function checkCircle(
  from: Address[],
  to: MqttAddress,
  say: (text: string) => void,
): void {
  const hosts = hostsOf(to);
  const isCircle = from.some((it) =>
    it.kind === "mqtt" && hostsOf(it) === hosts &&
    mayMatch(filterOf(it.topic), to.topic)
  );
  const text = `${to.broker} speaks MQTT 3.1.1, where no mark shows what a ` +
    "bridge has sent";
  if (isCircle) {
    throw new Error(
      `Cannot forward to "${to.topic}": ${text}, and this one ` +
        "would get its own messages in circles",
    );
  }
  if (from[0]!.kind !== "fifo") {
    say(`${text}: another one in the opposite direction sends it back`);
  }
}

/** The servers of a broker, whatever the order in which they are named. */
function hostsOf({ broker }: MqttAddress): string {
  return serversOf(broker).map((server) => new URL(server).host).sort().join();
}

/** Whether a filter may match what a bridge makes of the topics it matches. */
function mayMatch(filter: string, base: string): boolean {
  if (!/[+#]/.test(filter)) return matchesTopic(filter, base);
  const levels = filter.split("/");
  for (const [i, level] of base.split("/").entries()) {
    if (levels[i] === "#") return true;
    if (levels[i] !== "+" && levels[i] !== level) return false;
  }
  return true;
}

/** Whether an address is a group on the bus. */
export function isShared(address: Address): boolean {
  return address.kind === "topic" && parseShared(address.topic) !== undefined;
}

/** The filter of an address, shared or not. */
function filterOf(topic: string): string {
  return parseShared(topic)?.filter ?? topic;
}

/**
 * Tells where all messages are from.
 *
 * @param from The addresses.
 * @param mode The permissions of the bus.
 * @returns The mark of all of them; undefined for FIFOs.
 * @throws {UsageError} If they have different marks.
 */
export async function commonOrigin(
  from: Address[],
  mode: number | undefined,
): Promise<string | undefined> {
  const origins = new Set(
    await Promise.all(from.map((it) => originOf(it, mode))),
  );
  if (origins.size === 1) return [...origins][0];
  throw new UsageError(
    "all --from have to be FIFOs, topics, or topics of one broker",
  );
}

/** What tells where messages are from, and must not go back to. */
export async function originOf(
  address: Address,
  mode?: number,
): Promise<string | undefined> {
  if (address.kind === "fifo") return undefined;
  if (address.kind === "topic") return await busId(mode);
  return hostsOf(address);
}

/**
 * Renames a topic: the levels before the first wildcard of --from become the
 * address. Without a wildcard the whole topic does.
 *
 * @param topic The topic of a message.
 * @param from Where it may come from.
 * @param to Where it goes.
 * @returns Its new topic; undefined for a FIFO.
 */
export function rename(
  topic: string,
  from: Address[],
  to: Address,
): string | undefined {
  if (to.kind === "fifo") return undefined;
  const base = to.topic.replace(/\/$/, "");
  const filters = from.flatMap((it) => it.kind === "fifo" ? [] : it.topic)
    .map(filterOf);
  const filter = filters.find((it) => matchesTopic(it, topic));
  const levels = filter?.split("/") ?? [];
  const fixed = levels.findIndex((level) => level === "+" || level === "#");
  const rest = fixed < 0 ? [] : topic.split("/").slice(fixed);
  return [...base === "" ? [] : [base], ...rest].join("/");
}
