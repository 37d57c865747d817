/**
 * Subscribing: messages from addresses.
 *
 * @module
 */
import { type MqttAddress, parseAddress } from "./address.ts";
import type { Bus } from "./bus/folder.ts";
import type { JoinOptions } from "./bus/join_options.ts";
import { tell } from "./callback.ts";
import { checkNumbers, withoutSystemErrors } from "./errors.ts";
import { DEFAULT_MODE, ensureFifo, refuseOthers } from "./fifo/file.ts";
import { type Notice, QueueReader } from "./fifo/queue_reader.ts";
import { onExit } from "./leftovers.ts";
import { load } from "./load.ts";
import type { Message } from "./message.ts";
import type { SourceModule } from "./mqtt/module.ts";
import type { MqttOptions } from "./mqtt/options.ts";
import { Demand } from "./queues/demand.ts";
import { counted, type OwnSource, type Source } from "./source.ts";
import { checkTopicFilter, parseShared, type SharedFilter } from "./topic.ts";
import { DEFAULT_MAX_BYTES, type Delimiter } from "./wire/framing.ts";
import { WireMessage } from "./wire/message.ts";
import { textStream } from "./wire/text_stream.ts";

/** How to subscribe. */
export interface SubscriberOptions {
  /**
   * What ends a message on the wire, the same as at the publishers.
   *
   * @default {"\n"}
   */
  delimiter?: Delimiter | undefined;
  /**
   * The longest message in bytes. More than that without a delimiter ends the
   * subscription with an error.
   *
   * @default {1048576}
   */
  maxBytes?: number | undefined;
  /**
   * The permissions of a FIFO, or of the folder of the bus, if it has to be
   * made.
   *
   * @default {0o600} for a FIFO, 0o700 for the bus
   */
  mode?: number | undefined;
  /**
   * Whether topics start with their last values, where publishers have them
   * retained; with `"only"` nothing follows.
   *
   * @default {true}
   */
  retained?: boolean | "only" | undefined;
  /**
   * Ends after that many messages, of all addresses together. What follows in a
   * FIFO waits for its next reader.
   *
   * @default {Infinity}
   */
  limit?: number | undefined;
  /**
   * Is told what is not a message: that one was lost, that a record was dropped
   * as it is not one, or that the readers of a FIFO cannot take turns.
   */
  onNotice?: ((notice: Notice) => void) | undefined;
  /** How to speak to a broker. */
  mqtt?: MqttOptions | undefined;
  /**
   * How long to try to connect to a broker, in milliseconds; by default once.
   */
  connectTimeoutMs?: number | undefined;
  /** Leaves out what Publishers with the same mark publish. */
  origin?: string | undefined;
  /** Closes the subscriber when aborted; who waits is given its reason. */
  signal?: AbortSignal | undefined;
}

/** The longest that a timer knows, 25 days. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;

/** What a source had to say: messages, its end, or why it failed. */
interface Arrival {
  messages?: WireMessage[] | undefined;
  error?: unknown;
}

