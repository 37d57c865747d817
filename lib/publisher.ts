/**
 * Publishing: messages to whoever reads an address.
 *
 * @module
 */
import { type Address, parseAddress, shownAddress } from "./address.ts";
import { checkNumbers, FifobusError, type FifobusErrorCode } from "./errors.ts";
import { DEFAULT_MODE, ensureFifo, refuseOthers } from "./fifo/file.ts";
import { FifoOutlet } from "./fifo/outlet.ts";
import { load } from "./load.ts";
import type { OutletModule } from "./mqtt/module.ts";
import type { MqttOptions } from "./mqtt/options.ts";
import type { Dropped, Keyed, Outlet, Sending } from "./outlet.ts";
import {
  DEFAULT_MAX_BYTES,
  type Delimiter,
  encodeBare,
  encodeMessage,
} from "./wire/framing.ts";
import { findMarked, marked } from "./wire/marks.ts";

/** How to publish. */
export interface PublisherOptions {
  /**
   * What ends a message on the wire, the same as at the subscriber.
   *
   * @default {"\n"}
   */
  delimiter?: Delimiter | undefined;
  /**
   * The longest message in bytes.
   *
   * @default {1048576}
   */
  maxBytes?: number | undefined;
  /**
   * The permissions of the FIFO, or of the folder of the bus, if it has to be
   * made.
   *
   * @default {0o600} for a FIFO, 0o700 for the bus
   */
  mode?: number | undefined;
  /**
   * Whether a message to a FIFO waits for a reader where there is none. For a
   * topic, how many subscribers to wait for before it is open; with false, a
   * message that nobody gets is an error, too.
   *
   * @default {true} for a FIFO, none for a topic
   */
  wait?: boolean | number | undefined;
  /**
   * How long to wait for others, in milliseconds: a message to a FIFO for a
   * reader that takes it, a topic for the subscribers of
   * {@linkcode PublisherOptions.wait}.
   *
   * @default {Infinity}
   */
  timeoutMs?: number | undefined;
  /**
   * How long to try to connect to a broker, in milliseconds. By default it tries
   * once.
   */
  connectTimeoutMs?: number | undefined;
  /**
   * How long a message to a topic waits for a subscriber that does not read, in
   * milliseconds, before it is dropped for that subscriber. After that nothing
   * waits for it until it reads again. 0 never waits, Infinity never drops.
   *
   * @default {1000}
   */
  slowTimeoutMs?: number | undefined;
  /** How to speak to a broker. */
  mqtt?: MqttOptions | undefined;
  /**
   * Marks what is published: Subscribers with the same mark are not given it.
   * So bridges in opposite directions do not send messages in circles. A broker
   * has to speak MQTT 5 for that.
   */
  origin?: string | undefined;
  /**
   * Is told of messages to a topic that a subscriber did not get. What it throws
   * is ignored.
   */
  onDropped?: ((dropped: Dropped) => void) | undefined;
  /** Gives up what is not written yet, when aborted. */
  signal?: AbortSignal | undefined;
}

/** How to publish one message. */
export interface PublishOptions {
  /** Another topic of the bus than the one the publisher was opened for. */
  topic?: string | undefined;
  /**
   * Whether the message is also kept as the topic's last value, for those who
   * subscribe later; an empty one clears it.
   *
   * @default {false}
   */
  retain?: boolean | undefined;
  /**
   * The topic of the bus that answers go to, which makes the message a request:
   * MQTT 5 calls it the response topic. {@linkcode request} does all of that.
   */
  replyTo?: string | undefined;
}

/**
 * Publishes messages that are framed, and known to end with no mark: a search for
 * one takes 36 µs for 64 KiB.
 */
export let sendFramed: (
  publisher: Publisher,
  messages: Uint8Array<ArrayBuffer>,
  options: PublishOptions,
) => Promise<number | undefined>;

/**
 * Publishes messages to topics of the bus, each to its own. They are not checked.
 * Returns how many subscribers got each of them.
 */
export let sendKeyed: (publisher: Publisher, keyed: Keyed) => Promise<number[]>;

/**
 * Closes a publisher without what is not written yet, which fails with the
 * reason.
 */
export let abort: (publisher: Publisher, reason: unknown) => Promise<void>;

