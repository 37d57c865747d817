/**
 * A publisher's link to one member of the bus.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";
import { PIPE_BUF } from "../fifo/file.ts";
import { FifoWriter } from "../fifo/writer.ts";
import type { Dropped } from "../outlet.ts";
import { Outbox } from "../queues/outbox.ts";
import { countAt, type Delimiter } from "../wire/framing.ts";
import { isTrusted } from "./folder.ts";
import { Missed } from "./missed.ts";

/** How a link sends, and what it reports to its publisher. */
export interface LinkOptions {
  /** Whether to trust FIFOs of other users. */
  shared: boolean;
  /** How long a message waits for a subscriber that does not read. */
  slowTimeoutMs: number;
  /** Drops messages that are not written yet, when aborted. */
  signal: AbortSignal | undefined;
  /** Whether the process sends one message and ends. */
  isLast?: boolean | undefined;
  /** Called when messages were dropped. */
  onDropped(dropped: Dropped): void;
}

/** What a link has to know about its member. */
export interface LinkMember {
  /** Whether it is a group. */
  isGroup: boolean;
  /** Whether it is a bridge: it wants to know the marks of messages. */
  isBridge: boolean;
  /** Finds a name of its FIFO; undefined if the member has left. */
  findPath(): string | undefined;
  /** Called when the member is dead: nobody reads its FIFO. */
  onGone(): void;
}

/**
 * Writes to one member. While the member does not read, messages wait in its
 * pipe, and then here, once for as long as the publisher allows. After that,
 * the link drops messages until the member reads again, and then first tells it
 * how many messages it has missed.
 */
export class Link {
  /** The name of the subscribing process. */
  readonly member: string;
  /** What ends its messages. */
  readonly delimiter: Delimiter;
  /** Whether the member is a bridge. */
  readonly isBridge: boolean;
  readonly #options: LinkOptions;
  readonly #of: LinkMember;
  readonly #writer: FifoWriter;
  readonly #outbox: Outbox;
  readonly #missed: Missed;
  #stalled = false;
  #before: Link | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Creates a link, which opens the member's FIFO with the first message.
   *
   * @param member The name of the member.
   * @param delimiter What ends its messages.
   * @param options How to send, and what to report.
   * @param of More about the member.
   * @param before The previous link, if the member's names were gone and came
   * back. Messages that wait there go first, and messages that were dropped
   * there count as missed.
   */
  constructor(
    member: string,
    delimiter: Delimiter,
    options: LinkOptions,
    of: LinkMember,
    before?: Link,
  ) {
    this.#before = before;
    this.member = member;
    this.delimiter = delimiter;
    this.isBridge = of.isBridge;
    this.#options = options;
    this.#of = of;
    this.#missed = before ? before.#missed : new Missed(delimiter);
    const grant = () => this.#stalled ? 0 : options.slowTimeoutMs;
    this.#writer = new FifoWriter("", delimiter, {
      wait: false,
      owned: true,
      hasQueue: of.isGroup,
      isLast: options.isLast === true,
      signal: options.signal,
      get timeoutMs() {
        return grant();
      },
      findPath: () => {
        const path = of.findPath();
        if (path === undefined) throw new Left();
        return path;
      },
      accept: (info) => {
        if (options.shared || isTrusted(info)) return;
        throw new Error("the FIFO is another user's");
      },
    });
    this.#outbox = new Outbox(
      (bytes) => this.#write(bytes),
      PIPE_BUF,
      (error, messages) => this.#drop(error, messages),
    );
  }

  /** How many bytes wait to be written. */
  get bufferedBytes(): number {
    return this.#outbox.bufferedBytes;
  }

  /**
   * Sends messages.
   *
   * @param messages The messages with their topics, each with the delimiter.
   * @param single Whether it is one message, which may share a write.
   * @returns When they are written; how many were dropped, if any were.
   */
  send(
    messages: Uint8Array<ArrayBuffer>,
    single: boolean,
  ): Promise<number | undefined> {
    return single
      ? this.#outbox.add(messages)
      : this.#outbox.addAll(messages, this.delimiter.charCodeAt(0));
  }

  /**
   * Counts messages that the link cannot send to this member.
   *
   * @param messages The messages with their topics.
   * @param delimiter What ends each of them.
   */
  miss(messages: Uint8Array<ArrayBuffer>, delimiter: Delimiter): void {
    this.#missed.add(messages, delimiter);
  }

  /** Closes the link after all messages are written or dropped. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.#outbox.drained();
    await this.#before?.close();
    // The member may read again by now; if not, it never learns what it missed.
    await this.#missed.tell((record) => this.#writer.write(record))
      .catch(() => {});
    this.#writer.close();
  }

  async #write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#before?.close();
    this.#before = undefined;
    await this.#missed.tell((record) => this.#writer.write(record));
    await this.#writer.write(bytes);
    this.#stalled = false;
  }

  #drop(error: unknown, messages: Uint8Array<ArrayBuffer>): number {
    const code = error instanceof FifobusError ? error.code : undefined;
    const isDead = code === "no_reader";
    if (isDead) this.#of.onGone();
    // The member has left in an orderly way since we read the folder.
    const hasLeft = error instanceof Left || this.#of.findPath() === undefined;
    if (isDead || hasLeft) return countAt(messages, this.delimiter);
    this.#stalled = code === "timed_out";
    const count = this.#missed.add(messages, this.delimiter);
    const reason = this.#stalled ? "it does not read" : reasonOf(error);
    this.#options.onDropped({ member: this.member, count, reason });
    return count;
  }
}

/** The member has left the bus. */
class Left extends Error {}
