/**
 * Publishing to a topic of the bus.
 *
 * @module
 */
import { tell } from "../callback.ts";
import { delay } from "../delay.ts";
import { FifobusError } from "../errors.ts";
import { load } from "../load.ts";
import type { WireMessage } from "../wire/message.ts";
import type { Dropped, Keyed, Outlet, Sending } from "../outlet.ts";
import { checkTopicName } from "../topic.ts";
import { countAt, type Delimiter, reframe } from "../wire/framing.ts";
import { tagMessages } from "../wire/tags.ts";
import { type Bus, DEFAULT_BUS_MODE, openBus } from "./folder.ts";
import type { Link } from "./link.ts";
import { retain } from "./retain.ts";
import { Routes } from "./routes.ts";

/** How long a message waits for a slow subscriber by default. */
const SLOW_TIMEOUT_MS = 1000;

/** How often to look for the subscribers that a publisher waits for. */
const LOOK_MS = 5;

/** How long messages that nobody gets may block the event loop. */
const TURN_MS = 10;

const NAMES: Record<Delimiter, string> = { "\n": "a line feed", "\0": "a NUL" };
const OTHER: Record<Delimiter, string> = { "\n": "\\0", "\0": "\\n" };

/** How to publish to the bus. */
export interface BusOutletOptions {
  /** The permissions of the folder, if this outlet has to make it. */
  mode: number | undefined;
  /** What ends a message. */
  delimiter: Delimiter;
  /** How long a message waits for a subscriber that does not read. */
  slowTimeoutMs: number | undefined;
  /** If false, it is an error if nobody gets a message. */
  wait?: boolean | number | undefined;
  /** Gives up waiting when aborted. */
  signal: AbortSignal | undefined;
  /** A mark to put on the messages. */
  origin: string | undefined;
  /** Whether the process sends one message and ends. */
  isLast?: boolean | undefined;
  /** Called when a subscriber did not take messages in time. */
  onDropped?: ((dropped: Dropped) => void) | undefined;
}

/** A publisher's outlet to the bus. */
export class BusOutlet implements Outlet {
  readonly isFramed = true;
  /** If nobody reads, messages are dropped and do not wait. */
  readonly isUnread = false;
  readonly #bus: Bus;
  readonly #options: BusOutletOptions;
  readonly #routes: Routes;
  #turnedAt = performance.now();