/** Tells whether messages of a publisher wait for a reader of their FIFO. */
export let isUnread: (publisher: Publisher) => boolean;

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
  /** As errors name it, and the topic it is for. */
  readonly #address: string;
  readonly #topic: string;
  readonly #outlet: Outlet;
  readonly #delimiter: Delimiter;
  readonly #maxBytes: number;
  readonly #aborting: AbortController;
  #writable: WritableStream<string | Uint8Array> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    address: string,
    topic: string,
    outlet: Outlet,
    aborting: AbortController,
    { delimiter = "\n", maxBytes = DEFAULT_MAX_BYTES }: PublisherOptions,
  ) {
    this.#address = address;
    this.#topic = topic;
    this.#outlet = outlet;
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
    this.#aborting = aborting;
  }

  /**
   * Makes the FIFO, or the folder of the bus, if it is not there; connects to a
   * broker. A FIFO is opened with the first message.
   *
   * @param address Where to publish to.
   * @param options How to publish.
   * @returns The publisher, to be closed after use.
   * @throws {FifobusError} `bad_address`, `not_a_fifo`, `unsafe_bus`;
   * `timed_out`, if the subscribers that a topic waits for do not come, or the
   * broker; `no_connection`, `not_authorized`.
   * @throws {RangeError} If a number of the options is less than 0, or NaN.
   */
  static async open(
    address: string,
    options: PublisherOptions = {},
  ): Promise<Publisher> {
    const { maxBytes, timeoutMs, connectTimeoutMs, slowTimeoutMs, wait } =
      options;
    checkNumbers({
      maxBytes,
      timeoutMs,
      connectTimeoutMs,
      slowTimeoutMs,
      wait,
    });
    const { signal } = options;
    signal?.throwIfAborted();
    const aborting = new AbortController();
    signal?.addEventListener("abort", () => aborting.abort(signal.reason), {
      signal: aborting.signal,
    });
    const to = parseAddress(address);
    const topic = to.kind === "fifo" ? address : to.topic;
    const shown = to.kind === "mqtt" ? shownAddress(to) : topic;
    try {
      const outlet = await openOutlet(to, options, aborting.signal);
      return new Publisher(shown, topic, outlet, aborting, options);
    } catch (error) {
      aborting.abort();
      throw error;
    }
  }

  /** How many bytes wait to be written. */
  get bufferedBytes(): number {
    return this.#outlet.bufferedBytes;
  }

  /**
   * Counts the live subscribers of a topic.
   *
   * @param topic The topic, if it is another than the publisher was opened for.
   * @returns Their number; undefined where nobody can know it: of a FIFO, at a
   * broker.
   */
  async subscribers(topic: string = this.#topic): Promise<number | undefined> {
    return await this.#outlet.subscribers(topic);
  }

  /**
   * Publishes one message. It need not be awaited before the next one: those
   * that are published meanwhile go out together, in order, at more than half
   * a million a second.
   *
   * @param message The message; text goes as UTF-8.
   * @param options What else there is to it.
   * @returns When the message is in the FIFO, or in that of each subscriber
   * that takes it: how many those are. A group that shares a subscription is one.
   * Undefined where there is nobody to count: of a FIFO, at a broker.
   * @throws {FifobusError} `message_too_large`, `delimiter_in_message`;
   * `bad_address`, if a FIFO is given a topic, a message to retain or a
   * request;
   * `no_reader`, `timed_out`; `not_a_fifo`, if the FIFO was removed; `closed`.
   */
  publish(
    message: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<number | undefined> {
    try {
      const encoded = this.#encode(message);
      const { topic, how } = this.#check(options, true);
      return this.#outlet.send(topic, encoded, how);
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
   * @returns When all are written: how many got each of them, added up; see
   * {@linkcode publish}.
   * @throws {FifobusError} As {@linkcode publish} does.
   */
  publishFramed(
    messages: Uint8Array<ArrayBuffer>,
    options: PublishOptions = {},
  ): Promise<number | undefined> {
    const end = this.#delimiter.charCodeAt(0);
    if (!this.#closed && messages.length > 0 && messages.at(-1) !== end) {
      const reason = "the last message has no delimiter behind it";
      return Promise.reject(this.#refused("delimiter_in_message", reason));
    }
    const bad = findMarked(messages, this.#delimiter);
    if (bad < 0 || !this.#outlet.isFramed) return this.#send(messages, options);
    return this.#send(messages.subarray(0, bad), options).then(() => {
      throw marked(this.#address);
    });
  }

  static {
    sendFramed = (publisher, messages, options) =>
      publisher.#send(messages, options);
    sendKeyed = (publisher, keyed) => publisher.#sendKeyed(keyed);
    abort = (publisher, reason) => publisher.#abort(reason);
    isUnread = (publisher) => publisher.#outlet.isUnread;
  }

  #encode(message: string | Uint8Array): Uint8Array<ArrayBuffer> {
    const [address, maxBytes] = [this.#address, this.#maxBytes];
    if (!this.#outlet.isFramed) return encodeBare(address, message, maxBytes);
    const framed = encodeMessage(address, message, this.#delimiter, maxBytes);
    if (findMarked(framed, this.#delimiter) >= 0) throw marked(address);
    return framed;
  }

  #send(
    messages: Uint8Array<ArrayBuffer>,
    options: PublishOptions,
  ): Promise<number | undefined> {
    try {
      const { topic, how } = this.#check(options, false);
      return this.#outlet.send(topic, messages, how);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #sendKeyed(keyed: Keyed): Promise<number[]> {
    if (this.#closed) throw this.#refused("closed", "the publisher is closed");
    return await this.#outlet.sendKeyed!(keyed);
  }

  /**
   * A stream whose chunks are messages. It holds its source up while 64 KiB
   * wait to be written. At its end it closes the publisher, once all is written.
   * It fails, and gives up the rest, if something cannot be, or it is aborted.
   */
  get writable(): WritableStream<string | Uint8Array> {
    return this.#writable ??= this.#openWritable();
  }

  #openWritable(): WritableStream<string | Uint8Array> {
    this.#outlet.unpark();
    const underWay = new Set<Promise<unknown>>();
    return new WritableStream({
      start: ({ signal }) => {
        // Else it would wait for the write that is to be aborted.
        const onAbort = () => this.#abort(signal.reason);
        signal.addEventListener("abort", onAbort);
      },
      write: async (message, controller) => {
        const written = this.publish(message);
        underWay.add(written);
        written.then(() => underWay.delete(written), (error) => {
          controller.error(error);
          // The stream tells why, and cannot be closed any more.
          this.#abort(error).catch(() => {});
        });
        if (this.bufferedBytes > HIGH_WATER_MARK_BYTES) await written;
      },
      close: async () => {
        try {
          await Promise.all(underWay);
        } finally {
          await this.close();
        }
      },
      abort: () => this.close(),
    });
  }

  /**
   * Closes the publisher, once everything that was published is written.
   *
   * @returns When it is closed.
   */
  close(): Promise<void> {
    // What follows the signal of the caller ends, too.
    return this.#closed ??= this.#outlet.close()
      .finally(() => this.#aborting.abort());
  }

  #abort(reason: unknown): Promise<void> {
    this.#aborting.abort(reason);
    return this.close();
  }

  /** Closes the publisher at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(
    { topic = this.#topic, retain = false, replyTo }: PublishOptions,
    single: boolean,
  ): { topic: string; how: Sending } {
    if (this.#closed) throw this.#refused("closed", "the publisher is closed");
    const how = { single, retain, replyTo };
    // An address of a broker may name none.
    const isOther = topic !== this.#topic || topic === "";
    this.#outlet.check(isOther ? topic : undefined, how);
    return { topic, how };
  }

  #refused(code: FifobusErrorCode, reason: string): FifobusError {
    const text = `Cannot publish to "${this.#address}": ${reason}`;
    return new FifobusError(code, text);
  }
}

async function openOutlet(
  to: Address,
  options: PublisherOptions,
  signal: AbortSignal,
): Promise<Outlet> {
  const { delimiter = "\n", mode, wait, timeoutMs, origin } = options;
  if (to.kind === "fifo") {
    await ensureFifo(to.path, mode ?? DEFAULT_MODE);
    return new FifoOutlet(to.path, delimiter, {
      wait: wait !== false,
      timeoutMs,
      signal,
      parks: !options.signal,
      hasQueue: true,
      accept: refuseOthers(to.path, mode),
    });
  }
  if (to.kind === "mqtt") {
    // MQTT.js is fetched, 43 packages, and takes 0.1 s to load.
    const { MqttOutlet } = await load<OutletModule>(
      import.meta.resolve("./mqtt/outlet.ts"),
    );
    return await MqttOutlet.open(to, {
      delimiter,
      mqtt: options.mqtt ?? {},
      timeoutMs: options.connectTimeoutMs,
      signal,
      origin,
    });
  }
  // Loaded here: a message to a FIFO should not wait for it.
  const { BusOutlet } = await load<typeof import("./bus/outlet.ts")>(
    import.meta.resolve("./bus/outlet.ts"),
  );
  const outlet = await BusOutlet.open({
    mode,
    delimiter,
    slowTimeoutMs: options.slowTimeoutMs,
    wait,
    signal,
    origin,
    onDropped: options.onDropped,
  }, to.topic);
  if (wait) await outlet.waitFor(to.topic, Number(wait), timeoutMs);
  return outlet;
}

/**
 * Publishes one message.
 *
 * @param address Where to publish to.
 * @param message The message; text goes as UTF-8.
 * @param options How to publish.
 * @returns When the message is in the FIFO, or in that of each subscriber: how
 * many got it, as {@linkcode Publisher.publish} counts them.
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
): Promise<number | undefined> {
  await using publisher = await Publisher.open(address, options);
  return await publisher.publish(message, options);
}
