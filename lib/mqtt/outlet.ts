/**
 * Publishing to an MQTT broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { MqttAddress } from "../address.ts";
import { FifobusError } from "../errors.ts";
import type { Outlet, Sending } from "../outlet.ts";
import { type Limit, Window } from "../queues/window.ts";
import { checkTopicName } from "../topic.ts";
import { connect, type Connection, disconnect } from "./connection.ts";
import type { MqttOutletOptions } from "./module.ts";
import { ORIGIN } from "./origin.ts";

/** How much may be in flight to the broker, if the broker allows that much. */
const LIMIT = { messages: 1000, bytes: 1024 * 1024 };

/** The reason code for: no matching subscribers, MQTT 5, section 3.4.2.1. */
const NO_SUBSCRIBER = 16;

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

  private constructor(
    { broker }: MqttAddress,
    connection: Connection,
    options: MqttOutletOptions,
  ) {
    this.#broker = broker;
    this.#connection = connection;
    this.#options = options;
    options.signal?.addEventListener("abort", this.#abort);
    connection.client.on("packetreceive", (packet) => {
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

  check(topic: string | undefined, { replyTo }: Sending): void {
    if (topic !== undefined) checkTopicName(topic);
    if (replyTo !== undefined) checkTopicName(replyTo);
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
    await disconnect(
      this.#connection,
      this.#options.mqtt.persistent ?? false,
    );
  }

  #abort = (): void => this.#window.abort(this.#options.signal!.reason);

  /**
   * The receive maximum does not apply to QoS 0: the broker does not count it.
   */
  get #limit(): Limit {
    const { messages, bytes } = LIMIT;
    if (!this.#options.mqtt.qos) return LIMIT;
    const { receiveMaximum } = this.#connection;
    return { messages: Math.min(messages, receiveMaximum), bytes };
  }

  async #sendInTurn(
    topic: string,
    message: Uint8Array<ArrayBuffer>,
    how: Sending,
  ): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    await this.#window.enter(message.length);
    try {
      signal?.throwIfAborted();
      await this.#sendOne(topic, message, how);
    } finally {
      this.#window.leave(message.length);
    }
  }

  async #sendOne(
    topic: string,
    message: Uint8Array<ArrayBuffer>,
    { retain, replyTo }: Sending,
  ): Promise<void> {
    const { client, isMqtt5 } = this.#connection;
    const { origin, mqtt, signal } = this.#options;
    if (replyTo !== undefined && !isMqtt5) {
      throw this.#refused(
        "requests need MQTT 5, which the broker does not speak",
      );
    }
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    // Only an acknowledgement says whether anybody is there to answer.
    const qos = replyTo === undefined ? mqtt.qos ?? 0 : mqtt.qos || 1;
    const sent = client.publishAsync(topic, asBuffer(message), {
      qos,
      retain,
      ...isMqtt5 && {
        properties: {
          ...replyTo !== undefined && {
            responseTopic: replyTo,
            correlationData: Buffer.from(replyTo),
          },
          ...origin !== undefined && { userProperties: { [ORIGIN]: origin } },
        },
      },
    });
    try {
      const packet = await Promise.race([sent, aborted.promise]);
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
      const { code } = error as { code?: number };
      throw this.#refused(
        code === 135
          ? "not authorised to publish there"
          : (error as Error).message,
        code === 135 ? "not_authorized" : "no_connection",
        topic,
      );
    } finally {
      signal?.removeEventListener("abort", onAbort);
      sent.catch(() => {});
    }
  }

  #refused(
    reason: string,
    code: "not_authorized" | "no_connection" = "no_connection",
    topic = "",
  ): FifobusError {
    const where = `${this.#broker}/${topic}`;
    return new FifobusError(code, `Cannot publish to ${where}: ${reason}`);
  }
}

/** The same bytes as a Buffer, for MQTT.js. */
function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
