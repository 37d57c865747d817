/**
 * Publishing: messages to the readers of an address.
 *
 * @module
 */
import { type Address, parseAddress, shownAddress } from "./address.ts";
import { checkNumbers, FifobusError, type FifobusErrorCode } from "./errors.ts";
import { DEFAULT_MODE, ensureFifo, refuseOthers } from "./fifo/file.ts";
import { FifoOutlet } from "./fifo/outlet.ts";
import { load } from "./load.ts";
import type { MessageProperties } from "./message.ts";
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
   * For a FIFO, whether a message waits until there is a reader. For a topic,
   * how many subscribers {@linkcode Publisher.open} waits for; with false, a
   * message that nobody gets is an error.
   *
   * @default {true} for a FIFO, none for a topic
   */
  wait?: boolean | number | undefined;
  /**
   * How long to wait for others, in milliseconds. A message to a FIFO waits for
   * a reader that takes it, a message to a broker for the broker, and a topic for
   * the number of subscribers that {@linkcode PublisherOptions.wait} asks for.
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
   * milliseconds. Then the message is dropped for that subscriber, and the next
   * messages do not wait for it until it reads again. 0 never waits, Infinity
   * never drops.
   *
   * @default {1000}
   */
  slowTimeoutMs?: number | undefined;
  /** How to speak to a broker. */
  mqtt?: MqttOptions | undefined;
  /**
   * Marks the messages: Subscribers with the same mark do not get them. With it,
   * two bridges in opposite directions do not send messages in circles. A broker
   * has to speak MQTT 5 for that. Topics of a broker may then hold control
   * characters, as those that another broker has accepted may.
   */
  origin?: string | undefined;
  /**
   * Called when a subscriber of a topic did not get messages. Errors that it
   * throws are ignored.
   */
  onDropped?: ((dropped: Dropped) => void) | undefined;
  /** When aborted, the publisher gives up the messages not written yet. */
  signal?: AbortSignal | undefined;
}

/** How to publish one message; the properties are for brokers. */
export interface PublishOptions extends MessageProperties {
  /** Another topic of the bus than the one the publisher was opened for. */
  topic?: string | undefined;
  /**
   * Whether the message is also kept as the topic's last value, for later
   * subscribers. An empty message clears the value.
   *
   * @default {false}
   */
  retain?: boolean | undefined;
  /**
   * The topic of the bus to which answers go. It makes the message a request;
   * MQTT 5 calls it the response topic. {@linkcode request} sets it for you.
   */
  replyTo?: string | undefined;
}

/**
 * Publishes framed messages of which the caller knows that none ends with a
 * mark: to look for marks takes 36 µs for 64 KiB.
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
export let sendKeyed: (
  publisher: Publisher,
  keyed: Keyed,
) => Promise<(number | undefined)[]>;

/**
 * Closes a publisher at once. Messages that are not written yet fail with the
 * reason.
 */
export let abort: (publisher: Publisher, reason: unknown) => Promise<void>;

/**
 * Opens a publisher for one message of a process that ends right after it: then
 * the message starts to go out sooner.
 */
export let openLast: typeof Publisher.open;

/** Tells whether messages of a publisher wait for a reader of their FIFO. */
export let isUnread: (publisher: Publisher) => boolean;

/** The outlet of a publisher. */
export let outletOf: (publisher: Publisher) => Outlet;

