/**
 * Subscribing at an MQTT broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import type { IPublishPacket } from "npm:mqtt@5.15.0";
import { type MqttAddress, shownAddress } from "../address.ts";
import { delay } from "../delay.ts";
import { FifobusError, MAX_TIMER_MS } from "../errors.ts";
import { type SendAnswer, WireMessage } from "../wire/message.ts";
import { Inbound } from "../queues/inbound.ts";
import type { Message } from "../message.ts";
import type { OwnSource } from "../source.ts";
import { checkTopicName, matchesTopic, parseShared } from "../topic.ts";
import { isUnauthorized, reasonFor } from "./codes.ts";
import { connect, type Connection, disconnect } from "./connection.ts";
import type { Done } from "./deliveries.ts";
import type { MqttSourceOptions } from "./module.ts";
import { haveOverlap, identify, withoutCovered } from "./overlap.ts";
import { fromPacket, originsOf } from "./properties.ts";

/** The reason code without a reason, and the only one of MQTT 3.1.1. */
const NO_REASON = 128;

/** Nobody sees this error: the acknowledgement is omitted. */
const NOT_NOW = new Error("it is for the next time");

/**
 * The last values have all come when nothing has come for this long, after the
 * marker has. MQTT promises an order only for the messages of one topic.
 */
const QUIET_MS = 500;

/** The same, at a broker that does not let this client use the marker's topic. */
const UNMARKED_QUIET_MS = 3000;

/** A source of messages from a broker. */
export class MqttSource implements OwnSource {
  readonly #options: MqttSourceOptions;
  #connection: Connection | undefined;
  readonly #queue: Inbound;
  readonly #isPersistent: boolean;
  /** Acknowledge waiting messages, and the messages that were taken last. */
  #held: Done[] = [];
  #taken: Done[] = [];
  /**
   * The topic of a marker behind the last values, if nothing else is wanted.
   */
  readonly #marker = `fifobus/${crypto.randomUUID()}`;
  /** How long nothing may come before the last values are complete. */
  #quietMs: number | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  /** The filters and their identifiers, if a topic can match two of them. */
  #identifiers: Map<string, number> | undefined;
  /** Pings the broker while messages wait here and MQTT.js handles no packet. */
  #pinging: ReturnType<typeof setInterval> | undefined;
  /** Settles when the broker has answered, or the queue is full: it may be later. */
  readonly #ready = Promise.withResolvers<void>();
  /** Whether the broker has the subscriptions in its session. */
  #isSubscribed = false;

  private constructor(options: MqttSourceOptions) {
    this.#options = options;
    // MQTT.js hands out the messages of one read in one turn of the event loop.
    this.#queue = new Inbound(options.maxBytes, endOfTurn);
    this.#isPersistent = options.mqtt.persistent ?? false;
  }

