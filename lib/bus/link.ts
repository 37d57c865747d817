/**
 * A publisher's way to one member of the bus.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";
import { PIPE_BUF } from "../fifo/file.ts";
import { FifoWriter } from "../fifo/writer.ts";
import type { Delimiter } from "../framing.ts";
import { Outbox } from "../outbox.ts";
import { isTrusted, lstatIfThere } from "./folder.ts";

/** Messages that a subscriber of the bus did not get. */
export interface Dropped {
  /** Names the process that subscribes: its id, and a dash. */
  member: string;
  /** How many messages. */
  count: number;
  /** Why. */
  reason: string;
}

/** How a link sends, and what it tells its publisher. */
export interface LinkOptions {
  /** Whether FIFOs of other users are trusted. */
  shared: boolean;
  /** How long a message waits for a subscriber that does not read. */
  slowTimeoutMs: number;
  /** Drops what is not written yet, when aborted. */
  signal: AbortSignal | undefined;
  /** Messages were dropped. */
  onDropped(dropped: Dropped): void;
}

/**
 * Writes to one member. While it does not read, messages wait in its pipe, and
 * then here, up to the time that the publisher grants once; after that they are
 * dropped, until it reads again.
 */
export class Link {
  /** Names the process that subscribes. */
  readonly member: string;
  /** What ends its messages. */
  readonly delimiter: Delimiter;
  readonly #path: string;
  readonly #options: LinkOptions;
  readonly #onGone: () => void;
  readonly #writer: FifoWriter;
  readonly #outbox: Outbox;
  #stalled = false;

  /**
   * Creates a link, which opens the member's FIFO with the first message.
   *
   * @param member Names the member.
   * @param path One name of its FIFO.
   * @param delimiter What ends its messages.
   * @param options How to send, and what to tell.
   * @param onGone Is told that the member is dead: nobody reads its FIFO.
   */
  constructor(
    member: string,
    path: string,
    delimiter: Delimiter,
    options: LinkOptions,
    onGone: () => void,
  ) {
    this.#path = path;
    this.#onGone = onGone;
    this.member = member;
    this.delimiter = delimiter;
    this.#options = options;
    const grant = () => this.#stalled ? 0 : options.slowTimeoutMs;
    this.#writer = new FifoWriter(path, delimiter, {
      wait: false,
      owned: true,
      signal: options.signal,
      get timeoutMs() {
        return grant();
      },
    });
    let trusted = options.shared;
    this.#outbox = new Outbox(
      async (bytes) => {
        // Gone since the folder was read: opening it will say so.
        const info = trusted ? undefined : lstatIfThere(path);
        trusted ||= !info || isTrusted(info);
        if (!trusted) throw new Error("the FIFO is another user's");
        await this.#writer.write(bytes);
        this.#stalled = false;
      },
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
   * @returns When they are written or dropped.
   */
  send(messages: Uint8Array<ArrayBuffer>, single: boolean): Promise<void> {
    return single
      ? this.#outbox.add(messages)
      : this.#outbox.addAll(messages, this.delimiter.charCodeAt(0));
  }

  /** Closes the link once all is written or dropped. */
  async close(): Promise<void> {
    await this.#outbox.drained();
    this.#writer.close();
  }

  #drop(error: unknown, messages: Uint8Array): void {
    const code = error instanceof FifobusError ? error.code : undefined;
    if (code === "no_reader") return this.#onGone();
    // It has left, as it should, since the folder was read.
    if (!lstatIfThere(this.#path)) return;
    this.#stalled = code === "timed_out";
    const end = this.delimiter.charCodeAt(0);
    let count = 0;
    for (let at = -1; (at = messages.indexOf(end, at + 1)) >= 0;) count++;
    const reason = this.#stalled ? "it does not read" : reasonOf(error);
    this.#options.onDropped({ member: this.member, count, reason });
  }
}
