/**
 * Publishing: messages to whoever reads an address.
 *
 * @module
 */
import { parseAddress } from "./address.ts";
import type { Dropped } from "./bus/link.ts";
import { FifobusError, type FifobusErrorCode } from "./errors.ts";
import { DEFAULT_MODE, ensureFifo } from "./fifo.ts";
import { FifoOutlet } from "./fifo_outlet.ts";
import { DEFAULT_MAX_BYTES, type Delimiter, encodeMessage } from "./framing.ts";
import { load } from "./load.ts";

/** Where messages go out: a FIFO, or the bus. */
export interface Outlet {
  /** How many bytes wait to be written. */
  readonly bufferedBytes: number;
  /** Sends messages, each with its delimiter; one alone may share a write. */
  send(
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    single: boolean,
    replyTo?: string,
  ): Promise<void>;
  /** Checks a topic; without it there are no topics. */
  checkTopic?(topic: string): void;
  /** How many subscribers a topic has. */
  subscribers?(topic: string): number;
  /** Keeps the last value of a topic. */
  retain?(topic: string, message: Uint8Array): void;
  /** Ends it, once all is sent. */
  close(): Promise<void>;
}

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
   * The permissions of the FIFO, or of the folder of the bus, if it has to be
   * made.
   *
   * @default {0o600} for a FIFO, 0o700 for the bus
   */
  mode?: number;
  /**
   * Whether a message to a FIFO waits for a reader where there is none. For a
   * topic, how many subscribers to wait for before it is open.
   *
   * @default {true} for a FIFO, none for a topic
   */
  wait?: boolean | number;
  /**
   * How long a message may wait for a reader, or for the reader to go on, in
   * milliseconds; for a topic, how long to wait for subscribers. By default
   * there is no limit.
   */
  timeoutMs?: number;
  /**
   * How long a message to a topic waits for a subscriber that does not read, in
   * milliseconds, before it is dropped for that subscriber. After that nothing
   * waits for it until it reads again. 0 never waits, Infinity never drops.
   *
   * @default {1000}
   */
  slowTimeoutMs?: number;
  /** Is told of messages to a topic that a subscriber did not get. */
  onDropped?: (dropped: Dropped) => void;
  /** Gives up what is not written yet, when aborted. */
  signal?: AbortSignal;
}