  /** Connects to a broker, and subscribes. */
  static async open(
    address: MqttAddress,
    filters: string[],
    options: MqttSourceOptions,
  ): Promise<MqttSource> {
    const source = new MqttSource(options);
    const { timeoutMs = Infinity, signal } = options;
    const start = performance.now();
    const connection = await connect(address, {
      ...options,
      onMessage: (packet, done) => source.#take(packet, done),
    });
    source.#connection = connection;
    // A message of the session may have come already.
    if (source.#held.length > 0) source.#ping();
    const fail = (error: FifobusError) => {
      source.#ready.reject(error);
      source.#end(error);
    };
    // A persistent session waits for nothing.
    source.#ready.promise.catch(() => {});
    connection.ended.then(fail);
    const subscribe = () =>
      source.#subscribe(connection, address, filters).catch(fail);
    connection.client.on("connect", ({ sessionPresent }) => {
      if (!sessionPresent || !source.#isSubscribed) subscribe();
    });
    subscribe();
    // The broker's answer may come behind messages, which MQTT.js has to hand
    // out first: those of a session, or more last values than wait here.
    if (source.#isPersistent) return source;
    const over = new AbortController();
    const leftMs = Math.min(
      start + timeoutMs - performance.now(),
      MAX_TIMER_MS,
    );
    const signals = [over.signal, ...signal ? [signal] : []];
    const silence = delay(leftMs, AbortSignal.any(signals)).then(() => {
      const text = `Cannot subscribe to ${shownAddress(address)}: ` +
        `the broker does not answer, tried for ${timeoutMs} ms`;
      throw new FifobusError("timed_out", text);
    });
    try {
      await Promise.race([source.#ready.promise, silence]);
    } catch (error) {
      await source.close();
      throw error;
    } finally {
      silence.catch(() => {});
      over.abort();
    }
    return source;
  }

  /**
   * Waits for messages. In a persistent session, it acknowledges the previous
   * messages now: a caller that asks for more has handled them.
   */
  async next(): Promise<WireMessage[] | undefined> {
    this.#acknowledge(this.#taken);
    const messages = await this.#queue.next();
    if (this.#isPersistent) this.#taken = this.#held.splice(0);
    else this.#acknowledge(this.#held);
    this.#awaitQuiet();
    return messages;
  }

  /**
   * Takes no more messages; messages that have arrived can still be read. In a
   * persistent session, the broker keeps unread messages for the next time.
   */
  end(): Promise<void> {
    if (this.#isPersistent) this.#queue.clear();
    this.#end();
    return Promise.resolve();
  }

  /**
   * Ends the connection. In a persistent session, the broker also keeps the
   * messages that were read last, unless all of them were handled.
   */
  async close(unhandled: Message[] = []): Promise<void> {
    await this.end();
    // MQTT.js waits for an answer for each message that it has handed out.
    const error = unhandled.length === 0 ? undefined : NOT_NOW;
    for (const done of this.#taken.splice(0)) done(error);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) await disconnect(connection, this.#isPersistent);
  }

  #acknowledge(messages: Done[]): void {
    for (const done of messages.splice(0)) done();
    if (this.#held.length + this.#taken.length > 0) return;
    clearInterval(this.#pinging);
    this.#pinging = undefined;
  }

  /**
   * Pings the broker, for as long as a message is held: MQTT.js, which handles no
   * answer meanwhile, would give up a good connection.
   */
  #ping(): void {
    const client = this.#connection?.client;
    const seconds = client?.options.keepalive ?? 0;
    if (!client || seconds === 0 || this.#pinging !== undefined) return;
    this.#pinging = setInterval(() => {
      if (!client.connected) return;
      client.sendPing();
      client.reschedulePing(true);
    }, 1000 * seconds / 3);
  }

  /** Ends behind the last values, once nothing has come for a while. */
  #awaitQuiet(): void {
    if (this.#quietMs === undefined) return;
    clearTimeout(this.#quiet);
    // While the queue is full, nothing can come.
    const { isEnded, isFull } = this.#queue;
    if (isEnded || isFull) return;
    this.#quiet = setTimeout(() => this.#end(), this.#quietMs);
  }

  async #subscribe(
    { client, limits }: Connection,
    { broker }: MqttAddress,
    filters: string[],
  ): Promise<void> {
    const { retained, mqtt } = this.#options;
    for (const filter of filters) {
      const shared = parseShared(filter);
      const hasWildcards = /[+#]/.test(shared?.filter ?? filter);
      const reason = shared && !limits.shared
        ? "the broker has no shared subscriptions"
        : hasWildcards && !limits.wildcards
        ? "the broker accepts no wildcards"
        : shared && mqtt.noLocal
        ? "{ noLocal } is not for shared subscriptions"
        : undefined;
      if (reason === undefined) continue;
      const text = `Cannot subscribe to ${broker}/${filter}: ${reason}`;
      throw new FifobusError("no_connection", text);
    }
    const qos = mqtt.qos ?? 0;
    // MQTT 5, section 3.8.3.1: no local, retain as published, retain handling.
    const how = {
      qos,
      nl: mqtt.noLocal ?? false,
      rap: this.#isAsPublished,
      rh: (retained === true ? mqtt.retainHandling : retained ? 0 : 2) ?? 0,
    };
    const wanted = withoutCovered(filters);
    if (limits.identifiers && haveOverlap(wanted)) {
      this.#identifiers = identify(wanted);
    }
    const ask = async (filters: string[], identifier?: number) => {
      const properties = { subscriptionIdentifier: identifier! };
      await client.subscribeAsync(filters, {
        ...how,
        ...identifier !== undefined && { properties },
      }).catch((error) => {
        throw refusal(error, broker, filters);
      });
    };
    const subscribed = this.#identifiers
      ? Array.from(
        this.#identifiers,
        ([filter, identifier]) => ask([filter], identifier),
      )
      : [ask(wanted)];
    // If the broker refuses the marker, the quiet alone has to do.
    const marked = retained === "only" &&
      client.subscribeAsync(this.#marker, { qos }).catch(() => {});
    try {
      await Promise.all([...subscribed, marked]);
    } catch (error) {
      // It was lost before the broker answered; the next one subscribes again.
      if (!(error instanceof FifobusError) && !client.connected) return;
      throw error;
    }
    this.#isSubscribed = true;
    this.#ready.resolve();
    if (retained !== "only") return;
    this.#quietMs ??= UNMARKED_QUIET_MS;
    this.#awaitQuiet();
    client.publishAsync(this.#marker, "", { qos }).catch(() => {});
  }

  #take(packet: IPublishPacket, done: Done): void {
    const { retained, origin } = this.#options;
    const { topic, retain, properties } = packet;
    const payload = new Uint8Array(packet.payload as Uint8Array);
    if (topic === this.#marker) {
      this.#quietMs = QUIET_MS;
      this.#awaitQuiet();
    }
    if (this.#isPersistent && this.#queue.isEnded) return done(NOT_NOW);
    const isUnwanted = this.#queue.isEnded ||
      (retained === "only"
        ? !retain
        : !retained && retain && !this.#isAsPublished) ||
      this.#isCopy(packet) ||
      origin !== undefined && originsOf(packet)?.includes(origin);
    if (isUnwanted) return done();
    const message = new WireMessage(topic, payload, 0, payload.length, retain);
    this.#queue.add(
      message.with({ ...fromPacket(packet), ...this.#request(properties) }),
    );
    this.#awaitQuiet();
    const isHeld = this.#isPersistent || this.#queue.isFull;
    if (!isHeld || this.#queue.isEnded) return done();
    this.#held.push(done);
    this.#ready.resolve();
    this.#ping();
  }

  /** With last values only, it would make others look like them. */
  get #isAsPublished(): boolean {
    const { retained, mqtt } = this.#options;
    return Boolean(mqtt.retainAsPublished) && retained !== "only";
  }

  /**
   * Tells whether the same message comes for another filter as well: it is taken
   * for the first one that it matches.
   */
  #isCopy({ topic, properties }: IPublishPacket): boolean {
    const identifiers = this.#identifiers;
    const came = [properties?.subscriptionIdentifier ?? []].flat();
    if (!identifiers || came.length === 0) return false;
    for (const [filter, identifier] of identifiers) {
      if (!matchesTopic(filter, topic)) continue;
      if (came.includes(identifier)) return false;
      // One for an earlier run's filters may be the only one.
      const own = new Set(identifiers.values());
      return came.every((it) => own.has(it));
    }
    return false;
  }

  #request(properties: IPublishPacket["properties"]) {
    const replyTo = properties?.responseTopic;
    if (replyTo === undefined) return undefined;
    const correlationData = properties?.correlationData;
    const answer: SendAnswer = async (topic, answer) => {
      if (this.#queue.isEnded) {
        throw new FifobusError(
          "closed",
          `Cannot publish to "${topic}": the subscriber is closed`,
        );
      }
      checkTopicName(topic);
      await this.#connection!.client.publishAsync(topic, Buffer.from(answer), {
        qos: this.#options.mqtt.qos ?? 0,
        ...correlationData && { properties: { correlationData } },
      });
    };
    return { replyTo, answer };
  }

  #end(failure?: FifobusError): void {
    clearTimeout(this.#quiet);
    clearInterval(this.#pinging);
    this.#queue.end(failure);
    const error = this.#isPersistent ? NOT_NOW : undefined;
    for (const done of this.#held.splice(0)) done(error);
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/** Says which filter the broker has refused, and why, if it has. */
function refusal(error: unknown, broker: string, filters: string[]): unknown {
  const { packet } = error as { packet?: { granted: number[] } };
  const granted = packet?.granted ?? [];
  const at = granted.findIndex((code) => code >= 128);
  if (at < 0) return error;
  const code = granted[at]!;
  const reason = code === NO_REASON ? "" : `: ${reasonFor(code)}`;
  return new FifobusError(
    code === NO_REASON || isUnauthorized(code)
      ? "not_authorized"
      : "no_connection",
    `Cannot subscribe to ${broker}/${
      filters[at]
    }: the broker refuses it${reason}`,
  );
}
