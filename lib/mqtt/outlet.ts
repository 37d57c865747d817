/**
 * Publishing to an MQTT broker.
 *
 * @module
 */
// This import comes first, as in connection.ts.
import "./environment.ts";
import { Buffer } from "node:buffer";
import type { IPublishPacket } from "npm:mqtt-packet@9.0.2";
import type { MqttAddress } from "../address.ts";
import {
  FifobusError,
  type FifobusErrorCode,
  MAX_TIMER_MS,
} from "../errors.ts";
import type { Keyed, Outlet, Sending } from "../outlet.ts";
import { type Limit, Window } from "../queues/window.ts";
import { checkTopicName, hasControl } from "../topic.ts";
import {
  connect,
  type Connection,
  disconnect,
  GOODBYE_MS,
} from "./connection.ts";
import { reasonFor } from "./codes.ts";
import type { MqttOutletOptions } from "./module.ts";
import type { Qos } from "./options.ts";
import { ORIGIN } from "./origin.ts";
import { PacketHeads } from "./packet_heads.ts";
import { textBytes, toPacket } from "./properties.ts";

/**
 * A message is given up if the connection has ended this many times, while it was
 * the first of those not acknowledged, and nothing was acknowledged in between:
 * the broker does not take it.
 */
const MAX_ENDS = 3;

/** What a packet has beside its message. */
type Properties = NonNullable<IPublishPacket["properties"]>;

/** Takes the end of a message: without an error, it has arrived. */
type Done = (error?: unknown) => void;

/** A message on its way. */
interface InFlight {
  topic: string;
  qos: Qos;
  /** Its identifier, once it was sent; 0 at QoS 0. */
  id: number;
  /** Ends it; all calls but the first do nothing. */
  end: Done;
  /** Ends it if the broker does not answer. */
  timer?: ReturnType<typeof setTimeout>;
}

/** Messages that were handed over together. */
class Batch {
  /** Settles when all have arrived, or one has failed. */
  readonly arrived: Promise<undefined>;
  /** Settles when none of them is on its way. */
  readonly ended: Promise<void>;
  readonly #arrived = Promise.withResolvers<undefined>();
  readonly #ended = Promise.withResolvers<void>();
  #left: number;

  constructor(messages: number) {
    this.arrived = this.#arrived.promise;
    this.ended = this.#ended.promise;
    this.#left = messages;
  }

  readonly end: Done = (error) => {
    if (error !== undefined) this.#arrived.reject(error);
    if (--this.#left > 0) return;
    this.#arrived.resolve(undefined);
    this.#ended.resolve();
  };
}

/** How much may be in flight to the broker, if the broker allows that much. */
const LIMIT = { messages: 1000, bytes: 1024 * 1024 };

/** The reason code for: no matching subscribers, MQTT 5, section 3.4.2.1. */
const NO_SUBSCRIBER = 16;

/** Reason codes that have an error of their own. */
const REFUSALS: Record<number, [FifobusErrorCode, string]> = {
  135: ["not_authorized", "not authorised to publish there"],
  149: ["message_too_large", "the broker says that it is too large"],
};

/** A publisher's outlet to a broker. */
export class MqttOutlet implements Outlet {
  readonly isFramed = false;
  /** Nobody reads from a broker itself. */
  readonly isUnread = false;
  readonly #connection: Connection;
  readonly #options: MqttOutletOptions;
  readonly #broker: string;
  readonly #batches = new Set<Batch>();
  /** Ids of messages in flight that nobody subscribes to. */
  readonly #unheard = new Set<number>();
  readonly #window = new Window(() => this.#limit);
  /** In the order in which they were sent. */
  readonly #inFlight = new Set<InFlight>();
  /** The same, by their payloads; those of QoS 1 and 2. */
  readonly #byPayload = new WeakMap<object, InFlight>();
  readonly #heads: PacketHeads;
  /** Those that MQTT.js has, which may send them later, or again. */
  readonly #handedOver = new Set<InFlight>();
  /** The message that may have ended the connection, and how often it has. */
  #suspect: InFlight | undefined;
  #ends = 0;
  /**
   * Whether the broker may accept control characters in topics. Few do, the
   * others end the connection: MQTT 5, section 1.5.4.
   */
  #takesControls = true;
  /** The last message of QoS 0, and the stream that it was written to. */
  #unproven: { topic: string; stream: unknown } | undefined;
  /** Whether the broker has accepted the connection that may close next. */
  #isAccepted = true;
  /** Why the broker has ended the connection for good. */
  failure: FifobusError | undefined;

