/**
 * Publishing: messages to whoever reads an address.
 *
 * @module
 */
import { parseAddress } from "./address.ts";
import { FifobusError } from "./errors.ts";
import { DEFAULT_MODE, ensureFifo, PIPE_BUF } from "./fifo.ts";
import { FifoWriter } from "./fifo_writer.ts";
import { DEFAULT_MAX_BYTES, type Delimiter, encodeMessage } from "./framing.ts";
import { Outbox } from "./outbox.ts";

/** How to publish. */
export interface PublisherOptions {
  /**
   * What ends a message on the wire, the same as at the subscriber.
   *
   * @default {"\n"}
   */
  delimiter?: Delimiter;
  /**
   * The longest message in bytes.
   *
   * @default {1048576}
   */
  maxBytes?: number;
  /**
   * The permissions of the FIFO, if it has to be made.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Whether a message waits for a reader where there is none.
   *
   * @default {true}
   */
  wait?: boolean;
  /**
   * How long a message may wait for a reader, or for the reader to go on, in
   * milliseconds. By default it waits for ever.
   */
  timeoutMs?: number;
  /** Gives up what is not written yet, when aborted. */
  signal?: AbortSignal;
}

/** How much {@linkcode Publisher.writable} takes before it holds its source up. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

/**
 * Publishes messages to one address. Each arrives whole and on its own, and
 * those of one publisher in the order in which they were published.
 *
 * A message of at most PIPE_BUF bytes with its delimiter (4096 on Linux) is
 * written in one write(2), which POSIX makes
 * {@link https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html atomic};
 * a longer one under flock(2), so that no other fifobus publisher parts it.
 *
 * @example Two messages
 * ```ts
 * import { Publisher, Subscriber } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/pipe`;
 * {
 *   await using subscriber = await Subscriber.open(path);
 *   await using publisher = await Publisher.open(path);
 *   await publisher.publish("21.5");
 *   await publisher.publish("21.6");
 *   const texts = (await subscriber.read())!.map((message) => message.text);
 *   assertEquals(texts, ["21.5", "21.6"]);
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class Publisher implements AsyncDisposable {
  readonly #address: string;
  readonly #delimiter: Delimiter;
  readonly #maxBytes: number;
  readonly #writer: FifoWriter;
  readonly #outbox: Outbox;
  #writable: WritableStream<string | Uint8Array> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    address: string,
    path: string,
    options: PublisherOptions,
  ) {
    const { delimiter = "\n", maxBytes = DEFAULT_MAX_BYTES } = options;
    this.#address = address;
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
    const writer = new FifoWriter(path, delimiter.charCodeAt(0), {
      wait: options.wait ?? true,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    });
    this.#writer = writer;
    this.#outbox = new Outbox((bytes) => writer.write(bytes), PIPE_BUF);
  }

  /**
   * Makes the FIFO if it is not there. It is opened with the first message.
   *
   * @param address Where to publish to.
   * @param options How to publish.
   * @returns The publisher, to be closed after use.
   * @throws {FifobusError} `bad_address`, `not_a_fifo`.
   */
  static async open(
    address: string,
    options: PublisherOptions = {},
  ): Promise<Publisher> {
    options.signal?.throwIfAborted();
    const { path } = parseAddress(address);
    await ensureFifo(path, options.mode ?? DEFAULT_MODE);
    return new Publisher(address, path, options);
  }

  /** How many bytes wait to be written. */
  get bufferedBytes(): number {
    return this.#outbox.bufferedBytes;
  }

  /**
   * Publishes one message. It need not be awaited before the next one: those
   * that are published meanwhile go out together, in order, at more than half
   * a million a second.
   *
   * @param message The message; text goes as UTF-8.
   * @returns When the message is in the FIFO.
   * @throws {FifobusError} `message_too_large`, `delimiter_in_message`;
   * `no_reader`, `timed_out`; `not_a_fifo`, if the FIFO was removed; `closed`.
   */
  publish(message: string | Uint8Array): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    try {
      return this.#outbox.add(
        encodeMessage(this.#address, message, this.#delimiter, this.#maxBytes),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Publishes many messages that are framed already. They are not checked for
   * their length.
   *
   * @param messages The messages, each followed by the delimiter; not to be
   * changed before they are written.
   * @returns When all are in the FIFO.
   * @throws {FifobusError} As {@linkcode publish} does.
   */
  publishFramed(messages: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    return this.#outbox.addAll(messages, this.#delimiter.charCodeAt(0));
  }

  /**
   * A stream whose chunks are messages. It holds its source up while 64 KiB
   * wait to be written, and closes the publisher at its end.
   */
  get writable(): WritableStream<string | Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (message, controller) => {
        const written = this.publish(message);
        if (this.bufferedBytes > HIGH_WATER_MARK_BYTES) await written;
        else written.catch((error) => controller.error(error));
      },
      close: () => this.close(),
      abort: () => this.close(),
    });
  }

  /**
   * Closes the publisher, once everything that was published is written.
   *
   * @returns When it is closed.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#outbox.drained().finally(() =>
      this.#writer.close()
    );
  }

  /** Closes the publisher at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #closedError(): FifobusError {
    return new FifobusError(
      "closed",
      `Cannot publish to "${this.#address}": the publisher is closed`,
    );
  }
}

/**
 * Publishes one message.
 *
 * @param address Where to publish to.
 * @param message The message; text goes as UTF-8.
 * @param options How to publish.
 * @returns When the message is in the FIFO.
 * @throws {FifobusError} As {@linkcode Publisher.open} and
 * {@linkcode Publisher.publish} do.
 *
 * @example
 * ```ts
 * import { publish, Subscriber } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * const folder = await Deno.makeTempDir();
 * {
 *   await using subscriber = await Subscriber.open(`${folder}/pipe`);
 *   await publish(`${folder}/pipe`, "21.5");
 *   assertEquals((await subscriber.read())![0]!.text, "21.5");
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function publish(
  address: string,
  message: string | Uint8Array,
  options: PublisherOptions = {},
): Promise<void> {
  await using publisher = await Publisher.open(address, options);
  await publisher.publish(message);
}
