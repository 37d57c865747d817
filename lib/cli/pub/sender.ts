/**
 * Publishes as the plan of `pub` says, and reports what did not arrive.
 *
 * @module
 */
import { parseAddress } from "../../address.ts";
import { load } from "../../load.ts";
import type { Keyed } from "../../outlet.ts";
import {
  abort,
  isUnread,
  openLast,
  Publisher,
  type PublishOptions,
  sendFramed,
  sendKeyed,
} from "../../publisher.ts";
import { complain, count, loadMqtt, type World } from "../program.ts";
import type { Pace } from "./pace.ts";
import type { PubPlan } from "./plan.ts";
import type { Progress } from "./progress.ts";
import type { WaitNotice } from "./waiting.ts";

/** The program. */
export const NAME = "pub";

/** Sends messages to an address, or to the topic of each message. */
export class Sender implements AsyncDisposable {
  readonly #plan: PubPlan;
  readonly #world: World;
  readonly #dropped = new Map<string, number>();
  readonly #prefix: string;
  readonly #hasTopics: boolean;
  readonly #failed = Promise.withResolvers<never>();
  readonly #ended = new AbortController();
  #error: { cause: unknown } | undefined;
  #publisher: Promise<Publisher> | undefined;
  #waiting: (() => string | undefined) | undefined;
  #notice: Promise<WaitNotice> | undefined;
  #pace: Pace | undefined;
  #isClosed = false;
  #published = 0;
  #unheard = 0;
  /** How many subscribers got a message that any got: at least, and at most. */
  #heard: [least: number, most: number] = [Infinity, 0];
  /** Shown on the line that a report would go to. */
  progress: Progress | undefined;

  /**
   * Creates a sender, which opens the address.
   *
   * @param plan How to publish, and what to report.
   * @param world Where it reports.
   */
  constructor(plan: PubPlan, world: World) {
    this.#plan = plan;
    this.#world = world;
    const { address, content, report, spool } = plan;
    const isKeyed = content.kind === "lines" && content.hasTopics;
    this.#prefix = isKeyed && address !== undefined ? prefixOf(address) : "";
    this.#hasTopics = address === undefined ||
      parseAddress(address).kind === "topic";
    if (address !== undefined && !spool) this.#publisher = this.#open(address);
    // It is awaited with the first message.
    this.#publisher?.catch(() => {});
    this.#failed.promise.catch(() => {});
    if (report !== "nothing" && world.stderr.isTerminal()) {
      this.#notice = this.#openNotice();
    }
  }

  /**
   * Sends one message.
   *
   * @param message The message.
   * @returns How many subscribers got it; undefined where nobody counts them.
   */
  async send(message: string | Uint8Array): Promise<number | undefined> {
    const publisher = await this.#publisher!;
    await this.due(1);
    const { retain, properties } = this.#plan;
    const how = { retain, ...properties };
    const heard = await publisher.publish(message, how);
    this.countPublished(1, heard);
    return heard;
  }

