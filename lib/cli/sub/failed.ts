/**
 * Keeps the messages whose commands failed for good: `sub --exec --failed`.
 *
 * @module
 */
import { parseAddress, shownAddress } from "../../address.ts";
import { FifobusError } from "../../errors.ts";
import { leaveMessage } from "../../fifo/queue_reader.ts";
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { besides } from "../../mqtt/besides.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import { Publisher } from "../../publisher.ts";
import type { Delimiter } from "../../wire/framing.ts";
import { tellingOfLoss } from "../mqtt.ts";

/** How long a message waits for space in a full FIFO. */
const FULL_MS = 1000;

/** How to publish them. */
export interface FailedOptions {
  /** What ends a message. */
  delimiter: Delimiter;
  /** How the subscriber connects to a broker. */
  mqtt: MqttOptions | undefined;
  /** What to add to the client id of the subscriber. */
  suffix: string;
  /** Tells what went wrong. */
  say(text: string): void;
}

/** Publishes messages to another address. */
export class FailedMessages {
  /** The address, as reports show it. */
  readonly #address: string;
  /** The path, if the address is a FIFO. */
  readonly #path: string | undefined;
  readonly #delimiter: Delimiter;
  readonly #publisher: Publisher;

  private constructor(
    address: string,
    path: string | undefined,
    delimiter: Delimiter,
    publisher: Publisher,
  ) {
    this.#address = address;
    this.#path = path;
    this.#delimiter = delimiter;
    this.#publisher = publisher;
  }

  /**
   * Opens the address.
   *
   * @param address A FIFO, a topic, or a topic of a broker.
   * @param options What ends a message, how to connect to a broker, and where to
   * tell of a lost connection.
   * @returns The address, open for messages.
   */
  static async open(
    address: string,
    { delimiter, mqtt, suffix, say }: FailedOptions,
  ): Promise<FailedMessages> {
    const to = parseAddress(address);
    const path = to.kind === "fifo" ? to.path : undefined;
    const publisher = await Publisher.open(address, {
      // A worker does not wait for a reader of its failed messages.
      ...path !== undefined && { wait: false, timeoutMs: FULL_MS },
      delimiter,
      maxBytes: Infinity,
      mqtt: mqtt && tellingOfLoss(besides(mqtt, suffix), say),
    });
    return new FailedMessages(shownAddress(to), path, delimiter, publisher);
  }

  /**
   * Publishes a message. If nobody reads the FIFO, the message waits in the
   * queue file for the next reader.
   *
   * @param message The message.
   * @returns What happened to the message, in words.
   */
  async add(message: Pick<Message, "bytes">): Promise<string> {
    try {
      if (await this.#publisher.publish(message.bytes) === 0) {
        return `the message is lost, as nobody subscribes to ${this.#address}`;
      }
    } catch (error) {
      const code = error instanceof FifobusError ? error.code : undefined;
      const isUnread = code === "no_reader" || code === "timed_out";
      if (!isUnread || this.#path === undefined) throw error;
      const { bytes } = message;
      await leaveMessage(bytes, this.#path, this.#delimiter, async () => {
        const { DEFAULT_BUS_MODE, openBus } = await load<
          typeof import("../../bus/folder.ts")
        >(import.meta.resolve("../../bus/folder.ts"));
        await openBus(DEFAULT_BUS_MODE);
      });
    }
    return `the message is in ${this.#address}`;
  }

  /** Closes the address. */
  async close(): Promise<void> {
    await this.#publisher.close();
  }
}
