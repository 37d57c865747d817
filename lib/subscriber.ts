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
import { everySecond } from "./ticks.ts";
import { checkTopicFilter, parseShared, type SharedFilter } from "./topic.ts";
import { DEFAULT_MAX_BYTES, type Delimiter } from "./wire/framing.ts";
import { WireMessage } from "./wire/message.ts";

/** How to subscribe. */
export interface SubscriberOptions {
  /**
   * What ends a message on the wire, the same as at the publishers.
   *
   * @default {"\n"}
   */
  delimiter?: Delimiter | undefined;
  /**
   * The longest message in bytes. If more bytes than this come without a
   * delimiter, the subscription ends with an error.
   *
   * @default {1048576}
   */
  maxBytes?: number | undefined;
  /**
   * The permissions of a FIFO, or of the folder of the bus, if the subscriber
   * has to make it.
   *
   * @default {0o600} for a FIFO, 0o700 for the bus
   */
  mode?: number | undefined;
  /**
   * Whether to start with the last values of the topics, if publishers have
   * retained any; with `"only"`, the subscription ends after them.
   *
   * @default {true}
   */
  retained?: boolean | "only" | undefined;
  /**
   * End after this many messages, counted over all addresses. Later messages
   * in a FIFO wait for its next reader.
   *
   * @default {Infinity}
   */
  limit?: number | undefined;
  /**
   * Called with news other than messages: a message was lost, a record was
   * dropped because it is not a message, or the readers of a FIFO cannot take
   * turns.
   */
  onNotice?: ((notice: Notice) => void) | undefined;
  /** How to connect to a broker. */
  mqtt?: MqttOptions | undefined;
  /**
   * How long to keep trying to connect to a broker, in milliseconds; by
   * default, it tries once.
   */
  connectTimeoutMs?: number | undefined;
  /** Leave out messages of Publishers that have the same mark. */
  origin?: string | undefined;
  /**
   * Closes the subscriber when aborted; pending calls reject with its reason.
   */
  signal?: AbortSignal | undefined;
}

/** In how many microtasks a publisher of this process writes a message. */
const PUBLISH_STEPS = 16;

/** What a source delivered: messages, its end, or the reason it failed. */
interface Arrival {
  messages?: WireMessage[] | undefined;
  error?: unknown;
}