  /**
   * Sends messages that are framed already, in the order of the calls, up to the
   * first that cannot be sent.
   *
   * @param framed The messages, each with its delimiter.
   * @param count How many they are.
   * @param topic Their topic, if the address is none.
   * @returns When they are written, or nothing more is: {@linkcode unlessFailed}
   * tells why.
   */
  async sendFramed(
    framed: Uint8Array<ArrayBuffer>,
    count: number,
    topic?: string,
  ): Promise<void> {
    const to = topic === undefined ? undefined : this.#prefix + topic;
    const { retain, properties } = this.#plan;
    await this.#send(to, async (publisher) => {
      const how = { topic: to, retain, ...properties };
      const sent = sendFramed(publisher, framed, how);
      this.countPublished(count, await sent);
    });
  }

  /**
   * Sends messages with their topics, as {@linkcode sendFramed} does.
   *
   * @param keyed The messages with their topics.
   * @returns When they are written, or nothing more is.
   */
  async sendKeyed(keyed: Keyed): Promise<void> {
    const prefix = this.#prefix;
    const topics = prefix === ""
      ? keyed.topics
      : keyed.topics.map((topic) => prefix + topic);
    await this.#send(topics[0], async (publisher) => {
      for (const heard of await sendKeyed(publisher, { ...keyed, topics })) {
        this.countPublished(1, heard);
      }
    });
  }

  /**
   * Sends a message of its own kind, as {@linkcode sendFramed} does.
   *
   * @param message The message.
   * @param options How to publish it.
   * @returns When it is written, or nothing more is.
   */
  async sendOne(message: Uint8Array, options: PublishOptions): Promise<void> {
    await this.#send(options.topic, async (publisher) => {
      this.countPublished(1, await publisher.publish(message, options));
    });
  }

  async #send(
    topic: string | undefined,
    send: (publisher: Publisher) => Promise<void>,
  ): Promise<void> {
    try {
      const opening = this.#publisher ??= this.#open(`topic:${topic}`);
      const publisher = await opening;
      if (!this.#error) await send(publisher);
    } catch (error) {
      this.#error ??= { cause: error };
      this.#failed.reject(error);
    }
  }

  /**
   * Waits for work, or for the failure of what was sent.
   *
   * @param work What goes on until then.
   */
  async unlessFailed(work: Promise<void>): Promise<void> {
    // What it has to say after that is of no interest.
    work.catch(() => {});
    await Promise.race([work, this.#failed.promise]);
  }

  /**
   * Waits until messages are due.
   *
   * @param wanted How many there are.
   * @returns How many of them are due.
   */
  async due(wanted: number): Promise<number> {
    const { rate } = this.#plan;
    if (rate === undefined) return wanted;
    const { Pace } = await load<typeof import("./pace.ts")>(
      import.meta.resolve("./pace.ts"),
    );
    this.#pace ??= new Pace(rate);
    return await this.#pace.take(wanted);
  }

  /** Waits until all is sent, and says what was not. */
  async close(): Promise<void> {
    await (await this.#publisher)?.close();
    (await this.#notice)?.[Symbol.dispose]();
    this.#isClosed = true;
    for (const [member, dropped] of this.#dropped) {
      this.#report(`${count(dropped)} dropped for subscriber ${member}`);
    }
    if (this.#plan.report !== "all") return;
    const [least, most] = this.#heard;
    const range = least < most ? `${least} to ${most}` : `${most}`;
    const heard = this.#hasTopics && most > 0
      ? ` to ${range} ${most === 1 ? "subscriber" : "subscribers"}`
      : "";
    const some = this.#unheard < this.#published
      ? `${this.#unheard} of them `
      : "";
    const unheard = this.#unheard > 0 ? `, ${some}heard by nobody` : "";
    this.#report(`${count(this.#published)} published${heard}${unheard}`);
  }

  /** Closes what was opened, though something failed: the rest is not sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The code of Deno for AbortSignal takes 1 ms to start.
    if (this.#isClosed) return;
    this.#ended.abort();
    (await this.#notice)?.[Symbol.dispose]();
    const publisher = await this.#publisher?.catch(() => undefined);
    // What has failed before is told, not what fails because of that.
    if (publisher) await abort(publisher, this.#error?.cause).catch(() => {});
  }

  /**
   * Counts messages.
   *
   * @param messages How many more were published.
   * @param heard How often a subscriber got one of them, where that is known.
   */
  protected countPublished(messages: number, heard: number | undefined): void {
    this.#published += messages;
    this.progress?.add(messages);
    if (heard === undefined) return;
    this.#unheard += Math.max(0, messages - heard);
    const each = heard / messages;
    const [least, most] = this.#heard;
    if (each >= 1) this.#heard[0] = Math.min(least, Math.floor(each));
    this.#heard[1] = Math.max(most, Math.ceil(each));
  }

  async #open(address: string): Promise<Publisher> {
    const { wait, mqtt } = this.#plan.publisher;
    const to = parseAddress(address);
    if (to.kind === "mqtt") {
      this.#waiting = () => `trying to connect to ${to.broker}`;
    } else if (to.kind === "topic" && wait) {
      const who = Number(wait) > 1 ? `${wait} subscribers` : "a subscriber";
      this.#waiting = () => `waiting for ${who} of ${to.topic}`;
    }
    const { content, times } = this.#plan;
    const isLast = times === 1 &&
      (content.kind === "message" || content.kind === "stdin");
    const open = isLast ? openLast : Publisher.open;
    const publisher = await open(address, {
      ...this.#plan.publisher,
      mqtt: mqtt &&
        (await loadMqtt()).tellingOfLoss(mqtt, (text) => this.#report(text)),
      onDropped: ({ member, count, reason }) => {
        const before = this.#dropped.get(member);
        this.#dropped.set(member, (before ?? 0) + count);
        if (before !== undefined) return;
        this.#report(`dropping messages for subscriber ${member}: ${reason}`);
      },
      // For what waits when it opens. With a signal, it would not wait for a
      // reader as cheaply as it can; and the first signal costs 0.3 ms.
      ...(to.kind === "mqtt" || to.kind === "topic" && (wait || !isLast)) &&
        { signal: this.#ended.signal },
    });
    this.#waiting = () =>
      to.kind === "fifo" && isUnread(publisher)
        ? `waiting for a reader of ${to.path}`
        : undefined;
    return publisher;
  }

  async #openNotice(): Promise<WaitNotice> {
    const { WaitNotice } = await load<typeof import("./waiting.ts")>(
      import.meta.resolve("./waiting.ts"),
    );
    return new WaitNotice(
      () => this.#waiting?.(),
      (text) => this.#report(text),
    );
  }

  #report(text: string): void {
    if (this.#plan.report === "nothing") return;
    this.progress?.hide();
    complain(NAME, this.#world, text);
  }
}

/**
 * Waits until a signal is aborted.
 *
 * @param signal The signal.
 */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve());
  if (signal.aborted) resolve();
  return promise;
}

/**
 * Returns what stands before each topic at a broker.
 *
 * @param address An address.
 * @returns The levels of its topic; empty if it is not that of a broker.
 */
export function prefixOf(address: string): string {
  const to = parseAddress(address);
  if (to.kind !== "mqtt" || to.topic === "") return "";
  return to.topic.replace(/\/?$/, "/");
}