  private constructor(
    { broker }: MqttAddress,
    connection: Connection,
    options: MqttOutletOptions,
  ) {
    this.#broker = broker;
    this.#connection = connection;
    this.#heads = new PacketHeads(connection.isMqtt5 ? 5 : 4);
    this.#options = options;
    options.signal?.addEventListener("abort", this.#abort);
    connection.client.on("close", this.#onClose);
    connection.ended.then((failure) => {
      this.failure = failure;
      this.#giveUp(failure);
    });
    connection.client.on("packetsend", (packet) => {
      if (packet.cmd !== "publish" || packet.qos === 0) return;
      const message = this.#byPayload.get(packet.payload as Buffer);
      if (message) message.id = packet.messageId ?? 0;
    });
    connection.client.on("packetreceive", (packet) => {
      if (packet.cmd === "connack") this.#isAccepted = true;
      if (packet.cmd !== "puback" && packet.cmd !== "pubrec") return;
      if (packet.reasonCode === NO_SUBSCRIBER) {
        this.#unheard.add(packet.messageId!);
      }
    });
  }

  /** Connects to the broker. */
  static async open(
    address: MqttAddress,
    options: MqttOutletOptions,
  ): Promise<MqttOutlet> {
    // The address may have no topic; then each message has its own.
    if (address.topic !== "") checkTopicName(address.topic);
    return new MqttOutlet(address, await connect(address, options), options);
  }

  get bufferedBytes(): number {
    return this.#window.bytes;
  }

  get isUnmarked(): boolean {
    return !this.#connection.isMqtt5;
  }

  unpark(): void {}

  check(topic: string | undefined, { replyTo, properties }: Sending): void {
    // A bridge passes on what another broker has accepted.
    const { origin } = this.#options;
    const isLax = origin !== undefined && this.#takesControls;
    if (topic !== undefined) checkTopicName(topic, isLax);
    if (replyTo !== undefined) checkTopicName(replyTo);
    if (properties) toPacket(properties);
  }

  /** Only the broker knows how many subscribers there are. */
  subscribers(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async send(
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    how: Sending,
  ): Promise<undefined> {
    const all = how.single ? [messages] : this.#split(messages);
    return await this.#sendAll(all, () => topic, how);
  }

  async sendKeyed({ records, topics }: Keyed): Promise<undefined[]> {
    const how = { single: true, retain: false, replyTo: undefined };
    const messages = records.map((record) => record.untagged()!.bytes);
    await this.#sendAll(messages, (i) => topics[i]!, how);
    return records.map(() => undefined);
  }

  #split(messages: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
    const end = this.#options.delimiter.charCodeAt(0);
    const all: Uint8Array<ArrayBuffer>[] = [];
    for (let start = 0; start < messages.length;) {
      const stop = messages.indexOf(end, start);
      all.push(messages.subarray(start, stop));
      start = stop + 1;
    }
    return all;
  }

  #sendAll(
    messages: Uint8Array<ArrayBuffer>[],
    topicOf: (index: number) => string,
    how: Sending,
  ): Promise<undefined> {
    if (messages.length === 0) return Promise.resolve(undefined);
    const properties = this.#propertiesOf(how);
    const batch = new Batch(messages.length);
    this.#batches.add(batch);
    batch.ended.then(() => this.#batches.delete(batch));
    const since = performance.now();
    messages.forEach((message, i) => {
      const { signal } = this.#options;
      if (signal?.aborted) return batch.end(signal.reason);
      if (this.failure) return batch.end(this.failure);
      this.#window.enter({
        bytes: message.length,
        admitted: () => {
          const left = afterWait(how, since);
          if (left) {
            const own = left === how ? properties : this.#propertiesOf(left);
            return this.#start(topicOf(i), message, left, own, batch.end);
          }
          this.#window.leave(message.length);
          batch.end();
        },
        aborted: batch.end,
      });
    });
    return batch.arrived;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#batches].map(({ ended }) => ended));
    this.#options.signal?.removeEventListener("abort", this.#abort);
    if (this.failure) return;
    const refused = await this.#findRefused();
    await disconnect(
      this.#connection,
      this.#options.mqtt.persistent ?? false,
    );
    if (refused === undefined) return;
    const text = "the connection ended when it had just been sent";
    throw this.#refused(text, refused);
  }

