/**
 * Publishing to one FIFO.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import type { Keyed, Outlet, Sending } from "../outlet.ts";
import { Outbox } from "../queues/outbox.ts";
import type { Delimiter } from "../wire/framing.ts";
import { PIPE_BUF } from "./file.ts";
import { FifoWriter, type FifoWriterOptions } from "./writer.ts";

/** A publisher's outlet to one FIFO. */
export class FifoOutlet implements Outlet {
  readonly isFramed = true;
  readonly #path: string;
  readonly #delimiter: number;
  readonly #writer: FifoWriter;
  readonly #outbox: Outbox;

  /**
   * Creates an outlet, which opens the FIFO with the first message.
   *
   * @param path Where the FIFO is.
   * @param delimiter What ends a message.
   * @param options How to wait.
   */
  constructor(path: string, delimiter: Delimiter, options: FifoWriterOptions) {
    this.#path = path;
    this.#delimiter = delimiter.charCodeAt(0);
    const writer = new FifoWriter(path, delimiter, options);
    this.#writer = writer;
    this.#outbox = new Outbox((bytes) => writer.write(bytes), PIPE_BUF);
  }

  /** How many bytes wait to be written. */
  get bufferedBytes(): number {
    return this.#outbox.bufferedBytes;
  }

  /** Whether messages wait for a reader. */
  get isUnread(): boolean {
    return this.#writer.isOpening;
  }

  /** Makes later waits abortable at once. */
  unpark(): void {
    this.#writer.unpark();
  }

  /** Refuses topics, replies and last values, which a FIFO does not have. */
  check(
    topic: string | undefined,
    { retain, replyTo, properties }: Sending,
  ): void {
    const what = topic !== undefined
      ? "has no topics"
      : replyTo !== undefined
      ? "has no replies"
      : retain
      ? "keeps no last value"
      : properties
      ? "has no properties: only brokers have"
      : undefined;
    if (what === undefined) return;
    throw new FifobusError(
      "bad_address",
      `Cannot publish to "${this.#path}": a FIFO ${what}`,
    );
  }

  /** Writes messages, each with its delimiter. */
  send(
    _topic: string,
    messages: Uint8Array<ArrayBuffer>,
    { single }: Sending,
  ): Promise<number | undefined> {
    return single
      ? this.#outbox.add(messages)
      : this.#outbox.addAll(messages, this.#delimiter);
  }

  /** Refuses the messages, as {@linkcode check} does. */
  sendKeyed({ topics }: Keyed): Promise<never> {
    const how = { single: false, retain: false, replyTo: undefined };
    return new Promise(() => this.check(topics[0], how));
  }

  /** Nobody can count the readers of a FIFO. */
  subscribers(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Closes the FIFO after all messages are written. */
  async close(): Promise<void> {
    await this.#outbox.drained();
    this.#writer.close();
  }
}
