/**
 * Subscribing: messages from addresses.
 *
 * @module
 */
import { type MqttAddress, parseAddress } from "./address.ts";
import type { Budget } from "./budget.ts";
import { DEFAULT_MODE, ensureFifo } from "./fifo.ts";
import { FifoReader } from "./fifo_reader.ts";
import { DEFAULT_MAX_BYTES, type Delimiter } from "./framing.ts";
import { load } from "./load.ts";
import { Message } from "./message.ts";
import type { MqttOptions } from "./mqtt/options.ts";
import { textStream } from "./text_stream.ts";
import { checkTopicFilter } from "./topic.ts";

/** How to subscribe. */
export interface SubscriberOptions {
  /**
   * What ends a message on the wire, the same as at the publishers.
   *
   * @default {"\n"}
   */
  delimiter?: Delimiter;
  /**
   * The longest message in bytes. More than that without a delimiter ends the
   * subscription with an error.
   *
   * @default {1048576}
   */
  maxBytes?: number;
  /**
   * The permissions of a FIFO, or of the folder of the bus, if it has to be
   * made.
   *
   * @default {0o600} for a FIFO, 0o700 for the bus
   */
  mode?: number;
  /**
   * Whether topics start with their last values, where publishers have them
   * retained; with `"only"` nothing follows.
   *
   * @default {true}
   */
  retained?: boolean | "only";
  /**
   * Ends after that many messages, of all addresses together. What follows stays
   * in a FIFO for its next reader, as far as other programs hold the FIFO open;
   * {@linkcode Subscriber.close} waits until it is there.
   *
   * A reader of the FIFO that is none of ours (`cat`, `read` of the shell) and
   * reads at the same time may see wake markers, and parts of messages.
   *
   * @default {Infinity}
   */
  limit?: number | undefined;
  /** How to speak to a broker. */
  mqtt?: MqttOptions;
  /**
   * How long to try to connect to a broker, in milliseconds; by default once.
   */
  connectTimeoutMs?: number | undefined;
  /** Leaves out what Publishers with the same mark publish. */
  origin?: string | undefined;
  /** Closes the subscriber when aborted; who waits is given its reason. */
  signal?: AbortSignal;
}

/** Where messages come from: a FIFO, the bus, or a broker. */
interface Source {
  next(): Promise<Message[] | undefined>;
  close(): Promise<void>;
}

/** What a source had to say: messages, its end, or why it failed. */
interface Arrival {
  messages?: Message[] | undefined;
  error?: unknown;
}