  /**
   * Returns the topic of the last message of QoS 0 if the broker has ended the
   * connection at it. A broker handles packets in order, and answers a ping that
   * comes behind the message.
   */
  async #findRefused(): Promise<string | undefined> {
    const { client } = this.#connection;
    if (!this.#unproven || this.#options.signal?.aborted) return undefined;
    const { topic, stream } = this.#unproven;
    if (!client.connected || client.stream !== stream) return topic;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const onClose = () => resolve(topic);
    const onPacket = ({ cmd }: { cmd?: string }) => {
      if (cmd === "pingresp") resolve(undefined);
    };
    client.on("close", onClose).on("packetreceive", onPacket);
    const timer = setTimeout(() => resolve(undefined), GOODBYE_MS);
    client.sendPing();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      client.off("close", onClose).off("packetreceive", onPacket);
    }
  }

  /**
   * Fails what the connection took with it, and the message that the broker does
   * not take: MQTT.js would send it again for ever.
   */
  #onClose = (): void => {
    if (!this.#isAccepted) return;
    this.#isAccepted = false;
    for (const message of [...this.#inFlight]) {
      if (message.qos > 0) continue;
      // MQTT.js does not say what became of it, and sends it no more.
      message.end(brokenConnection());
    }
    const [first] = this.#inFlight;
    if (first !== this.#suspect) this.#ends = 0;
    this.#suspect = first;
    if (!first || ++this.#ends < MAX_ENDS) return;
    const isBad = hasControl(first.topic);
    if (isBad) this.#takesControls = false;
    for (const it of isBad ? [...this.#inFlight] : [first]) {
      if (isBad && !hasControl(it.topic)) continue;
      it.end(
        new Error(`the broker ended the connection ${MAX_ENDS} times at it`),
      );
      this.#connection.client.removeOutgoingMessage(it.id);
    }
  };

  #abort = (): void => this.#giveUp(this.#options.signal!.reason);

  #giveUp(reason: unknown): void {
    // First: each that ends below makes room for one that waits.
    this.#window.abort(reason);
    for (const message of [...this.#inFlight]) {
      message.end(reason);
      // Otherwise the connection would not end before it is acknowledged.
      this.#connection.client.removeOutgoingMessage(message.id);
    }
  }

  /**
   * The receive maximum does not apply to QoS 0: the broker does not count it.
   */
  get #limit(): Limit {
    const { messages, bytes } = LIMIT;
    if (!this.#options.mqtt.qos) return LIMIT;
    const { receiveMaximum } = this.#connection.limits;
    return { messages: Math.min(messages, receiveMaximum), bytes };
  }

  /** Sends a message for which there is room. */
  #start(
    topic: string,
    message: Uint8Array<ArrayBuffer>,
    how: Sending,
    properties: Properties,
    done: Done,
  ): void {
    const { mqtt } = this.#options;
    // Only an acknowledgement says whether anybody is there to answer.
    const qos = how.replyTo === undefined ? mqtt.qos ?? 0 : mqtt.qos || 1;
    const inFlight: InFlight = {
      topic,
      qos,
      id: 0,
      end: (error) => {
        if (!this.#inFlight.delete(inFlight)) return;
        this.#handedOver.delete(inFlight);
        clearTimeout(inFlight.timer);
        this.#window.leave(message.length);
        if (qos === 0 && error === undefined) {
          this.#unproven = { topic, stream: this.#connection.client.stream };
        }
        done(error === undefined ? error : this.#explain(error, topic));
      },
    };
    this.#inFlight.add(inFlight);
    try {
      const extra = how.properties ?? how.origins ? textBytes(properties) : 0;
      this.#check(topic, message.length + extra, how, qos);
    } catch (error) {
      return inFlight.end(error);
    }
    const packet: IPublishPacket = {
      cmd: "publish",
      topic,
      payload: asBuffer(message),
      qos,
      retain: how.retain,
      dup: false,
      ...this.#connection.isMqtt5 && { properties },
    };
    const { client } = this.#connection;
    const isDirect = qos === 0 && client.connected &&
      this.#handedOver.size === 0;
    if (isDirect) this.#write(packet, inFlight.end);
    else this.#handOver(packet, inFlight, how);
  }

  /**
   * Writes a message of QoS 0: MQTT.js takes several times as long, since it
   * makes five writes of each.
   */
  #write(packet: IPublishPacket, end: Done): void {
    const { stream } = this.#connection.client;
    const payload = packet.payload as Buffer;
    stream.write(this.#heads.of(packet, payload.length));
    stream.write(payload, (error) => {
      // What the system calls it says less.
      end(error ? brokenConnection() : undefined);
    });
  }

  /** Lets MQTT.js send a message, again if need be. */
  #handOver(
    packet: IPublishPacket,
    inFlight: InFlight,
    { replyTo }: Sending,
  ): void {
    const { topic, payload, qos, retain, properties } = packet;
    this.#byPayload.set(payload as Buffer, inFlight);
    this.#handedOver.add(inFlight);
    this.#limitWait(inFlight, topic);
    const how = { qos, retain, ...properties && { properties } };
    this.#connection.client.publish(topic, payload, how, (error, sent) => {
      // The broker takes messages: none of them ends the connection.
      if (!error) this.#suspect = undefined;
      const isUnheard = this.#unheard.delete(sent?.messageId ?? 0);
      inFlight.end(
        isUnheard && replyTo !== undefined
          ? new FifobusError(
            "no_reader",
            `Cannot ask ${this.#broker}/${topic}: nobody subscribes to it`,
          )
          : error ?? undefined,
      );
    });
  }

  #limitWait(inFlight: InFlight, topic: string): void {
    const { answerMs = Infinity } = this.#options;
    if (answerMs > MAX_TIMER_MS) return;
    inFlight.timer = setTimeout(() => {
      const text = `no answer of the broker within ${answerMs} ms`;
      inFlight.end(this.#refused(text, topic, "timed_out"));
      this.#connection.client.removeOutgoingMessage(inFlight.id);
    }, answerMs);
  }

  #propertiesOf({ replyTo, origins, properties }: Sending): Properties {
    const { origin } = this.#options;
    const own = properties ? toPacket(properties) : {};
    const marks = origin === undefined || origins?.includes(origin)
      ? origins
      : [...origins ?? [], origin];
    return {
      ...own,
      ...replyTo !== undefined && {
        responseTopic: replyTo,
        correlationData: Buffer.from(replyTo),
      },
      ...marks && {
        userProperties: { ...own.userProperties, [ORIGIN]: [...marks] },
      },
    };
  }

  /** Says what an error of MQTT.js means; a reason to abort stays as it is. */
  #explain(error: unknown, topic: string): unknown {
    const { signal } = this.#options;
    if (signal?.aborted) return signal.reason;
    if (error instanceof FifobusError) return error;
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code !== "number") return this.#refused(message, topic);
    const [kind, reason] = REFUSALS[code] ??
      ["no_connection", `the broker says: ${reasonFor(code)}`];
    return this.#refused(reason, topic, kind);
  }

  /** Refuses a message that the broker would end the connection for. */
  #check(
    topic: string,
    length: number,
    { retain, replyTo, origins, properties }: Sending,
    qos: Qos,
  ): void {
    const { limits, isMqtt5 } = this.#connection;
    const what = replyTo !== undefined
      ? "requests"
      : properties && "properties of messages";
    if (what && !isMqtt5) {
      const text = `${what} need MQTT 5, this connection has MQTT 3.1.1`;
      throw this.#refused(text, topic);
    }
    if (qos > limits.qos) {
      const text = `QoS ${qos}, the broker takes ${limits.qos} at most`;
      throw this.#refused(text, topic);
    }
    if (retain && !limits.retain) {
      throw this.#refused("the broker keeps no last values", topic);
    }
    if (limits.packetBytes === Infinity) return;
    // The broker counts the headers as well, which takes time to do exactly.
    const bytes = Buffer.byteLength(topic) + length;
    if (bytes <= limits.packetBytes) return;
    const size = properties ?? origins
      ? `with its properties it is ${length} bytes`
      : `it is ${length} bytes`;
    const text = `${size}, the broker takes packets of ${limits.packetBytes}`;
    throw this.#refused(text, topic, "message_too_large");
  }

  #refused(
    reason: string,
    topic: string,
    code: FifobusErrorCode = "no_connection",
  ): FifobusError {
    const where = `${this.#broker}/${topic}`;
    return new FifobusError(code, `Cannot publish to ${where}: ${reason}`);
  }
}

/**
 * Takes the time that a message has waited off its expiry; undefined if nothing
 * is left: then it is dropped, as a broker does.
 */
function afterWait(how: Sending, since: number): Sending | undefined {
  const { properties } = how;
  if (properties?.expiryMs === undefined) return how;
  const expiryMs = properties.expiryMs - (performance.now() - since);
  if (expiryMs <= 0) return undefined;
  return { ...how, properties: { ...properties, expiryMs } };
}

/** The same bytes as a Buffer, for MQTT.js. */
function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What ends a message of QoS 0 of which nobody knows whether it arrived. */
function brokenConnection(): Error {
  return new Error("the connection broke while it was sent");
}