/** How many bytes may wait before {@linkcode Publisher.writable} applies backpressure. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

/**
 * Publishes messages to one address. Each message arrives whole and on its own.
 * The messages of one publisher arrive in the order in which it published them.
 *
 * A message of at most PIPE_BUF bytes with its delimiter (4096 on Linux) is
 * written in one write(2), which POSIX makes
 * {@link https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html atomic};
 * a longer one under flock(2), so that no other fifobus publisher writes into it.
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
  /** The address as errors show it, and its topic. */
  readonly #address: string;
  readonly #topic: string;
  readonly #outlet: Outlet;
  readonly #delimiter: Delimiter;
  readonly #maxBytes: number;
  readonly #aborting: Aborting;
  #writable: WritableStream<string | Uint8Array> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    address: string,
    topic: string,
    outlet: Outlet,
    aborting: Aborting,
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
   * `timed_out`, if the subscribers or the broker are not there in time;
   * `no_connection`, `not_authorized`.
   * @throws {RangeError} If a number of the options is less than 0, or NaN.
   */
  static async open(
    address: string,
    options: PublisherOptions = {},
  ): Promise<Publisher> {
    return await Publisher.#open(address, options, false);
  }

  static async #open(
    address: string,
    options: PublisherOptions,
    isLast: boolean,
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
    const to = parseAddress(address);
    const topic = to.kind === "fifo" ? address : to.topic;
    const shown = to.kind === "mqtt" ? shownAddress(to) : topic;
    // Last: it listens to the caller's signal until it is released.
    const aborting = new Aborting(signal);
    try {
      const outlet = await openOutlet(to, options, aborting.signal, isLast);
      return new Publisher(shown, topic, outlet, aborting, options);
    } catch (error) {
      aborting.release();
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
   * @param topic The topic; by default, the one the publisher was opened for.
   * @returns Their number; undefined for a FIFO and for a broker, where it cannot
   * be known.
   */
  async subscribers(topic: string = this.#topic): Promise<number | undefined> {
    return await this.#outlet.subscribers(topic);
  }

  /**
   * Publishes one message. You need not await it before you publish the next
   * one: messages published meanwhile go out together, in order, at more than
   * half a million a second.
   *
   * @param message The message; text is sent as UTF-8.
   * @param options How to publish it.
   * @returns How many subscribers got the message, once it is in their FIFOs. A
   * group that shares a subscription counts as one. Undefined for a FIFO and for
   * a broker, where subscribers cannot be counted.
   * @throws {FifobusError} `message_too_large`, `delimiter_in_message`;
   * `bad_address`, if a message to a FIFO has a topic, is to be retained, or is
   * a request, or has properties, but not at a broker; `no_reader`, `timed_out`;
   * `not_a_fifo`, if the FIFO was removed; `closed`; from a broker,
   * `not_authorized` and `no_connection`, also if it speaks MQTT 3.1.1 and the
   * message has properties.
   * @throws {RangeError} If a property is longer than MQTT allows, or not text.
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
   * Publishes many messages that are framed already. Their lengths are not
   * checked.
   *
   * @param messages The messages, each followed by the delimiter. Do not change
   * the bytes before they are written.
   * @param options How to publish them; with `retain`, the last one is kept.
   * @returns The sum of the subscribers that got each message, once all messages
   * are written; see {@linkcode publish}.
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
    openLast = (address, options = {}) =>
      Publisher.#open(address, options, true);
    isUnread = (publisher) => publisher.#outlet.isUnread;
    outletOf = (publisher) => publisher.#outlet;
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

  async #sendKeyed(keyed: Keyed): Promise<(number | undefined)[]> {
    if (this.#closed) throw this.#refused("closed", "the publisher is closed");
    return await this.#outlet.sendKeyed(keyed);
  }

  /**
   * A stream whose chunks are messages. It applies backpressure while 64 KiB
   * wait to be written. When the stream ends, it writes everything and closes the
   * publisher. If a message cannot be written, or the stream is aborted, it fails
   * and gives up the rest.
   */
  get writable(): WritableStream<string | Uint8Array> {
    return this.#writable ??= this.#openWritable();
  }

  #openWritable(): WritableStream<string | Uint8Array> {
    this.#outlet.unpark();
    const underWay = new Set<Promise<unknown>>();
    return new WritableStream({
      start: ({ signal }) => {
        // Without this, abort() would wait for the write that it aborts.
        const onAbort = () => this.#abort(signal.reason);
        signal.addEventListener("abort", onAbort);
      },
      write: async (message, controller) => {
        const written = this.publish(message);
        underWay.add(written);
        written.then(() => underWay.delete(written), (error) => {
          controller.error(error);
          // The stream reports the error, and can no longer be closed.
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
    return this.#closed ??= this.#outlet.close()
      .finally(() => this.#aborting.release());
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
    options: PublishOptions,
    single: boolean,
  ): { topic: string; how: Sending } {
    if (this.#closed) throw this.#refused("closed", "the publisher is closed");
    const { topic = this.#topic, retain = false, replyTo } = options;
    const { properties, contentType, expiryMs, origins } = options;
    const isPlain = (properties ?? contentType ?? expiryMs) === undefined;
    const how = {
      single,
      retain,
      replyTo,
      origins,
      properties: isPlain ? undefined : { properties, contentType, expiryMs },
    };
    // The address of a broker may have no topic.
    const isOther = topic !== this.#topic || topic === "";
    this.#outlet.check(isOther ? topic : undefined, how);
    return { topic, how };
  }

  #refused(code: FifobusErrorCode, reason: string): FifobusError {
    const text = `Cannot publish to "${this.#address}": ${reason}`;
    return new FifobusError(code, text);
  }
}

/** Aborts the work of a publisher, and does so when the caller's signal aborts. */
class Aborting extends AbortController {
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = () => this.abort(this.#caller!.reason);

  constructor(caller: AbortSignal | undefined) {
    super();
    this.#caller = caller;
    caller?.addEventListener("abort", this.#onAbort);
  }

  /** Stops following the caller's signal, which may live longer. */
  release(): void {
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }
}

async function openOutlet(
  to: Address,
  options: PublisherOptions,
  signal: AbortSignal,
  isLast: boolean,
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
      answerMs: timeoutMs,
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
    isLast,
    onDropped: options.onDropped,
  }, to.topic);
  if (wait) await outlet.waitFor(to.topic, Number(wait), timeoutMs);
  return outlet;
}

/**
 * Publishes one message.
 *
 * @param address Where to publish to.
 * @param message The message; text is sent as UTF-8.
 * @param options How to publish.
 * @returns How many subscribers got the message; see
 * {@linkcode Publisher.publish}.
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
