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
import { type Passing, publishKept } from "./kept.ts";

/** The memory that a waiting message takes besides its own bytes. */
const OVERHEAD_BYTES = 200;

/** Where messages wait until they are passed on. */
export interface Waiting {
  /** Whether there is no room for another message. */
  readonly isFull: boolean;
  /** Whether none of them would be lost if this process was killed now. */
  readonly isKept: boolean;
  /** Settles when a message has left. */
  readonly changed: Promise<void>;
  /** Rejects when nothing more can be passed on. */
  readonly failed: Promise<never>;
  /** Settles `changed` now. */
  wake(): void;
  /** Adds a message, which is passed on as soon as possible, in order. */
  add(message: Message, passing: Passing): void;
  /**
   * Waits for the waiting messages, and gives up the rest.
   *
   * @param until Ends the wait.
   * @param giveUp Makes the waiting messages fail.
   * @returns The messages that are lost unless they go back, in order.
   */
  finish(until: Promise<void>, giveUp: () => void): Promise<Message[]>;
}

/** A bounded backlog in memory. */
export class Backlog implements Waiting {
  readonly #maxBytes: number;
  readonly #publisher: Promise<Publisher>;
  readonly #tally: Tally;
  readonly #failed = Promise.withResolvers<never>();
  /** The waiting messages in order, each until it is sent. */
  readonly #waiting = new Map<Message, Promise<void>>();
  #bytes = 0;
  #isOver = false;
  #changed: PromiseWithResolvers<void> | undefined;

  /**
   * Creates an empty backlog.
   *
   * @param maxBytes How many bytes can wait.
   * @param publisher Passes the messages on.
   * @param tally Counts messages that are not passed on.
   */
  constructor(maxBytes: number, publisher: Promise<Publisher>, tally: Tally) {
    this.#maxBytes = maxBytes;
    this.#publisher = publisher;
    this.#tally = tally;
    this.#failed.promise.catch(() => {});
    publisher.catch((error) => this.#fail(error));
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  get isKept(): boolean {
    return this.#waiting.size === 0;
  }

  get changed(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  wake(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
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
        if (failure) this.#fail(failure);
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

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#failed.reject(error);
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