/**
 * Receives the messages of one or more addresses.
 *
 * Several subscribers of one FIFO, of this process or others, take turns: each
 * message goes to one of them, whole. A subscriber takes at most 64 KiB from a
 * FIFO before it is asked for more, and no more messages than
 * {@linkcode Subscriber.read} asks for. Those that it has taken and not handed
 * out go back when it is closed.
 *
 * It keeps the process alive until it is closed. If the process ends before that,
 * by Deno.exit() or an error, its names leave the bus, and messages of a FIFO that
 * were not handed out go back. A signal ends a process at once: a program that is
 * ended by one listens to it, and closes its subscribers.
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
  readonly #demand: Demand;
  readonly #sources: Source[];
  /** The sources that nobody waits for, and those that have more to come. */
  readonly #idle: Set<Source>;
  readonly #live: Set<Source>;
  readonly #arrivals: Arrival[] = [];
  #changed = Promise.withResolvers<void>();
  #batch: WireMessage[] = [];
  #index = 0;
  /** When the reads before are over: a message is for one of them. */
  #readsBefore: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  /**
   * Keeps the process alive while messages may come, wherever from: a read of a
   * topic does that, and one of a FIFO only while somebody waits for it.
   */
  readonly #alive: ReturnType<typeof setInterval>;
  readonly #exit: Disposable;

  private constructor(
    sources: Source[],
    options: SubscriberOptions,
    demand: Demand,
  ) {
    const { delimiter = "\n", signal } = options;
    this.#delimiter = delimiter;
    this.#signal = signal;
    this.#demand = demand;
    this.#sources = sources;
    this.#idle = new Set(sources);
    this.#live = new Set(sources);
    signal?.addEventListener("abort", this.#abort, { once: true });
    this.#alive = setInterval(() => {}, MAX_INTERVAL_MS);
    this.#exit = onExit({ cleanUp: () => this.#giveBackNow() });
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
   * @throws {RangeError} If a number of the options is less than 0, or NaN.
   */
  static async open(
    addresses: string | string[],
    options: SubscriberOptions = {},
  ): Promise<Subscriber> {
    const { maxBytes, limit, connectTimeoutMs } = options;
    checkNumbers({ maxBytes, limit, connectTimeoutMs });
    options.signal?.throwIfAborted();
    const paths = new Set<string>();
    const filters = new Set<string>();
    const shared = new Map<string, SharedFilter>();
    const brokers = new Map<string, MqttAddress[]>();
    for (const address of [addresses].flat()) {
      const from = parseAddress(address);
      if (from.kind === "fifo") {
        paths.add(from.path);
        continue;
      }
      checkTopicFilter(from.topic);
      const group = parseShared(from.topic);
      if (from.kind === "topic" && group) shared.set(from.topic, group);
      else if (from.kind === "topic") filters.add(from.topic);
      else {
        // One connection for all filters of a broker, and of who connects.
        const key = JSON.stringify([from.broker, from.user, from.password]);
        brokers.set(key, [...brokers.get(key) ?? [], from]);
      }
    }
    const demand = new Demand(limit ?? Infinity);
    const sources: Source[] = [];
    try {
      for (const path of paths) {
        await ensureFifo(path, options.mode ?? DEFAULT_MODE);
        sources.push(await openFifo(path, options, demand));
      }
      if (filters.size > 0) {
        sources.push(counted(await joinBus([...filters], options), demand));
      }
      for (const group of shared.values()) {
        // MQTT 5 sends no last values to groups.
        if (options.retained === "only") break;
        sources.push(await joinGroup(group, options, demand));
      }
      for (const addresses of brokers.values()) {
        sources.push(counted(await openBroker(addresses, options), demand));
      }
      options.signal?.throwIfAborted();
    } catch (error) {
      await Promise.all(sources.map((source) => source.close([])));
      throw withoutSystemErrors(error);
    }
    return new Subscriber(sources, options, demand);
  }

  /**
   * Waits for messages, and takes all that have arrived together: the fastest
   * way to receive.
   *
   * A worker asks for as many messages as it can handle now. The others stay in
   * the FIFO, where other readers get them. Several reads at a time, and loops,
   * share the messages: each goes to one of them.
   *
   * @param max How many messages to take at most.
   * @returns The next messages, one at least; undefined after the last one, once
   * the subscriber was closed or has received as many as its limit.
   * @throws {FifobusError} `message_too_large`, after the messages before it.
   * @throws {RangeError} If `max` is less than 1, or NaN.
   */
  async read(max = Infinity): Promise<Message[] | undefined> {
    if (!(max >= 1)) {
      throw new RangeError(`Cannot read ${max} messages: it is not 1 or more`);
    }
    return await this.#inTurn(() => this.#read(Math.floor(max)));
  }

  async #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const before = this.#readsBefore;
    const over = Promise.withResolvers<void>();
    this.#readsBefore = over.promise;
    try {
      await before;
      return await read();
    } finally {
      over.resolve();
    }
  }

  async #read(max: number): Promise<WireMessage[] | undefined> {
    this.#signal?.throwIfAborted();
    if (this.#index < this.#batch.length) {
      const end = this.#index + max;
      const taken = this.#batch.slice(this.#index, end);
      this.#index = end;
      return taken;
    }
    this.#demand.want(max);
    while (true) {
      const arrival = this.#arrivals.shift();
      const { messages, error } = arrival ?? {};
      if (messages && messages.length > 0) {
        // A source that is still asked leaves what it gets from now on.
        if (max < Infinity) this.#demand.want(0);
        if (messages.length <= max) return messages;
        this.#batch = messages;
        this.#index = max;
        return messages.slice(0, max);
      }
      if (error) throw error;
      if (arrival) continue;
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
        controller.enqueue(WireMessage.frame(messages, this.#delimiter)),
    );
    return textStream(bytes, this.#delimiter);
  }

  /**
   * Leaves the messages of FIFOs and groups to others until
   * {@linkcode resume}: before a process is stopped, as others would wait for it.
   *
   * @returns When nothing is taken any more.
   */
  async pause(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.pause()));
  }

  /** Goes on after a {@linkcode pause}. */
  resume(): void {
    for (const source of this.#sources) source.resume();
  }

  /**
   * Takes no more messages. Those that were taken can still be read, after which
   * {@linkcode read} returns undefined; the subscriber is still to be closed.
   *
   * @returns When nothing more is taken.
   */
  async end(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.end()));
  }

  /**
   * Closes the subscriber. What it has taken from a FIFO and not handed out goes
   * back to the other readers, or waits for the next one.
   *
   * @param unhandled Messages that were handed out and not handled: they go back
   * before all others. Those of topics do not, as each subscriber has its own.
   * @returns When the FIFOs are closed.
   *
   * @example A worker that gives back what it did not do
   * ```ts
   * import { publish, Subscriber } from "@fifobus/fifobus";
   * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
   *
   * const folder = await Deno.makeTempDir();
   * const jobs = `${folder}/jobs`;
   * const worker = await Subscriber.open(jobs);
   * await publish(jobs, "one");
   * const taken = await worker.read(1);
   * await worker.close(taken);
   * await using next = await Subscriber.open(jobs, { limit: 1 });
   * assertEquals((await next.read())![0]!.text, "one");
   * await Deno.remove(folder, { recursive: true });
   * ```
   */
  close(unhandled: Message[] = []): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#abort);
    clearInterval(this.#alive);
    return this.#closed ??= this.#close(unhandled);
  }

  /** Closes the subscriber at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(unhandled: Message[]): Promise<void> {
    // What is taken until then can go back, too.
    await this.end();
    const ours = unhandled.filter((it) => it instanceof WireMessage);
    await Promise.all(
      this.#sources.map((source) =>
        source.close([...ours, ...this.#takeWaiting(source)])
      ),
    );
    this.#exit[Symbol.dispose]();
  }

  /** The process ends, and nothing can be waited for. */
  #giveBackNow(): void {
    for (const source of this.#sources) {
      source.giveBackNow(this.#takeWaiting(source));
    }
  }

  /** Takes out what is not handed out yet and can go back. */
  #takeWaiting(source: Source): WireMessage[] {
    const back: WireMessage[] = [];
    const keep = (messages: WireMessage[]) =>
      messages.filter((message) => {
        const goesBack = source.takesBack(message);
        if (goesBack) back.push(message);
        return !goesBack;
      });
    this.#batch = keep(this.#batch.slice(this.#index));
    this.#index = 0;
    for (const arrival of this.#arrivals) {
      arrival.messages &&= keep(arrival.messages);
    }
    return back;
  }

  #abort = (): void => {
    this.close();
    this.#notify();
  };

  async #next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#index < this.#batch.length) {
      this.#signal?.throwIfAborted();
      return { value: this.#batch[this.#index++]!, done: false };
    }
    return await this.#inTurn(async () => {
      const messages = await this.#read(Infinity);
      if (!messages) return { value: undefined, done: true };
      this.#batch = messages;
      this.#index = 1;
      return { value: messages[0]!, done: false };
    });
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
    const isLast = this.#live.size === 0 || this.#demand.isOver;
    if (isLast) clearInterval(this.#alive);
    this.#arrivals.push(arrival);
    this.#notify();
    // An error is told to who closes the subscriber, or reads on.
    if (this.#demand.isOver) this.end().catch(() => {});
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #stream<T>(
    enqueue: (
      messages: WireMessage[],
      controller: ReadableStreamDefaultController<T>,
    ) => void,
  ): ReadableStream<T> {
    return new ReadableStream<T>({
      pull: async (controller) => {
        const messages = await this.#inTurn(() => this.#read(Infinity));
        if (messages) enqueue(messages, controller);
        else controller.close();
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }
}

async function openFifo(
  path: string,
  options: SubscriberOptions,
  demand: Demand,
): Promise<Source> {
  const { delimiter = "\n", maxBytes = DEFAULT_MAX_BYTES } = options;
  return await QueueReader.open(path, {
    delimiter,
    maxBytes,
    demand,
    elsewhere: busFolder,
    remake: () => ensureFifo(path, options.mode ?? DEFAULT_MODE),
    accept: refuseOthers(path, options.mode),
    onNotice: (notice) => tell(options.onNotice, notice),
  });
}

/** The folder of the bus, for what cannot be beside a FIFO. */
async function busFolder(): Promise<string> {
  return (await openBus()).path;
}

async function joinBus(
  filters: string[],
  options: SubscriberOptions,
): Promise<OwnSource> {
  // Loaded here: who reads a FIFO should not wait for it.
  const { join } = await load<typeof import("./bus/inbox.ts")>(
    import.meta.resolve("./bus/inbox.ts"),
  );
  return await join(filters, await joinOptions(options));
}

async function joinGroup(
  shared: SharedFilter,
  options: SubscriberOptions,
  demand: Demand,
): Promise<Source> {
  const { GroupMember } = await load<typeof import("./bus/group.ts")>(
    import.meta.resolve("./bus/group.ts"),
  );
  return await GroupMember.join(shared, {
    ...await joinOptions(options),
    demand,
  });
}

async function joinOptions(options: SubscriberOptions): Promise<JoinOptions> {
  return {
    bus: await openBus(options.mode),
    delimiter: options.delimiter ?? "\n",
    maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
    retained: options.retained ?? true,
    origin: options.origin,
    onNotice: (notice) => tell(options.onNotice, notice),
    onSkipped: (text) =>
      tell(options.onNotice, { code: "value_skipped", text }),
  };
}

async function openBus(mode?: number): Promise<Bus> {
  const { DEFAULT_BUS_MODE, openBus } = await load<
    typeof import("./bus/folder.ts")
  >(import.meta.resolve("./bus/folder.ts"));
  return await openBus(mode ?? DEFAULT_BUS_MODE);
}

async function openBroker(
  addresses: MqttAddress[],
  options: SubscriberOptions,
): Promise<OwnSource> {
  // MQTT.js is fetched, 43 packages, and takes 0.1 s to load.
  const { MqttSource } = await load<SourceModule>(
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
