/**
 * Where the messages of a bridge come from, and where they go.
 *
 * @module
 */
import type { Address, MqttAddress } from "../../address.ts";
import { busId } from "../../bus/id.ts";
import type { Message } from "../../message.ts";
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

/** The marks of a bridge: names of the places that it joins. */
export interface Marks {
  /** What messages get. */
  added: string[];
  /** A message with this one has been where the bridge goes. */
  target: string | undefined;
  /** The marks of its Publisher and its Subscriber. */
  publisher: string | undefined;
  subscriber: string | undefined;
  /** Whether it comes from the place it goes to. */
  isWithin: boolean;
}

/**
 * Makes the marks of a bridge. It takes no message that has been at its target,
 * whatever other bridges it came through, and whatever they call the places: one
 * that passes it has its target among its marks, and comes no second time.
 *
 * @param from The addresses that it takes messages from.
 * @param to Where they go.
 * @param mode The permissions of the bus.
 * @returns The marks.
 * @throws {UsageError} If the messages come from several places.
 */
export async function marksOf(
  from: Address[],
  to: Address,
  mode?: number,
): Promise<Marks> {
  const all = [...from, to];
  const hasId = all.some((it) => it.kind === "topic" || isLocal(it));
  const id = hasId ? await busId(mode) : "";
  const places = new Set(from.map((it) => placeOf(it, id)));
  if (places.size > 1) {
    throw new UsageError(
      "all --from have to be FIFOs, topics, or topics of one broker",
    );
  }
  const [source] = places;
  const target = placeOf(to, id);
  const isWithin = source !== undefined && source === target;
  // From topic to topic of one place each has its own mark.
  const within = (it: Address) => `${source}/${baseOf(it)}`;
  const marks = {
    added: isWithin
      ? all.map(within)
      : [source, target].filter((it) => it !== undefined),
    target: isWithin ? within(to) : target,
  };
  const isExact = isWithin && to.kind === "mqtt";
  return {
    ...marks,
    // In a name on the bus there is no room for a topic.
    publisher: isExact ? marks.added[0] : source,
    subscriber: isExact ? marks.target : target,
    isWithin,
  };
}

/**
 * Adds the marks of a bridge to those of a message.
 *
 * @param message The message.
 * @param marks The marks of the bridge.
 * @returns The marks to pass it on with; undefined if it has been at the target.
 */
export function originsOf(
  { origins }: Message,
  { added, target }: Marks,
): readonly string[] | undefined {
  if (!origins) return added;
  if (target !== undefined && origins.includes(target)) return undefined;
  return [...new Set([...origins, ...added])];
}

/**
 * Looks for circles at a broker whose messages carry no marks.
 *
 * @param from Where from.
 * @param to The broker.
 * @param isWithin Whether both are the same broker.
 * @param say Tells the user of circles that other bridges would close.
 * @throws {Error} If the bridge would get what it sends.
 */
export function checkCircle(
  from: Address[],
  to: MqttAddress,
  isWithin: boolean,
  say: (text: string) => void,
): void {
  const isCircle = isWithin &&
    from.some((it) =>
      it.kind === "mqtt" && mayMatch(filterOf(it.topic), to.topic)
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
    say(
      `${text}: another one in the opposite direction sends it back, and ` +
        "several in a circle do so for ever",
    );
  }
}

/** The host of a URL, if it means the machine itself. */
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** The servers of a broker; empty for another address. */
function urlsOf(address: Address): URL[] {
  if (address.kind !== "mqtt") return [];
  return serversOf(address.broker).map((server) => new URL(server));
}

/** Whether a broker is named by an address that each machine has. */
function isLocal(address: Address): boolean {
  return urlsOf(address).some(({ hostname }) => LOOPBACK.test(hostname));
}

/**
 * Names the place of an address, alike on all machines; undefined for a FIFO,
 * which can hold no marks.
 */
function placeOf(address: Address, id: string): string | undefined {
  if (address.kind === "fifo") return undefined;
  if (address.kind === "topic") return id;
  const hosts = urlsOf(address).map(({ hostname, port }) =>
    `${LOOPBACK.test(hostname) ? id : hostname}:${port}`
  );
  // In any order.
  return hosts.sort().join();
}

/** The levels of a topic or filter before its first wildcard. */
function baseOf(address: Address): string {
  const levels = address.kind === "fifo"
    ? []
    : filterOf(address.topic).replace(/\/$/, "").split("/");
  const end = levels.findIndex((level) => level === "+" || level === "#");
  return levels.slice(0, end < 0 ? undefined : end).join("/");
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
