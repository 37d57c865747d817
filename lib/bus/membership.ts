/**
 * The part of a process's inbox that one Subscriber gets.
 *
 * @module
 */
import type { WireMessage } from "../wire/message.ts";
import { Inbound } from "../queues/inbound.ts";
import type { OwnSource } from "../source.ts";
import type { JoinOptions } from "./join_options.ts";

/** Where the messages of a Subscriber come from. */
export interface MembershipSource {
  /** Called when messages were taken, and there is room for more. */
  resume(): void;
  /** Waits until everything sent so far is in the queues. */
  passMark(): Promise<void>;
  /** Sends nothing more after everything sent so far is in the queue. */
  remove(membership: Membership): Promise<void>;
  /** Sends no more answers for it. */
  release(membership: Membership): Promise<void>;
}

/** The part of its process's inbox that one Subscriber gets. */
export class Membership implements OwnSource {
  /** Its filters. */
  readonly filters: string[];
  /** Called with news other than messages. */
  readonly onNotice: JoinOptions["onNotice"];
  readonly #queue: Inbound;
  #inbox: MembershipSource | undefined;
  #missed = 0;
  #left: Promise<void> | undefined;

  /** Creates a membership that gets no messages yet. */
  constructor(filters: string[], options: JoinOptions) {
    this.filters = filters;
    this.onNotice = options.onNotice;
    this.#queue = new Inbound(options.maxBytes);
  }

  /** Waits until everything sent so far is in the queue. */
  async settle(): Promise<void> {
    await this.#inbox?.passMark();
  }

  /** Whether it holds up its inbox. */
  get isFull(): boolean {
    return this.#queue.isFull;
  }

  /** Waits for messages. */
  async next(): Promise<WireMessage[] | undefined> {
    const messages = await this.#queue.next();
    this.#inbox?.resume();
    return messages;
  }

  /** Leaves the bus; messages sent before that can still be read. */
  end(): Promise<void> {
    return this.#left ??= this.#leave();
  }

  /** Leaves the bus, and answers no more. */
  async close(): Promise<void> {
    await this.end();
    await this.#inbox?.release(this);
  }

  async #leave(): Promise<void> {
    await this.#inbox?.remove(this);
    this.finish();
  }

  /** Sets the inbox that its messages come from. */
  attach(inbox: MembershipSource): void {
    this.#inbox = inbox;
  }

  /** Takes a message. */
  push(message: WireMessage): void {
    const missed = this.#missed;
    this.#missed = 0;
    this.#queue.add(missed > 0 ? message.after(missed) : message);
  }

  /** Counts messages that did not arrive. */
  miss(count: number): void {
    this.#missed += count;
  }

  /** Puts last values ahead of all other messages, but none of them twice. */
  preface(values: WireMessage[]): void {
    this.#queue.addFirst(values.filter((it) => !this.#queue.has(it)));
  }

  /** Ends it: no more messages will come. */
  finish(error?: unknown): void {
    this.#queue.end(error);
  }
}