/** How to publish one message. */
export interface PublishOptions {
  /** Another topic of the bus than the one the publisher was opened for. */
  topic?: string;
  /**
   * Whether the message is also kept as the topic's last value, for those who
   * subscribe later; an empty one clears it.
   *
   * @default {false}
   */
  retain?: boolean;
  /**
   * The topic of the bus that answers go to, which makes the message a request:
   * MQTT 5 calls it the response topic. {@linkcode request} does all of that.
   */
  replyTo?: string;
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
  readonly #outlet: Outlet;
  readonly #delimiter: Delimiter;
  readonly #maxBytes: number;
  #writable: WritableStream<string | Uint8Array> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    address: string,
    outlet: Outlet,
    { delimiter = "\n", maxBytes = DEFAULT_MAX_BYTES }: PublisherOptions,
  ) {
    this.#address = address;
    this.#outlet = outlet;
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
  }

  /**
   * Makes the FIFO, or the folder of the bus, if it is not there. A FIFO is
   * opened with the first message.
   *
   * @param address Where to publish to.
   * @param options How to publish.
   * @returns The publisher, to be closed after use.
   * @throws {FifobusError} `bad_address`, `not_a_fifo`, `unsafe_bus`;
   * `timed_out`, if the subscribers that a topic waits for do not come.
   */
  static async open(
    address: string,
    options: PublisherOptions = {},
  ): Promise<Publisher> {
    const { delimiter = "\n", mode, wait, timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const to = parseAddress(address);
    if (to.kind === "fifo") {
      await ensureFifo(to.path, mode ?? DEFAULT_MODE);
      const waiting = { wait: wait !== false, timeoutMs, signal };
      const outlet = new FifoOutlet(to.path, delimiter, waiting);
      return new Publisher(address, outlet, options);
    }
    // Loaded here: a message to a FIFO should not wait for it.
    const { BusOutlet } = await load<typeof import("./bus/outlet.ts")>(
      import.meta.resolve("./bus/outlet.ts"),
    );
    const outlet = new BusOutlet({
      mode,
      delimiter,
      slowTimeoutMs: options.slowTimeoutMs,
      signal,
      onDropped: options.onDropped ?? (() => {}),
    });
    outlet.checkTopic(to.topic);
    if (wait) await outlet.waitFor(to.topic, Number(wait), timeoutMs);
    return new Publisher(to.topic, outlet, options);
  }

  /** How many bytes wait to be written. */
  get bufferedBytes(): number {
    return this.#outlet.bufferedBytes;
  }

  /**
   * How many subscribers a topic has; a FIFO has nobody to count them.
   *
   * @param topic The topic, if it is another than the publisher was opened for.
   * @returns Their number, or undefined for a FIFO.
   */
  subscribers(topic: string = this.#address): number | undefined {
    return this.#outlet.subscribers?.(topic);
  }

  /**
   * Publishes one message. It need not be awaited before the next one: those
   * that are published meanwhile go out together, in order, at more than half
   * a million a second.
   *
   * @param message The message; text goes as UTF-8.
   * @param options What else there is to it.
   * @returns When the message is in the FIFO, or in that of each subscriber
   * that takes it.
   * @throws {FifobusError} `message_too_large`, `delimiter_in_message`;
   * `bad_address`, if a FIFO is given a topic, a message to retain or a
   * request;
   * `no_reader`, `timed_out`; `not_a_fifo`, if the FIFO was removed; `closed`.
   */
  publish(
    message: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<void> {
    try {
      const framed = encodeMessage(
        this.#address,
        message,
        this.#delimiter,
        this.#maxBytes,
      );
      return this.#send(framed, options, true);
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
   * @param options What else there is to them; the last one is retained.
   * @returns When all are written.
   * @throws {FifobusError} As {@linkcode publish} does.
   */
  publishFramed(
    messages: Uint8Array<ArrayBuffer>,
    options: PublishOptions = {},
  ): Promise<void> {
    try {
      return this.#send(messages, options, false);
    } catch (error) {
      return Promise.reject(error);
    }
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
    return this.#closed ??= this.#outlet.close();
  }

  /** Closes the publisher at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(
    messages: Uint8Array<ArrayBuffer>,
    { topic = this.#address, retain = false, replyTo }: PublishOptions,
    single: boolean,
  ): Promise<void> {
    if (this.#closed) throw this.#refused("closed", "the publisher is closed");
    if (topic !== this.#address) {
      if (!this.#outlet.checkTopic) {
        throw this.#refused("bad_address", "a FIFO has no topics");
      }
      this.#outlet.checkTopic(topic);
    }
    if (replyTo !== undefined) {
      if (!this.#outlet.checkTopic) {
        throw this.#refused("bad_address", "a FIFO has no replies");
      }
      this.#outlet.checkTopic(replyTo);
    }
    if (retain) {
      if (!this.#outlet.retain) {
        throw this.#refused("bad_address", "a FIFO keeps no last value");
      }
      const end = this.#delimiter.charCodeAt(0);
      const start = messages.lastIndexOf(end, messages.length - 2) + 1;
      this.#outlet.retain(topic, messages.subarray(start, -1));
    }
    return this.#outlet.send(topic, messages, single, replyTo);
  }

  #refused(code: FifobusErrorCode, reason: string): FifobusError {
    const text = `Cannot publish to "${this.#address}": ${reason}`;
    return new FifobusError(code, text);
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
  options: PublisherOptions & PublishOptions = {},
): Promise<void> {
  await using publisher = await Publisher.open(address, options);
  await publisher.publish(message, options);
}