/**
 * Receives the messages of one or more addresses.
 *
 * Several subscribers of one FIFO share its messages: each message goes to one
 * of them. A subscriber takes at most 64 KiB from a FIFO before it is asked
 * for more.
 *
 * @example As a stream of lines
 * ```ts
 * import { publish, Subscriber } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * const folder = await Deno.makeTempDir();
 * const subscriber = await Subscriber.open(`${folder}/pipe`);
 * await publish(`${folder}/pipe`, "21.5");
 * await publish(`${folder}/pipe`, "21.6");
 * const lines = subscriber.lines.values();
 * assertEquals(await lines.next(), { value: "21.5", done: false });
 * assertEquals(await lines.next(), { value: "21.6", done: false });
 * await lines.return!();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class Subscriber implements AsyncIterable<Message>, AsyncDisposable {
  readonly #delimiter: Delimiter;
  readonly #signal: AbortSignal | undefined;
  readonly #budget: Budget | undefined;
  readonly #sources: Source[];
  /** The sources that nobody waits for, and those that have more to come. */
  readonly #idle: Set<Source>;
  readonly #live: Set<Source>;
  readonly #arrivals: Arrival[] = [];
  #changed = Promise.withResolvers<void>();
  #batch: Message[] = [];
  #index = 0;
  #closed: Promise<void> | undefined;

  private constructor(
    sources: Source[],
    options: SubscriberOptions,
    budget: Budget | undefined,
  ) {
    const { delimiter = "\n", signal } = options;
    this.#delimiter = delimiter;
    this.#signal = signal;
    this.#budget = budget;
    this.#sources = sources;
    this.#idle = new Set(sources);
    this.#live = new Set(sources);
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /**
   * Opens the FIFOs, and makes those that are not there; subscribes to the
   * topics, at brokers too. A publisher that waits for a reader goes on from here.
   *
   * @param addresses What to read: paths of FIFOs, topic filters, also those of
   * brokers.
   * @param options How to subscribe.
   * @returns The subscriber, to be closed after use.
   * @throws {FifobusError} `bad_address`, `not_a_fifo`, `unsafe_bus`;
   * `too_many_readers`, if this process would read more than 24 FIFOs;
   * `no_connection`, `not_authorized`, `timed_out`, of a broker.
   * @throws {RangeError} If the limit is not a number from 0.
   */
  static async open(
    addresses: string | string[],
    options: SubscriberOptions = {},
  ): Promise<Subscriber> {
    options.signal?.throwIfAborted();
    const paths = new Set<string>();
    const filters = new Set<string>();
    const brokers = new Map<string, MqttAddress[]>();
    for (const address of [addresses].flat()) {
      const from = parseAddress(address);
      if (from.kind === "fifo") {
        paths.add(from.path);
        continue;
      }
      checkTopicFilter(from.topic);
      if (from.kind === "topic") filters.add(from.topic);
      else {
        // One connection for all filters of a broker, and of who connects.
        const key = JSON.stringify([from.broker, from.user, from.password]);
        brokers.set(key, [...brokers.get(key) ?? [], from]);
      }
    }
    const { limit = Infinity } = options;
    const budget = limit === Infinity ? undefined : await openBudget(limit);
    const sources: Source[] = [];
    try {
      for (const path of paths) {
        await ensureFifo(path, options.mode ?? DEFAULT_MODE);
        sources.push(await openFifo(path, options, budget));
      }
      if (filters.size > 0) {
        const bus = await joinBus([...filters], options);
        sources.push(budget ? limited(bus, budget) : bus);
      }
      for (const addresses of brokers.values()) {
        const broker = await openBroker(addresses, options);
        sources.push(budget ? limited(broker, budget) : broker);
      }
      options.signal?.throwIfAborted();
    } catch (error) {
      await Promise.all(sources.map((source) => source.close()));
      throw error;
    }
    return new Subscriber(sources, options, budget);
  }

  /**
   * Waits for messages, and takes all that have arrived together: the fastest
   * way to receive.
   *
   * @returns The next messages, one at least; undefined after the last one, once
   * the subscriber was closed or has received as many as its limit.
   * @throws {FifobusError} `message_too_large`, after the messages before it.
   */
  async read(): Promise<Message[] | undefined> {
    this.#signal?.throwIfAborted();
    if (this.#index < this.#batch.length) {
      const rest = this.#batch.slice(this.#index);
      this.#batch = [];
      return rest;
    }
    while (true) {
      const arrival = this.#arrivals.shift();
      if (arrival?.messages) return arrival.messages;
      if (arrival?.error) throw arrival.error;
      if (this.#live.size === 0) return undefined;
      for (const source of this.#idle) this.#ask(source);
      await this.#changed.promise;
      this.#signal?.throwIfAborted();
    }
  }

  /**
   * Iterates over the messages. Leaving the loop does not close the subscriber:
   * the next loop goes on with the next message.
   *
   * @returns The iterator.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return { next: () => this.#next() };
  }

  /** The messages as a stream, whose cancellation closes the subscriber. */
  get readable(): ReadableStream<Message> {
    return this.#stream((messages, controller) => {
      for (const message of messages) controller.enqueue(message);
    });
  }

  /**
   * The text of each message as a stream, through TextDecoderStream and
   * TextLineStream; so a carriage return at the end of a message is taken off.
   */
  get lines(): ReadableStream<string> {
    const bytes = this.#stream<Uint8Array<ArrayBuffer>>(
      (messages, controller) =>
        controller.enqueue(Message.frame(messages, this.#delimiter)),
    );
    return textStream(bytes, this.#delimiter);
  }

  /**
   * Closes the subscriber. Messages that it took from a FIFO can still be
   * read; what it did not take stays there for other readers.
   *
   * @returns When the FIFOs are closed.
   */
  close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#abort);
    return this.#closed ??= Promise.all(
      this.#sources.map((source) => source.close()),
    ).then(() => {});
  }

  /** Closes the subscriber at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #abort = (): void => {
    this.close();
    this.#notify();
  };

  async #next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#index >= this.#batch.length) {
      this.#batch = await this.read() ?? [];
      this.#index = 0;
      if (this.#batch.length === 0) return { value: undefined, done: true };
    } else this.#signal?.throwIfAborted();
    return { value: this.#batch[this.#index++]!, done: false };
  }

  /** Reads on; what comes of it is an arrival. */
  async #ask(source: Source): Promise<void> {
    this.#idle.delete(source);
    const arrival: Arrival = {};
    try {
      arrival.messages = await source.next();
    } catch (error) {
      arrival.error = error;
    }
    if (arrival.messages) this.#idle.add(source);
    else this.#live.delete(source);
    this.#arrivals.push(arrival);
    this.#notify();
    // An error is told to who closes the subscriber, or reads on.
    if (this.#budget?.left === 0) this.close().catch(() => {});
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #stream<T>(
    enqueue: (
      messages: Message[],
      controller: ReadableStreamDefaultController<T>,
    ) => void,
  ): ReadableStream<T> {
    return new ReadableStream<T>({
      pull: async (controller) => {
        const messages = await this.read();
        if (messages) enqueue(messages, controller);
        else controller.close();
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }
}

async function openBudget(limit: number): Promise<Budget> {
  // Loaded here, as what reads with a limit is: most readers have none.
  const { Budget } = await load<typeof import("./budget.ts")>(
    import.meta.resolve("./budget.ts"),
  );
  return new Budget(limit);
}

async function openFifo(
  path: string,
  options: SubscriberOptions,
  budget: Budget | undefined,
): Promise<Source> {
  const { delimiter = "\n", maxBytes = DEFAULT_MAX_BYTES } = options;
  if (!budget) return new FifoReader(path, delimiter, maxBytes);
  const { FifoLimitedReader } = await load<
    typeof import("./fifo_limited_reader.ts")
  >(import.meta.resolve("./fifo_limited_reader.ts"));
  return new FifoLimitedReader(path, delimiter, maxBytes, budget);
}

/** What is too much of a topic is nobody else's. */
function limited(source: Source, budget: Budget): Source {
  return {
    next: async () => {
      if (budget.left === 0) return undefined;
      const messages = budget.take(await source.next() ?? []);
      return messages.length > 0 ? messages : undefined;
    },
    close: () => source.close(),
  };
}

async function joinBus(
  filters: string[],
  options: SubscriberOptions,
): Promise<Source> {
  // Loaded here: who reads a FIFO should not wait for it.
  const { DEFAULT_BUS_MODE, openFolder } = await load<
    typeof import("./bus/folder.ts")
  >(import.meta.resolve("./bus/folder.ts"));
  const { join } = await load<typeof import("./bus/inbox.ts")>(
    import.meta.resolve("./bus/inbox.ts"),
  );
  const mode = options.mode ?? DEFAULT_BUS_MODE;
  return await join(filters, {
    folder: openFolder(mode),
    mode,
    delimiter: options.delimiter ?? "\n",
    maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
    retained: options.retained ?? true,
    origin: options.origin,
  });
}

async function openBroker(
  addresses: MqttAddress[],
  options: SubscriberOptions,
): Promise<Source> {
  // MQTT.js is fetched, 43 packages, and takes 0.1 s to load.
  const { MqttSource } = await load<typeof import("./mqtt/source.ts")>(
    import.meta.resolve("./mqtt/source.ts"),
  );
  const filters = new Set(addresses.map(({ topic }) => topic));
  return await MqttSource.open(addresses[0]!, [...filters], {
    mqtt: options.mqtt ?? {},
    timeoutMs: options.connectTimeoutMs,
    signal: options.signal,
    maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
    retained: options.retained ?? true,
    origin: options.origin,
  });
}

/**
 * Receives the messages of one or more addresses, until the loop is left.
 *
 * @param addresses Where to read.
 * @param options How to subscribe.
 * @returns The messages.
 * @throws {FifobusError} As {@linkcode Subscriber.open} and
 * {@linkcode Subscriber.read} do.
 *
 * @example
 * ```ts
 * import { publish, subscribe } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/pipe`;
 * const published = publish(path, "21.5");
 * for await (const message of subscribe(path)) {
 *   assertEquals(message.text, "21.5");
 *   break;
 * }
 * await published;
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function* subscribe(
  addresses: string | string[],
  options: SubscriberOptions = {},
): AsyncGenerator<Message, void> {
  await using subscriber = await Subscriber.open(addresses, options);
  yield* subscriber;
}
