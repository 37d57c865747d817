/**
 * A bridge: publishes what comes from elsewhere, `pub --from`.
 *
 * @module
 */
import { type MqttAddress, parseAddress } from "../../address.ts";
import { delay } from "../../delay.ts";
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { besides } from "../../mqtt/besides.ts";
import { outletOf, Publisher } from "../../publisher.ts";
import { Subscriber } from "../../subscriber.ts";
import { fits } from "../../wire/tags.ts";
import { EXIT } from "../exit_codes.ts";
import { tellingOfLoss } from "../mqtt.ts";
import { complain, count, type World } from "../program.ts";
import { Signals } from "../signals.ts";
import { Tally } from "../tally.ts";
import { Backlog, Overflow } from "./backlog.ts";
import { Intake } from "./intake.ts";
import { keep, type Passing, type Waiting } from "./kept.ts";
import type { Bridge, PubPlan } from "./plan.ts";
import {
  checkCircle,
  checkPaths,
  isShared,
  marksOf,
  originsOf,
  rename,
} from "./route.ts";
import { NAME } from "./sender.ts";
import type { Spooler } from "./spooler.ts";

/** How long to wait for messages under way when the program ends. */
const GRACE_MS = 2000;

/** How long to wait for a connection before telling the user. */
const NOTICE_MS = 1000;

/**
 * Publishes what comes from other addresses, until it is ended.
 *
 * @param content Where from.
 * @param plan Where to, and how.
 * @param world Where it reports.
 * @returns The exit code.
 */
export async function bridge(
  content: Bridge,
  plan: PubPlan,
  world: World,
): Promise<number> {
  const stopped = new AbortController();
  const giveUp = () => stopped.abort(new Error("the bridge is closed"));
  const ending: Ending = { quit: giveUp, giveUp, stopped: stopped.signal };
  using signals = new Signals(() => ending.quit());
  // It closes its connections first: one that just breaks has its last will
  // published.
  await forward(content, plan, world, ending).catch((error) => {
    if (!signals.raised) throw error;
  });
  return signals.raised ? await signals.raise(signals.raised) : EXIT.ok;
}

/** How a bridge ends. */
interface Ending {
  /** What a signal does now. */
  quit: () => void;
  /** Makes messages that wait fail, and connections that are not made. */
  readonly giveUp: () => void;
  /** Whether it has been called. */
  readonly stopped: AbortSignal;
}

