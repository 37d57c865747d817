/**
 * A bridge: publishes what comes from elsewhere, `pub --from`.
 *
 * @module
 */
import { type Address, parseAddress } from "../../address.ts";
import { busId } from "../../bus/id.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import { serversOf } from "../../mqtt/servers.ts";
import { Publisher } from "../../publisher.ts";
import { Subscriber } from "../../subscriber.ts";
import { matchesTopic, parseShared } from "../../topic.ts";
import { EXIT, UsageError } from "../exit_codes.ts";
import { tellingOfLoss } from "../mqtt.ts";
import { complain, count, type World } from "../program.ts";
import { Signals } from "../signals.ts";
import { Backlog } from "./backlog.ts";
import type { Bridge, PubPlan } from "./plan.ts";
import { NAME } from "./sender.ts";

/**
 * Publishes what comes from other addresses, until it is ended.
 *
 * @param content Where from.
 * @param plan Where to, and how.
 * @param world Where it reports.
 * @returns The exit code.
 */
export async function bridge(
  { from: sources, queueBytes }: Bridge,
  { address, publisher: options, retain: retains, report }: PubPlan,
  world: World,
): Promise<number> {
  const from = sources.map(parseAddress);
  const to = parseAddress(address!);
  const { maxBytes, mode, connectTimeoutMs } = options;
  const origins = new Set(
    await Promise.all(from.map((it) => originOf(it, mode))),
  );
  if (origins.size > 1) {
    throw new UsageError(
      "all --from have to be FIFOs, topics, or topics of one broker",
    );
  }
  const say = (text: string) => {
    if (report !== "nothing") complain(NAME, world, text);
  };
  const mqtt = options.mqtt && tellingOfLoss(options.mqtt, say);
  const stopped = new AbortController();
  let quit: () => void = () => signals.raise(signals.raised!);
  using signals = new Signals(() => quit());
  await using publisher = await Publisher.open(address!, {
    ...options,
    // What comes from a broker may hold line feeds.
    delimiter: to.kind === "topic" ? "\0" : "\n",
    // The backlog keeps what a broker does not take at once.
    timeoutMs: to.kind === "mqtt" ? undefined : options.timeoutMs,
    mqtt: mqtt && from[0]!.kind === "mqtt" ? besides(mqtt) : mqtt,
    origin: [...origins][0],
    signal: stopped.signal,
    onDropped: ({ member, count: dropped, reason }) =>
      say(`${count(dropped)} dropped for subscriber ${member}: ${reason}`),
  });
  // What was written to a FIFO that it has opened must not be lost with it.
  const opening = new AbortController();
  quit = () => opening.abort();
  const opened = await Subscriber.open(sources, {
    maxBytes,
    mode,
    mqtt,
    connectTimeoutMs,
    origin: await originOf(to, mode),
    onNotice: ({ text }) => say(text),
    signal: opening.signal,
  }).catch((error) => {
    if (!signals.raised) throw error;
  });
  if (!opened) return await signals.raise(signals.raised!);
  await using subscriber = opened;
  quit = () => subscriber.end().catch(() => {});
  const backlog = new Backlog(queueBytes, say);
  const holdsUp = from[0]!.kind === "fifo";
  for (let arrived; (arrived = await subscriber.read());) {
    for (const message of arrived) {
      // Who writes to a FIFO waits, as for any slow reader.
      while (holdsUp && backlog.isFull) await backlog.moved();
      const topic = rename(message.topic, from, to);
      const retain = to.kind !== "fifo" &&
        (retains || message.retained);
      backlog.add(
        message,
        () => publisher.publish(message.bytes, { topic, retain }),
      );
    }
  }
  const unsent = await backlog.finish(() =>
    stopped.abort(new Error("the bridge is closed"))
  );
  if (holdsUp) await subscriber.close(unsent);
  else if (unsent.length > 0) {
    say(`${count(unsent.length)} lost: nobody took them`);
  }
  return signals.raised ? await signals.raise(signals.raised) : EXIT.ok;
}

/** What tells where messages are from, and must not go back to. */
async function originOf(
  address: Address,
  mode?: number,
): Promise<string | undefined> {
  if (address.kind === "fifo") return undefined;
  if (address.kind === "topic") return await busId(mode);
  // Whatever the order in which the servers of a cluster are named.
  const servers = serversOf(address.broker);
  return servers.map((server) => new URL(server).host).sort().join();
}

/** A second connection, which needs a name of its own. */
function besides({ clientId, ...options }: MqttOptions): MqttOptions {
  return {
    ...options,
    clientId: clientId === undefined ? undefined : `${clientId}-to`,
    will: undefined,
  };
}

/**
 * The levels before the first wildcard of --from become the address. Without a
 * wildcard the whole topic does.
 */
function rename(
  topic: string,
  from: Address[],
  to: Address,
): string | undefined {
  if (to.kind === "fifo") return undefined;
  const base = to.topic.replace(/\/$/, "");
  const filters = from.flatMap((it) => it.kind === "fifo" ? [] : it.topic)
    .map((filter) => parseShared(filter)?.filter ?? filter);
  const filter = filters.find((it) => matchesTopic(it, topic));
  const levels = filter?.split("/") ?? [];
  const fixed = levels.findIndex((level) => level === "+" || level === "#");
  const rest = fixed < 0 ? [] : topic.split("/").slice(fixed);
  return [...base === "" ? [] : [base], ...rest].join("/");
}
