/**
 * Publishing to an MQTT broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { MqttAddress } from "../address.ts";
import { FifobusError, type FifobusErrorCode } from "../errors.ts";
import type { Keyed, Outlet, Sending } from "../outlet.ts";
import { type Limit, Window } from "../queues/window.ts";
import { checkTopicName } from "../topic.ts";
import { connect, type Connection, disconnect } from "./connection.ts";
import { reasonFor } from "./codes.ts";
import type { MqttOutletOptions } from "./module.ts";
import type { Qos } from "./options.ts";
import { ORIGIN } from "./origin.ts";
import { textBytes, toPacket } from "./properties.ts";

/**
 * A message is given up if the connection has ended this many times, while it was
 * the first of those not acknowledged, and nothing was acknowledged in between:
 * the broker does not take it.
 */
const MAX_ENDS = 3;

/** A message on its way. */
interface InFlight {
  qos: Qos;
  /** Its identifier, once it was sent; 0 at QoS 0. */
  id: number;
  /** Fails the message. */
  fail(error: Error): void;
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
  readonly #sending = new Set<Promise<void>>();
  /** Ids of messages in flight that nobody subscribes to. */
  readonly #unheard = new Set<number>();
  readonly #window = new Window(() => this.#limit);
  /** In the order in which they were sent. */
  readonly #inFlight = new Set<InFlight>();
  /** The same, by their payloads. */
  readonly #byPayload = new WeakMap<object, InFlight>();
  /** The message that may have ended the connection, and how often it has. */
  #suspect: InFlight | undefined;
  #ends = 0;
  /** Whether the broker has accepted the connection that may close next. */
  #isAccepted = true;
  /** Why the broker has ended the connection for good. */
  #failure: FifobusError | undefined;