async function forward(
  { from: sources, queueBytes }: Bridge,
  plan: PubPlan,
  world: World,
  ending: Ending,
): Promise<void> {
  const { giveUp, stopped } = ending;
  const { publisher: options, retain: retains, report } = plan;
  const { connectTimeoutMs, maxBytes, mode } = options;
  const from = sources.map(parseAddress);
  const to = parseAddress(plan.address!);
  const { kind } = from[0]!;
  const marks = await marksOf(from, to, mode);
  checkPaths(from, to);
  const say = (text: string) => {
    if (report !== "nothing") complain(NAME, world, text);
  };
  const tally = new Tally(say);
  const mqtt = options.mqtt && tellingOfLoss(options.mqtt, say);
  // From broker to broker the last will is for the ADDRESS, as without --from,
  // and the session is where the messages come from.
  const { will, ...others } = mqtt ?? {};
  const isBetween = kind === "mqtt" && to.kind === "mqtt";
  let connecting: Promise<Publisher> | undefined;
  const connect = async () => {
    connecting = Publisher.open(plan.address!, {
      ...options,
      // What comes from a broker may hold line feeds.
      delimiter: to.kind === "topic" ? "\0" : "\n",
      // What a broker does not take at once waits here.
      timeoutMs: to.kind === "mqtt" ? undefined : options.timeoutMs,
      mqtt: isBetween ? { ...besides(others, "-to"), will } : mqtt,
      origin: marks.publisher,
      signal: stopped,
      onDropped: ({ member, count, reason }) => {
        const what = `dropped for subscriber ${member}`;
        tally.add(`${member} ${reason}`, what, reason, count);
      },
    });
    const publisher = await connecting;
    const isMarked = !outletOf(publisher).isUnmarked;
    if (!isMarked && to.kind === "mqtt") {
      checkCircle(from, to, marks.isWithin, say);
    }
    return publisher;
  };
  await using _publisher = {
    [Symbol.asyncDispose]: async () => {
      giveUp();
      await connecting?.then((publisher) => publisher.close(), () => {});
    },
  };
  let opening: Promise<Publisher> | undefined;
  const open = () => opening = connect();
  const waiting: Waiting = plan.spool
    ? await openSpooler(plan.spool, open, tally, say)
    : new Backlog(queueBytes, open(), tally);
  if (to.kind === "mqtt" && connectTimeoutMs !== undefined) {
    // Messages can wait as well.
    tellOfWait(to, say, opening!);
  } else await opening;
  // What was written to a FIFO that it has opened must not be lost with it.
  const reading = new AbortController();
  ending.quit = () => reading.abort();
  let failure: { cause: unknown } | undefined;
  waiting.failed.catch((error) => {
    failure ??= { cause: error };
    ending.quit();
  });
  const intake = await Intake.open(() =>
    Subscriber.open(sources, {
      // Only a message of a broker is whole when it arrives.
      maxBytes: kind === "mqtt" ? Infinity : maxBytes,
      delimiter: kind === "topic" && !from.some(isShared) ? "\0" : "\n",
      mode,
      mqtt: isBetween ? others : mqtt,
      connectTimeoutMs,
      origin: marks.subscriber,
      onNotice: ({ text }) => say(text),
      signal: reading.signal,
    }), tally).catch((error) => {
      failure ??= { cause: error };
    });
  // The other side keeps what it does not take.
  const isAcknowledging = kind === "mqtt" && options.mqtt?.persistent === true;
  const holdsUp = kind === "fifo" || isAcknowledging;
  let unread: Message[] = [];
  if (intake) {
    ending.quit = () => {
      intake.end();
      waiting.wake();
    };
    try {
      unread = await passOn(intake, waiting, {
        holdsUp,
        isAcknowledging,
        overflow: new Overflow(queueBytes, say),
        passing: (message) => {
          const origins = originsOf(message, marks);
          if (!origins) return undefined;
          if (origins !== marks.added && !fits(origins)) {
            const why = "it has come through too many bridges";
            return void tally.add("bridges", "not passed on", why);
          }
          return {
            topic: rename(message.topic, from, to),
            retain: to.kind !== "fifo" && (retains || message.retained),
            origins,
            properties: to.kind === "mqtt" ? keep(message) : undefined,
          };
        },
      });
    } catch (error) {
      failure ??= { cause: error };
    }
  }
  const grace = delay(GRACE_MS, stopped).catch(() => {});
  const unsent = [...await waiting.finish(grace, giveUp), ...unread];
  tally.report();
  await intake?.close(holdsUp ? unsent : []);
  if (!holdsUp && unsent.length > 0) {
    say(`${count(unsent.length)} lost: nobody took them`);
  }
  if (failure) throw failure.cause;
}

/** Loads what only --spool needs. */
async function openSpooler(
  ...args: Parameters<typeof Spooler.open>
): Promise<Spooler> {
  const { Spooler } = await load<typeof import("./spooler.ts")>(
    import.meta.resolve("./spooler.ts"),
  );
  return await Spooler.open(...args);
}

/** How to pass messages on. */
interface PassOptions {
  /** Whether messages can stay where they are while there is no room. */
  holdsUp: boolean;
  /** Whether each read acknowledges the messages of the last one. */
  isAcknowledging: boolean;
  /** Counts messages without room, if they cannot. */
  overflow: Overflow;
  /** Returns how to publish a message; undefined if it goes no further. */
  passing(message: Message): Passing | undefined;
}

/** Takes messages until there are no more; returns those it had no room for. */
async function passOn(
  intake: Intake,
  waiting: Waiting,
  { holdsUp, isAcknowledging, overflow, passing }: PassOptions,
): Promise<Message[]> {
  for (let arrived; (arrived = await intake.read());) {
    for (const [i, message] of arrived.entries()) {
      const how = passing(message);
      if (!how) continue;
      while (holdsUp && waiting.isFull && !intake.isEnded) {
        await waiting.changed;
      }
      if (waiting.isFull && holdsUp) return arrived.slice(i);
      if (waiting.isFull) overflow.add();
      else {
        overflow.report();
        waiting.add(message, how);
      }
    }
    // The next read tells a broker that these messages are through.
    while (isAcknowledging && !waiting.isKept && !intake.isEnded) {
      await waiting.changed;
    }
    // At the end, those that are not stay with it.
    if (isAcknowledging && !waiting.isKept) break;
  }
  overflow.report();
  return [];
}

/** Tells the user if a connection takes a while, and when it is there. */
async function tellOfWait(
  { broker }: MqttAddress,
  say: (text: string) => void,
  opening: Promise<unknown>,
): Promise<void> {
  let isTold = false;
  const timer = setTimeout(() => {
    isTold = true;
    say(`trying to connect to ${broker}`);
  }, NOTICE_MS);
  try {
    await opening;
    if (isTold) say(`connected to ${broker}`);
  } catch {
    // It is reported where it matters.
  } finally {
    clearTimeout(timer);
  }
}
