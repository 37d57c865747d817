/**
 * Publishing to a topic of the bus.
 *
 * @module
 */
import { delay } from "jsr:@std/async@1.5.0/delay";
import { FifobusError } from "../errors.ts";
import { type Delimiter, reframe } from "../framing.ts";
import { tagMessages } from "../message.ts";
import type { Outlet, Sending } from "../publisher.ts";
import { checkTopicName } from "../topic.ts";
import { DEFAULT_BUS_MODE, openFolder } from "./folder.ts";
import type { Dropped, Link } from "./link.ts";
import { retain } from "./retained.ts";
import { Routes } from "./routes.ts";

/** How long a message waits for a slow subscriber, unless told otherwise. */
const SLOW_TIMEOUT_MS = 1000;

/** How often to look for a subscriber that is waited for. */
const LOOK_MS = 5;

/** How long messages to nobody may keep the event loop to themselves. */
const TURN_MS = 10;

const NAMES: Record<Delimiter, string> = { "\n": "a line feed", "\0": "a NUL" };
const OTHER: Record<Delimiter, string> = { "\n": "\\0", "\0": "\\n" };

/** How to publish to the bus. */
export interface BusOutletOptions {
  /** The permissions of the folder, if it has to be made. */
  mode: number | undefined;
  /** What ends a message. */
  delimiter: Delimiter;
  /** How long a message waits for a subscriber that does not read. */
  slowTimeoutMs: number | undefined;
  /** Gives up waiting when aborted. */
  signal: AbortSignal | undefined;
  /** Marks what is sent. */
  origin: string | undefined;
  /** Is told of messages that a subscriber did not take in time. */
  onDropped(dropped: Dropped): void;
}

/** The bus, as a publisher sees it. */
export class BusOutlet implements Outlet {
  readonly #folder: string;
  readonly #options: BusOutletOptions;
  readonly #mode: number;
  readonly #routes: Routes;
  #turnedAt = performance.now();

  /**
   * Opens the bus.
   *
   * @param options How to publish.
   * @throws {FifobusError} `unsafe_bus`.
   */
  constructor(options: BusOutletOptions) {
    this.#options = options;
    this.#mode = options.mode ?? DEFAULT_BUS_MODE;
    this.#folder = openFolder(this.#mode);
    this.#routes = new Routes(this.#folder, {
      shared: (this.#mode & 0o022) !== 0,
      slowTimeoutMs: options.slowTimeoutMs ?? SLOW_TIMEOUT_MS,
      signal: options.signal,
      origin: options.origin,
      onDropped: options.onDropped,
    });
  }

  get bufferedBytes(): number {
    return this.#routes.bufferedBytes;
  }

  checkTopic(topic: string): void {
    checkTopicName(topic);
  }

  subscribers(topic: string): number {
    return this.#routes.find(topic).length;
  }

  async send(
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    { single, retain, replyTo }: Sending,
  ): Promise<void> {
    this.#options.signal?.throwIfAborted();
    if (retain) this.#retain(topic, messages);
    const links = this.#routes.find(topic);
    if (links.length === 0) return await this.#turn();
    const { delimiter } = this.#options;
    const tagged = tagMessages(topic, messages, delimiter, replyTo);
    const one = links[0]!;
    if (links.length === 1 && one.delimiter === delimiter) {
      return await one.send(tagged, single);
    }
    await Promise.all(links.map((link) => this.#sendTo(link, tagged, single)));
  }

  async waitFor(
    topic: string,
    count: number,
    timeoutMs = Infinity,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const { signal } = this.#options;
    for (let found; (found = this.subscribers(topic)) < count;) {
      if (performance.now() >= deadline) {
        throw new FifobusError(
          "timed_out",
          `Cannot publish to "${topic}": ${found} of ${count} subscribers ` +
            `are there, waited ${timeoutMs} ms`,
        );
      }
      await delay(LOOK_MS, signal ? { signal } : {});
    }
  }

  async close(): Promise<void> {
    await this.#routes.close();
  }

  /** Keeps the last of the messages. */
  #retain(topic: string, messages: Uint8Array): void {
    const end = this.#options.delimiter.charCodeAt(0);
    const start = messages.lastIndexOf(end, messages.length - 2) + 1;
    retain(this.#folder, topic, messages.subarray(start, -1), this.#mode);
  }

  /** A loop that awaits messages to nobody would starve timers and signals. */
  async #turn(): Promise<void> {
    if (performance.now() - this.#turnedAt < TURN_MS) return;
    await delay(0);
    this.#turnedAt = performance.now();
  }

  async #sendTo(
    link: Link,
    tagged: Uint8Array<ArrayBuffer>,
    single: boolean,
  ): Promise<void> {
    const { delimiter } = this.#options;
    if (link.delimiter === delimiter) return await link.send(tagged, single);
    const taken = reframe(tagged, delimiter, link.delimiter);
    if (taken.dropped > 0) {
      this.#options.onDropped({
        member: link.member,
        count: taken.dropped,
        reason: `it takes no messages that hold ${NAMES[link.delimiter]}; ` +
          `use { delimiter: "${OTHER[link.delimiter]}" } on both sides`,
      });
    }
    if (taken.messages.length > 0) await link.send(taken.messages, single);
  }
}