  private constructor(
    { broker }: MqttAddress,
    connection: Connection,
    options: MqttOutletOptions,
  ) {
    this.#broker = broker;
    this.#connection = connection;
    this.#options = options;
    options.signal?.addEventListener("abort", this.#abort);
    connection.client.on("close", this.#onClose);
    connection.ended.then((failure) => {
      this.#failure = failure;
      for (const message of [...this.#inFlight]) message.fail(failure);
      this.#window.abort(failure);
    });
    connection.client.on("packetsend", (packet) => {
      if (packet.cmd !== "publish") return;
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

  unpark(): void {}

  check(topic: string | undefined, { replyTo, properties }: Sending): void {
    if (topic !== undefined) checkTopicName(topic);
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
    if (how.single) return await this.#sendTracked(topic, messages, how);
    const end = this.#options.delimiter.charCodeAt(0);
    const sent: Promise<undefined>[] = [];
    for (let start = 0; start < messages.length;) {
      const stop = messages.indexOf(end, start);
      sent.push(this.#sendTracked(topic, messages.subarray(start, stop), how));
      start = stop + 1;
    }
    await Promise.all(sent);
    return undefined;
  }

  async sendKeyed({ records, topics }: Keyed): Promise<undefined[]> {
    const how = { single: true, retain: false, replyTo: undefined };
    return await Promise.all(
      records.map((record, i) =>
        this.#sendTracked(topics[i]!, record.untagged()!.bytes, how)
      ),
    );
  }

  #sendTracked(
    topic: string,
    message: Uint8Array<ArrayBuffer>,
    how: Sending,
  ): Promise<undefined> {
    const sent = this.#sendInTurn(topic, message, how).then(() => undefined);
    const kept = sent.catch(() => {}).finally(() => this.#sending.delete(kept));
    this.#sending.add(kept);
    return sent;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sending);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    if (this.#failure) return;
    await disconnect(
      this.#connection,
      this.#options.mqtt.persistent ?? false,
    );
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
      message.fail(new Error("the connection broke while it was sent"));
      this.#inFlight.delete(message);
    }
    const [first] = this.#inFlight;
    if (first !== this.#suspect) this.#ends = 0;
    this.#suspect = first;
    if (!first || ++this.#ends < MAX_ENDS) return;
    first.fail(
      new Error(`the broker ended the connection ${MAX_ENDS} times at it`),
    );
    this.#connection.client.removeOutgoingMessage(first.id);
  };

  #abort = (): void => this.#window.abort(this.#options.signal!.reason);

  /**
   * The receive maximum does not apply to QoS 0: the broker does not count it.
   */
  get #limit(): Limit {
    const { messages, bytes } = LIMIT;
    if (!this.#options.mqtt.qos) return LIMIT;
    const { receiveMaximum } = this.#connection.limits;
    return { messages: Math.min(messages, receiveMaximum), bytes };
  }

  async #sendInTurn(
    topic: string,
    message: Uint8Array<ArrayBuffer>,
    how: Sending,
  ): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    if (this.#failure) throw this.#failure;
    await this.#window.enter(message.length);
    try {
      signal?.throwIfAborted();
      if (this.#failure) throw this.#failure;
      await this.#sendOne(topic, message, how);
    } finally {
      this.#window.leave(message.length);
    }
  }

  async #sendOne(
    topic: string,
    message: Uint8Array<ArrayBuffer>,
    { retain, replyTo, properties }: Sending,
  ): Promise<void> {
    const { client, isMqtt5 } = this.#connection;
    const { origin, mqtt, signal } = this.#options;
    const what = replyTo !== undefined
      ? "requests"
      : properties && "properties of messages";
    if (what && !isMqtt5) {
      const text = `${what} need MQTT 5, this connection has MQTT 3.1.1`;
      throw this.#refused(text, topic);
    }
    const own = properties ? toPacket(properties) : {};
    // Only an acknowledgement says whether anybody is there to answer.
    const qos = replyTo === undefined ? mqtt.qos ?? 0 : mqtt.qos || 1;
    const bytes = message.length + (properties ? textBytes(own) : 0);
    this.#check(topic, bytes, qos, retain);
    const failed = Promise.withResolvers<never>();
    const inFlight: InFlight = { qos, id: 0, fail: failed.reject };
    const onAbort = () => {
      failed.reject(signal!.reason);
      // Otherwise the connection would not end before it is acknowledged.
      client.removeOutgoingMessage(inFlight.id);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const payload = asBuffer(message);
    this.#inFlight.add(inFlight);
    this.#byPayload.set(payload, inFlight);
    const sent = client.publishAsync(topic, payload, {
      qos,
      retain,
      ...isMqtt5 && {
        properties: {
          ...own,
          ...replyTo !== undefined && {
            responseTopic: replyTo,
            correlationData: Buffer.from(replyTo),
          },
          ...origin !== undefined && {
            userProperties: { ...own.userProperties, [ORIGIN]: origin },
          },
        },
      },
    });
    try {
      const packet = await Promise.race([sent, failed.promise]);
      // The broker takes messages: none of them ends the connection.
      this.#suspect = undefined;
      const isUnheard = this.#unheard.delete(packet?.messageId ?? 0);
      if (isUnheard && replyTo !== undefined) {
        throw new FifobusError(
          "no_reader",
          `Cannot ask ${this.#broker}/${topic}: nobody subscribes to it`,
        );
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FifobusError) throw error;
      const { code, message } = error as { code?: number; message: string };
      if (code === undefined) throw this.#refused(message, topic);
      const [kind, reason] = REFUSALS[code] ??
        ["no_connection", `the broker says: ${reasonFor(code)}`];
      throw this.#refused(reason, topic, kind);
    } finally {
      this.#inFlight.delete(inFlight);
      signal?.removeEventListener("abort", onAbort);
      sent.catch(() => {});
    }
  }

  /** Refuses a message that the broker would end the connection for. */
  #check(
    topic: string,
    length: number,
    qos: Qos,
    retain: boolean,
  ): void {
    const { limits } = this.#connection;
    if (qos > limits.qos) {
      const text = `QoS ${qos}, the broker takes ${limits.qos} at most`;
      throw this.#refused(text, topic);
    }
    if (retain && !limits.retain) {
      throw this.#refused("the broker keeps no last values", topic);
    }
    // The broker counts the headers as well, which takes time to do exactly.
    const bytes = Buffer.byteLength(topic) + length;
    if (bytes <= limits.packetBytes) return;
    const text = `it is ${length} bytes, the broker takes packets of ` +
      `${limits.packetBytes}`;
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

/** The same bytes as a Buffer, for MQTT.js. */
function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
