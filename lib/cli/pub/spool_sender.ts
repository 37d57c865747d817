/**
 * Publishes through a spool: `pub --spool`.
 *
 * @module
 */
import { type MqttAddress, parseAddress } from "../../address.ts";
import { delay } from "../../delay.ts";
import type { Keyed } from "../../outlet.ts";
import { Publisher } from "../../publisher.ts";
import { encodeBare, splitAt } from "../../wire/framing.ts";
import { tellingOfLoss } from "../mqtt.ts";
import { complain, count, type World } from "../program.ts";
import { Tally } from "../tally.ts";
import { keep } from "./kept.ts";
import type { PubPlan } from "./plan.ts";
import { NAME, prefixOf, Sender } from "./sender.ts";
import { Spooler } from "./spooler.ts";

/** How long to wait for the broker after an error. */
const GRACE_MS = 2000;

const encoder = new TextEncoder();

/** Sends messages to a broker, and keeps them in a file until it has them. */
export class SpoolSender extends Sender {
  readonly #plan: PubPlan;
  readonly #topic: string;
  readonly #tally: Tally;
  readonly #stopped = new AbortController();
  readonly #spooler: Promise<Spooler>;
  #publisher: Promise<Publisher> | undefined;
  #finished: Promise<unknown> | undefined;
  readonly #givenUp = Promise.withResolvers<void>();

  /**
   * Creates a sender, which opens the spool and connects to the broker.
   *
   * @param plan How to publish, and what to report.
   * @param world Where it reports.
   */
  constructor(plan: PubPlan, world: World) {
    super(plan, world);
    this.#plan = plan;
    const { mqtt } = plan.publisher;
    const say = (text: string) => {
      this.progress?.hide();
      if (plan.report !== "nothing") complain(NAME, world, text);
    };
    const { topic } = parseAddress(plan.address!) as MqttAddress;
    this.#topic = topic;
    this.#tally = new Tally(say);
    const connect = () =>
      this.#publisher = Publisher.open(plan.address!, {
        ...plan.publisher,
        mqtt: mqtt && tellingOfLoss(mqtt, say),
        signal: this.#stopped.signal,
      });
    this.#spooler = Spooler.open(plan.spool!, connect, this.#tally, say);
    // It is awaited with the first message.
    this.#spooler.catch(() => {});
  }

  override async send(message: string | Uint8Array): Promise<undefined> {
    const bytes = typeof message === "string"
      ? encoder.encode(message)
      : new Uint8Array(message);
    await this.due(1);
    await this.#put(this.#topic, bytes);
  }

  override async sendFramed(
    framed: Uint8Array<ArrayBuffer>,
    _count: number,
    topic?: string,
  ): Promise<void> {
    const to = topic === undefined ? this.#topic : this.#prefixed(topic);
    for (const message of splitAt(framed, this.#plan.publisher.delimiter)) {
      await this.#put(to, message);
    }
  }

  override async sendKeyed({ records, topics }: Keyed): Promise<void> {
    for (const [i, record] of records.entries()) {
      await this.#put(this.#prefixed(topics[i]!), record.untagged()!.bytes);
    }
  }

  override async unlessFailed(work: Promise<void>): Promise<void> {
    // What it has to say after a failure is of no interest.
    work.catch(() => {});
    await Promise.race([work, (await this.#spooler).failed]);
  }

  /**
   * Waits until the broker has everything.
   *
   * @throws {Error} If it has refused something, or cannot be reached.
   */
  override async close(): Promise<void> {
    const spooler = await this.#spooler;
    await this.#finish();
    await Promise.race([spooler.failed, undefined]);
    const { refused } = spooler;
    if (refused > 0) throw new Error(`${count(refused)} refused`);
    await super.close();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    // Also for a close() that waits for the broker: a signal ends it.
    const { resolve } = this.#givenUp;
    delay(GRACE_MS, this.#stopped.signal).then(resolve, resolve);
    await this.#finish();
    await super[Symbol.asyncDispose]();
  }

  #prefixed(topic: string): string {
    return prefixOf(this.#plan.address!) + topic;
  }

  async #put(topic: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { publisher: { maxBytes }, retain, properties } = this.#plan;
    encodeBare(this.#plan.address!, bytes, maxBytes);
    const kept = properties && keep(properties);
    await (await this.#spooler).put(bytes, { topic, retain, properties: kept });
    this.countPublished(1, undefined);
  }

  #finish(): Promise<unknown> {
    return this.#finished ??= this.#spooler.then(async (spooler) => {
      const giveUp = () => this.#stopped.abort();
      await spooler.finish(this.#givenUp.promise, giveUp);
      this.#tally.report();
      await this.#publisher!.then((it) => it.close(), () => {});
    }, () => {});
  }
}
