/**
 * Holds the messages that a bridge has taken and not yet passed on.
 *
 * @module
 */
import { inWords } from "../../errors.ts";
import type { Message } from "../../message.ts";
import { outletOf, type Publisher } from "../../publisher.ts";
import { count } from "../program.ts";
import { kindOf, type Tally } from "../tally.ts";
import { type Passing, publishKept, Waiting } from "./kept.ts";

/** The memory that a waiting message takes besides its own bytes. */
const OVERHEAD_BYTES = 200;

/** A bounded backlog in memory. */
export class Backlog extends Waiting {
  readonly #maxBytes: number;
  readonly #publisher: Promise<Publisher>;
  readonly #tally: Tally;
  /** The waiting messages in order, each until it is sent. */
  readonly #waiting = new Map<Message, Promise<void>>();
  #bytes = 0;
  #isOver = false;

  /**
   * Creates an empty backlog.
   *
   * @param maxBytes How many bytes can wait.
   * @param publisher Passes the messages on.
   * @param tally Counts messages that are not passed on.
   */
  constructor(maxBytes: number, publisher: Promise<Publisher>, tally: Tally) {
    super();
    this.#maxBytes = maxBytes;
    this.#publisher = publisher;
    this.#tally = tally;
    publisher.catch((error) => this.fail(error));
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  get isKept(): boolean {
    return this.#waiting.size === 0;
  }

  add(message: Message, passing: Passing): void {
    this.#bytes += sizeOf(message, passing);
    this.#waiting.set(message, this.#send(message, passing));
  }

  async finish(until: Promise<void>, giveUp: () => void): Promise<Message[]> {
    const all = () => Promise.all(this.#waiting.values());
    await Promise.race([all(), until, this.failed.catch(() => {})]);
    this.#isOver = true;
    giveUp();
    await all();
    return [...this.#waiting.keys()];
  }

  async #send(message: Message, passing: Passing): Promise<void> {
    try {
      const publisher = await this.#publisher;
      try {
        await publishKept(publisher, message.bytes, passing, this.#tally);
      } catch (error) {
        const { failure } = outletOf(publisher);
        if (failure) this.fail(failure);
        if (this.#isOver) return;
        const kind = kindOf(error, passing.topic);
        this.#tally.add(kind, "not passed on", inWords(error));
      }
    } catch {
      // It stays here: there is no publisher.
      return;
    }
    this.#waiting.delete(message);
    this.#bytes -= sizeOf(message, passing);
    this.wake();
  }

  protected override fail(error: unknown): void {
    this.#isOver = true;
    super.fail(error);
  }
}

function sizeOf({ length }: Message, { properties }: Passing): number {
  const about = properties ? JSON.stringify(properties).length : 0;
  return length + about + OVERHEAD_BYTES;
}

/** Counts messages for which there was no room. */
export class Overflow {
  readonly #maxBytes: number;
  readonly #say: (text: string) => void;
  #dropped = 0;

  /**
   * Creates a counter.
   *
   * @param maxBytes How many bytes there is room for.
   * @param say Tells the user.
   */
  constructor(maxBytes: number, say: (text: string) => void) {
    this.#maxBytes = maxBytes;
    this.#say = say;
  }

  /** Counts a message, and reports the first of several. */
  add(): void {
    if (this.#dropped++ > 0) return;
    this.#say(`dropping messages: ${this.#maxBytes} bytes wait already`);
  }

  /** Reports how many they were, now that there is room. */
  report(): void {
    if (this.#dropped === 0) return;
    this.#say(`${count(this.#dropped)} dropped: the backlog was full`);
    this.#dropped = 0;
  }
}