  private constructor(bus: Bus, options: BusOutletOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#routes = new Routes(bus.path, {
      shared: bus.isShared,
      slowTimeoutMs: options.slowTimeoutMs ?? SLOW_TIMEOUT_MS,
      signal: options.signal,
      origin: options.origin,
      isLast: options.isLast,
      onDropped: this.#tellDropped,
    });
  }

  /**
   * Opens the bus.
   *
   * @param options How to publish.
   * @param topic The topic; undefined if each message has its own topic.
   * @returns The bus.
   * @throws {FifobusError} `unsafe_bus`, `bad_address`.
   */
  static async open(
    options: BusOutletOptions,
    topic?: string,
  ): Promise<BusOutlet> {
    if (topic !== undefined) checkTopicName(topic);
    const bus = await openBus(options.mode ?? DEFAULT_BUS_MODE);
    return new BusOutlet(bus, options);
  }

  get bufferedBytes(): number {
    return this.#routes.bufferedBytes;
  }

  unpark(): void {}

  /** Tells whether somebody subscribes to a topic, dead or alive. */
  reaches(topic: string): boolean {
    return this.#routes.find(topic).length > 0;
  }

  check(topic: string | undefined, { replyTo, properties }: Sending): void {
    if (topic !== undefined) checkTopicName(topic);
    if (replyTo !== undefined) checkTopicName(replyTo);
    if (!properties) return;
    const text =
      "Cannot publish properties of messages: only brokers have them";
    throw new FifobusError("bad_address", text);
  }

  async subscribers(topic: string): Promise<number> {
    // Loaded here: node:fs takes 25 ms to load, and only counting needs it.
    const { isRead } = await load<typeof import("../fifo/nonblocking.ts")>(
      import.meta.resolve("../fifo/nonblocking.ts"),
    );
    return this.#routes.count(topic, isRead);
  }

  async send(
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    { single, retain, replyTo, origins }: Sending,
  ): Promise<number> {
    this.#options.signal?.throwIfAborted();
    const failure = retain ? this.#retain(topic, messages) : undefined;
    const links = this.#routes.find(topic, retain);
    const count = links.length > 0
      ? await this.#sendAll(links, topic, messages, {
        single,
        replyTo,
        origins,
      })
      : await this.#sendNobody();
    if (failure) throw failure;
    if (count > 0 || this.#options.wait !== false) return count;
    throw unheard(topic, links);
  }

  async sendKeyed({ records, topics, frame }: Keyed): Promise<number[]> {
    const { delimiter, signal, wait } = this.#options;
    signal?.throwIfAborted();
    const links = this.#routes.findAll(topics);
    const refused = wait === false
      ? links.findIndex((them) => them.length === 0)
      : -1;
    const count = refused < 0 ? records.length : refused;
    const heard = links.slice(0, count).map((them) => them.length);
    const parts = new Map<Link, WireMessage[]>();
    for (let i = 0; i < count; i++) {
      for (const link of links[i]!) {
        const part = parts.get(link);
        if (part) part.push(records[i]!);
        else parts.set(link, [records[i]!]);
      }
    }
    const sent = Array.from(parts, async ([link, part]) => {
      const tagged = frame(part, delimiter);
      let dropped = await this.#sendTo(link, tagged, false) ?? 0;
      // Messages that hold the other delimiter are left out wherever they are.
      // If a write fails, so does all behind it: the last ones are missing.
      const end = link.delimiter.charCodeAt(0);
      for (const isLeftOut of [true, false]) {
        for (let i = count - 1; i >= 0 && dropped > 0; i--) {
          if (!links[i]!.includes(link)) continue;
          if (isLeftOut !== records[i]!.bytes.includes(end)) continue;
          heard[i]!--;
          dropped--;
        }
      }
    });
    if (parts.size > 0) await Promise.all(sent);
    else await this.#sendNobody();
    const first = wait === false ? heard.indexOf(0) : -1;
    const at = first < 0 ? refused : first;
    if (at >= 0) throw unheard(topics[at]!, links[at]!);
    return heard;
  }

  async waitFor(
    topic: string,
    count: number,
    timeoutMs = Infinity,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const { signal } = this.#options;
    for (let found; (found = await this.subscribers(topic)) < count;) {
      if (performance.now() >= deadline) {
        throw new FifobusError(
          "timed_out",
          `Cannot publish to "${topic}": ${found} of ${count} subscribers ` +
            `are there, waited ${timeoutMs} ms`,
        );
      }
      await delay(LOOK_MS, signal);
    }
  }

  async close(): Promise<void> {
    await this.#routes.close();
  }

  readonly #tellDropped = (dropped: Dropped): void =>
    tell(this.#options.onDropped, dropped);

  /**
   * Keeps the last message as the topic's last value. If that fails, the
   * subscribers get the messages all the same.
   *
   * @returns The error, if it failed.
   */
  #retain(topic: string, messages: Uint8Array): unknown {
    const end = this.#options.delimiter.charCodeAt(0);
    const start = messages.lastIndexOf(end, messages.length - 2) + 1;
    try {
      retain(this.#bus, topic, messages.subarray(start, -1));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #sendAll(
    links: Link[],
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    { single, replyTo, origins }: Omit<Sending, "retain">,
  ): Promise<number> {
    const { delimiter } = this.#options;
    const tagged = tagMessages(topic, messages, delimiter, replyTo);
    const marked = origins && links.some(({ isBridge }) => isBridge)
      ? tagMessages(topic, messages, delimiter, replyTo, origins)
      : tagged;
    const sent = links.map((link) =>
      this.#sendTo(link, link.isBridge ? marked : tagged, single)
    );
    let count = links.length * (single ? 1 : countAt(messages, delimiter));
    for (const dropped of sent) count -= (await dropped) ?? 0;
    return count;
  }

  /**
   * Lets the event loop run now and then: a loop that publishes to nobody would
   * starve timers and signals.
   */
  async #sendNobody(): Promise<number> {
    if (performance.now() - this.#turnedAt >= TURN_MS) {
      await delay(0);
      this.#turnedAt = performance.now();
    }
    return 0;
  }

  /** Sends to one member; returns how many messages were dropped, if any. */
  async #sendTo(
    link: Link,
    tagged: Uint8Array<ArrayBuffer>,
    single: boolean,
  ): Promise<number | undefined> {
    const { delimiter } = this.#options;
    let messages = tagged;
    let left = 0;
    if (link.delimiter !== delimiter) {
      const taken = reframe(tagged, delimiter, link.delimiter);
      messages = taken.messages;
      left = taken.dropped.count;
      if (left > 0) this.#leaveOut(link, taken.dropped.messages, left);
      if (messages.length === 0) return left;
    }
    const dropped = await link.send(messages, single) ?? 0;
    // Messages of other calls in the same write may have been dropped with it.
    return single ? Math.min(dropped, 1) : left + dropped;
  }

  #leaveOut(
    link: Link,
    messages: Uint8Array<ArrayBuffer>,
    count: number,
  ): void {
    link.miss(messages, this.#options.delimiter);
    const reason = `it takes no messages that hold ${NAMES[link.delimiter]}; ` +
      `use { delimiter: "${OTHER[link.delimiter]}" } on both sides`;
    this.#tellDropped({ member: link.member, count, reason });
  }
}

function unheard(topic: string, links: Link[]): FifobusError {
  const reason = links.length > 0
    ? "nobody who subscribes to it reads"
    : "nobody subscribes to it";
  return new FifobusError(
    "no_reader",
    `Cannot publish to "${topic}": ${reason}`,
  );
}
