/**
 * Subscribing at an MQTT broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { IPublishPacket } from "npm:mqtt@5.15.0";
import type { MqttAddress } from "../address.ts";
import { FifobusError } from "../errors.ts";
import { tooLarge } from "../framing.ts";
import { Message } from "../message.ts";
import { checkTopicName } from "../topic.ts";
import {
  connect,
  type Connection,
  type ConnectOptions,
  disconnect,
} from "./connection.ts";
import { ORIGIN } from "./origin.ts";

/** How much waits for the Subscriber before the broker is held up. */
const HIGH_WATER_MARK = { messages: 1000, bytes: 1024 * 1024 };

/** How to subscribe at a broker. */
export interface MqttSourceOptions extends ConnectOptions {
  /** The longest message in bytes. */
  maxBytes: number;
  /** Whether to start with the last values; nothing else is taken if "only". */
  retained: boolean | "only";
  /** What is marked with it is not taken. */
  origin: string | undefined;
}

/** The messages of a broker. */
export class MqttSource {
  readonly #options: MqttSourceOptions;
  #connection: Connection | undefined;
  #queue: Message[] = [];
  #queuedBytes = 0;
  #held: (() => void)[] = [];
  #changed = Promise.withResolvers<void>();
  #error: unknown;
  #ended = false;
  /** Comes behind all last values, if nothing else is wanted. */
  readonly #marker = `fifobus/${crypto.randomUUID()}`;

  private constructor(options: MqttSourceOptions) {
    this.#options = options;
  }

  /** Connects to a broker, and subscribes. */
  static async open(
    address: MqttAddress,
    filters: string[],
    options: MqttSourceOptions,
  ): Promise<MqttSource> {
    const source = new MqttSource(options);
    const connection = await connect(address, {
      ...options,
      onMessage: (packet, done) => source.#take(packet, done),
    });
    source.#connection = connection;
    try {
      await source.#subscribe(connection, address, filters);
    } catch (error) {
      await source.close();
      throw error;
    }
    return source;
  }

  /** Waits for messages. */
  async next(): Promise<Message[] | undefined> {
    while (this.#queue.length === 0) {
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await this.#changed.promise;
    }
    const messages = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const done of this.#held.splice(0)) done();
    return messages;
  }

  /** Ends the connection; what has arrived can still be read. */
  async close(): Promise<void> {
    this.#end();
    const { persistent = false } = this.#options.mqtt;
    if (this.#connection) await disconnect(this.#connection, persistent);
  }

  async #subscribe(
    { client }: Connection,
    { broker }: MqttAddress,
    filters: string[],
  ): Promise<void> {
    const { retained, mqtt } = this.#options;
    const qos = mqtt.qos ?? 0;
    const wanted = retained === "only" ? [...filters, this.#marker] : filters;
    // rh, retain handling: MQTT 5, section 3.8.3.1; 2 asks for no last values.
    const how = { qos, rh: retained ? 0 : 2 };
    const granted = await client.subscribeAsync(
      Object.fromEntries(wanted.map((filter) => [filter, how])),
    );
    const refused = granted.find(({ qos }) => qos >= 128);
    if (refused) {
      throw new FifobusError(
        "not_authorized",
        `Cannot subscribe to ${broker}/${refused.topic}: the broker refuses it`,
      );
    }
    if (retained === "only") {
      await client.publishAsync(this.#marker, "", { qos });
    }
  }

  #take(packet: IPublishPacket, done: () => void): void {
    const { retained, maxBytes, origin } = this.#options;
    const { topic, retain, properties } = packet;
    const payload = new Uint8Array(packet.payload as Uint8Array);
    if (topic === this.#marker) this.#end();
    const isUnwanted = this.#ended ||
      (retained === "only" ? !retain : !retained && retain) ||
      origin !== undefined && properties?.userProperties?.[ORIGIN] === origin;
    if (isUnwanted) return done();
    if (payload.length > maxBytes) {
      const text = tooLarge(`is ${payload.length}`, maxBytes);
      this.#end(
        new FifobusError(
          "message_too_large",
          `Cannot read a message of ${topic}: ${text}`,
        ),
      );
      return done();
    }
    const message = new Message(topic, payload, 0, payload.length, retain);
    this.#queue.push(this.#answerable(message, properties));
    this.#queuedBytes += payload.length;
    this.#notify();
    const isFull = this.#queue.length >= HIGH_WATER_MARK.messages ||
      this.#queuedBytes >= HIGH_WATER_MARK.bytes;
    if (isFull) this.#held.push(done);
    else done();
  }

  #answerable(
    message: Message,
    properties: IPublishPacket["properties"],
  ): Message {
    const replyTo = properties?.responseTopic;
    if (replyTo === undefined) return message;
    const correlationData = properties?.correlationData;
    return message.withReply(replyTo, async (topic, answer) => {
      if (this.#ended) {
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
    });
  }

  #end(error?: unknown): void {
    this.#ended = true;
    this.#error ??= error;
    for (const done of this.#held.splice(0)) done();
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