/**
 * Receives the messages of one or more addresses.
 *
 * Several subscribers of one FIFO, of this process or others, take turns: each
 * message goes to one of them, whole. A subscriber takes at most 64 KiB from a
 * FIFO before you ask for more, and no more messages than
 * {@linkcode Subscriber.read} asks for. When it closes, it puts back the
 * messages that it has taken but not handed out.
 *
 * A subscriber keeps the process alive until it is closed. If the process ends
 * first, through Deno.exit() or an error, the subscriber removes its names from
 * the bus and puts back the messages of a FIFO that it has not handed out. A
 * signal ends a process without this cleanup: a program that expects signals
 * should listen for them from before it opens a subscriber, and close it then:
 * publishers write as soon as the FIFO is open.
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
  /** The sources that nobody waits for, and those that have not ended. */
  readonly #idle: Set<Source>;
  readonly #live: Set<Source>;
  readonly #arrivals: Arrival[] = [];
  /** Resolved at an arrival, if somebody waits for one. */
  #changed: PromiseWithResolvers<void> | undefined;
  #batch: WireMessage[] = [];
  #index = 0;
  /** Settles after the earlier reads: each message goes to only one of them. */
  #readsBefore: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  /**
   * Keeps the process alive while messages may come from any source: reading a
   * topic does so by itself, reading a FIFO only while somebody waits for it.
   */
  readonly #alive: Disposable | undefined;
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
    // The last values of nothing but groups come from no source.
    if (sources.length > 0) this.#alive = everySecond(() => {});
    this.#exit = onExit({ cleanUp: () => this.#giveBackNow() });
  }

  /**
   * Opens the FIFOs, makes the ones that do not exist, and subscribes to the
   * topics, including topics of brokers. From here on, publishers that wait for
   * a reader proceed.
   *
   * @param addresses What to read: paths of FIFOs, and topic filters of the bus
   * or of brokers.
   * @param options How to subscribe.
   * @returns The subscriber; close it after use.
   * @throws {FifobusError} `bad_address`, `not_a_fifo`, `unsafe_bus`;
   * `too_many_readers`, if this process would read more than 24 FIFOs;
   * `no_connection`, `not_authorized`, `timed_out`, from a broker.
   * @throws {RangeError} If a number in the options is less than 0, or NaN.
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
        // One connection for all filters of the same broker and user.
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
   * the FIFO, where other readers get them. Concurrent reads and loops share
   * the messages: each message goes to one of them.
   *
   * @param max How many messages to take at most.
   * @returns The next messages, at least one; undefined after the last one,
   * when the subscriber was closed or has reached its limit.
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
        // A source with a pending request now leaves its messages to others.
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
      this.#changed ??= Promise.withResolvers();
      await this.#changed.promise;
      this.#signal?.throwIfAborted();
    }
  }

  /**
   * Iterates over the messages. Leaving the loop does not close the subscriber:
   * the next loop continues with the next message.
   *
   * @returns The iterator.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return { next: () => this.#next() };
  }

  /** The messages as a stream; cancelling it closes the subscriber. */
  get readable(): ReadableStream<Message> {
    return this.#stream((messages, controller) => {
      for (const message of messages) controller.enqueue(message);
    });
  }

  /**
   * The text of each message as a stream, through TextDecoderStream and
   * TextLineStream, which removes a carriage return at the end of a message.
   * Cancelling it closes the subscriber.
   */
  get lines(): ReadableStream<string> {
    const bytes = this.#stream<Uint8Array<ArrayBuffer>>(
      (messages, controller) =>
        controller.enqueue(WireMessage.frame(messages, this.#delimiter)),
    );
    const { readable, writable } = new TransformStream<string, string>({
      // A pipe passes the cancelling on, and does not wait for it.
      cancel: () => this.close(),
    });
    // Loaded here, so that the others do not wait for @std/streams.
    load<typeof import("./wire/text_stream.ts")>(
      import.meta.resolve("./wire/text_stream.ts"),
    ).then(({ textStream }) => textStream(bytes, this.#delimiter))
      .then((texts) => texts.pipeTo(writable), (error) => writable.abort(error))
      // The reader of the stream gets the error.
      .catch(() => {});
    return readable;
  }

  /**
   * Leaves the messages of FIFOs and groups to other readers until
   * {@linkcode resume}. Call it before the process is suspended: the other
   * readers would wait for it.
   *
   * @returns When the subscriber has stopped taking messages.
   */
  async pause(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.pause()));
  }

  /** Continues after a {@linkcode pause}. */
  resume(): void {
    for (const source of this.#sources) source.resume();
  }

  /**
   * Takes no more messages. You can still read the messages it has taken, after
   * which {@linkcode read} returns undefined; you still have to close it.
   *
   * @returns When the subscriber has stopped taking messages.
   */
  async end(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.end()));
  }

  /**
   * Closes the subscriber. Messages that it has taken from a FIFO but not
   * handed out go back to the other readers, or wait for the next one.
   *
   * @param unhandled Messages that you read but did not handle, as you got them,
   * not copies: they go back
   * ahead of all others. Messages of topics do not go back, because each
   * subscriber has its own copy.
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
    this.#alive?.[Symbol.dispose]();
    return this.#closed ??= this.#close(unhandled);
  }

  /** Closes the subscriber at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(unhandled: Message[]): Promise<void> {
    // Messages that are taken until then can go back, too.
    await this.end();
    await Promise.all(
      this.#sources.map((source) =>
        source.close([...unhandled, ...this.#takeWaiting(source)])
      ),
    );
    this.#exit[Symbol.dispose]();
  }

  /** Puts messages back while the process ends and cannot wait for anything. */
  #giveBackNow(): void {
    for (const source of this.#sources) {
      const messages = this.#takeWaiting(source);
      if (source.giveBackNow(messages) || messages.length === 0) continue;
      this.#arrivals.unshift({ messages });
    }
  }

  /** Takes out the messages that can go back and are not handed out yet. */
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

  /** Waits for the next result of a source, and adds it to the arrivals. */
  async #ask(source: Source): Promise<void> {
    this.#idle.delete(source);
    const arrival: Arrival = {};
    // A program that answers publishes, and then reads. Its message goes out
    // first: another process handles it while this one takes its turn.
    for (let i = 0; i < PUBLISH_STEPS; i++) await undefined;
    try {
      arrival.messages = await source.next();
    } catch (error) {
      arrival.error = error;
    }
    if (arrival.messages) this.#idle.add(source);
    else this.#live.delete(source);
    const isLast = this.#live.size === 0 || this.#demand.isOver;
    if (isLast) this.#alive?.[Symbol.dispose]();
    this.#arrivals.push(arrival);
    this.#notify();
    // A later close() or read() reports an error.
    if (this.#demand.isOver) this.end().catch(() => {});
  }

  #notify(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
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
    makeBus: () => openBus(),
    remake: () => ensureFifo(path, options.mode ?? DEFAULT_MODE),
    accept: refuseOthers(path, options.mode),
    onNotice: (notice) => tell(options.onNotice, notice),
  });
}

async function joinBus(
  filters: string[],
  options: SubscriberOptions,
): Promise<OwnSource> {
  // Loaded here, so that readers of FIFOs do not wait for it.
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
  // Loaded here: MQTT.js fetches 43 packages, and takes 0.1 s to load.
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
 * Receives the messages of one or more addresses, until you leave the loop.
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
