/**
 * Sends the messages of a spool to a broker.
 *
 * @module
 */
import { inWords } from "../../errors.ts";
import type { Message } from "../../message.ts";
import { outletOf, type Publisher } from "../../publisher.ts";
import { count } from "../program.ts";
import { kindOf, type Tally } from "../tally.ts";
import { type Passing, publishKept, Waiting } from "./kept.ts";
import type { SpoolPlan } from "./plan.ts";
import { Spool, type Spooled } from "./spool.ts";

/** How much to give to the publisher ahead of the broker. */
const MAX_AHEAD = { messages: 2000, bytes: 2 * 1024 * 1024 };

/** Keeps messages in a file until a broker has them. */
export class Spooler extends Waiting {
  readonly #spool: Spool;
  readonly #publisher: Promise<Publisher>;
  readonly #tally: Tally;
  readonly #say: (text: string) => void;
  #failure: { cause: unknown } | undefined;
  #isGivenUp = false;
  #underWay = 0;
  #refused = 0;

  private constructor(
    spool: Spool,
    publisher: Promise<Publisher>,
    tally: Tally,
    say: (text: string) => void,
  ) {
    super();
    this.#spool = spool;
    this.#publisher = publisher;
    this.#tally = tally;
    this.#say = say;
    this.#run().catch((error) => this.fail(error));
  }

  /**
   * Opens a spool, and sends what is in it as soon as there is a connection.
   *
   * @param plan Which spool to use.
   * @param connect Connects to the broker.
   * @param tally Counts messages that the broker does not take.
   * @param say Tells the user.
   * @returns The spooler, to be finished.
   * @throws {Error} If the spool cannot be used.
   */
  static async open(
    plan: SpoolPlan,
    connect: () => Promise<Publisher>,
    tally: Tally,
    say: (text: string) => void,
  ): Promise<Spooler> {
    const spool = await Spool.open(plan, say);
    return new Spooler(spool, connect(), tally, say);
  }

  get isFull(): boolean {
    return this.#spool.isFull;
  }

  get isKept(): boolean {
    return this.#spool.countInMemory === 0;
  }

  /** How many messages the broker has refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Adds a message, which is in the file when this returns. */
  add({ bytes }: Pick<Message, "bytes">, passing: Passing): void {
    const { topic, retain: retained, origins, properties } = passing;
    this.#spool.add({ topic: topic!, bytes, retained, origins, properties });
    this.wake();
  }

  /** Adds a message as soon as there is room for it. */
  async put(bytes: Uint8Array<ArrayBuffer>, passing: Passing): Promise<void> {
    while (this.isFull && !this.#failure) await this.changed;
    if (this.#failure) throw this.#failure.cause;
    this.add({ bytes }, passing);
  }

  async finish(until: Promise<void>, giveUp: () => void): Promise<never[]> {
    let isOver = false;
    until.then(() => {
      isOver = true;
      this.wake();
    });
    while (this.#spool.count > 0 && !this.#failure && !isOver) {
      await this.changed;
    }
    this.#isGivenUp = true;
    giveUp();
    this.wake();
    while (this.#underWay > 0) await this.changed;
    const { countInMemory: lost } = this.#spool;
    const left = this.#spool.count - lost;
    this.#spool[Symbol.dispose]();
    if (lost > 0) this.#say(`${count(lost)} lost: the disk had no room`);
    if (left > 0) this.#say(`${count(left)} left in "${this.#spool.path}"`);
    return [];
  }

  async #run(): Promise<void> {
    const publisher = await this.#publisher;
    while (!this.#isGivenUp) {
      const messages = this.#spool.take();
      for (const spooled of messages) {
        while (this.#isAhead(publisher)) await this.changed;
        if (this.#isGivenUp || this.#failure) return;
        this.#send(publisher, spooled);
      }
      if (messages.length === 0) await this.changed;
    }
  }

  #isAhead({ bufferedBytes }: Publisher): boolean {
    return !this.#isGivenUp && !this.#failure &&
      (this.#underWay >= MAX_AHEAD.messages || bufferedBytes > MAX_AHEAD.bytes);
  }

  async #send(publisher: Publisher, spooled: Spooled): Promise<void> {
    this.#underWay++;
    const isThrough = await this.#publish(publisher, spooled);
    this.#underWay--;
    if (isThrough) this.#spool.settle(spooled);
    this.wake();
  }

  /** Publishes a message; false if it should stay. */
  async #publish(publisher: Publisher, { message }: Spooled): Promise<boolean> {
    if (!message) {
      const why = `"${this.#spool.path}" has lines that are not messages`;
      this.#tally.add("spool", "left out", why);
      return true;
    }
    const { topic, bytes, retained: retain, origins, properties } = message;
    const passing = { topic, retain, origins, properties };
    try {
      await publishKept(publisher, bytes, passing, this.#tally);
    } catch (error) {
      const { failure } = outletOf(publisher);
      if (failure) this.fail(failure);
      if (failure || this.#isGivenUp) return false;
      this.#refused++;
      this.#tally.add(kindOf(error, topic), "not passed on", inWords(error));
    }
    return true;
  }

  protected override fail(error: unknown): void {
    this.#failure ??= { cause: error };
    super.fail(error);
    this.wake();
  }
}
