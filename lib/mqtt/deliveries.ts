/**
 * Handing out what a broker delivers, and answering it when it is handled.
 *
 * MQTT.js answers a message of QoS 2 before it hands it out, so it would be lost
 * with the process; and it answers on whatever connection there is, where the
 * identifier may be that of another message.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import mqtt, { type IPublishPacket, type MqttClient } from "npm:mqtt@5.15.0";

/** Ends the handling of a message; with an error it is not acknowledged. */
export type Done = (error?: Error) => void;

/** Takes a message, and calls back when it is handled. */
export type Take = (packet: IPublishPacket, done: Done) => void;

/** A message of QoS 1 or 2 that the broker has not forgotten yet. */
interface Delivery {
  readonly packet: IPublishPacket;
  /** Answers it, if the connection on which it came is still there. */
  answer: Done;
  isHandled: boolean;
}

/** How MQTT.js sends a packet of any kind. */
interface Sender {
  _sendPacket(
    packet: { cmd: string },
    done?: () => void,
    ...more: unknown[]
  ): void;
}

/**
 * What a broker delivers to a client, over all its connections. MQTT.js keeps
 * messages of QoS 2 in a store until PUBREL; this one hands them out instead.
 */
export class Deliveries extends mqtt.Store {
  readonly #take: Take;
  /** By their identifiers. */
  readonly #open = new Map<number, Delivery>();
  #client: MqttClient | undefined;
  #isWithheld = false;

  /**
   * Creates the deliveries of a client, to be its store of incoming messages.
   *
   * @param take Takes each message.
   */
  constructor(take: Take) {
    super();
    this.#take = take;
  }

  /**
   * Takes over the deliveries of a client.
   *
   * @param client The client that has this store.
   */
  attach(client: MqttClient): void {
    this.#client = client;
    client.handleMessage = (packet, done) => {
      if (packet.qos === 0) this.#take(packet, done);
      else this.#deliver(packet, done);
    };
    // What is not handled gets no PUBREC, and MQTT.js goes on all the same.
    const sender = client as unknown as Sender;
    const send = sender._sendPacket.bind(client);
    sender._sendPacket = (packet, done, ...more) => {
      if (this.#isWithheld && packet.cmd === "pubrec") done?.();
      else send(packet, done, ...more);
    };
    client.on("connect", ({ sessionPresent }) => {
      if (!sessionPresent) this.#open.clear();
    });
  }

  /**
   * Hands out a message of QoS 2. To do so before PUBREC is as good as after
   * PUBREL, if it is not handed out again when it comes again: MQTT 5, section
   * 4.3.3.
   *
   * @param packet The message.
   * @param answer Sends PUBREC.
   */
  override put(packet: IPublishPacket, answer: () => void): this {
    this.#deliver(packet, (error) => {
      this.#isWithheld = error !== undefined;
      answer();
      this.#isWithheld = false;
    });
    return this;
  }

  /**
   * Finds nothing, so MQTT.js answers PUBREL and hands out nothing.
   *
   * @param packet The PUBREL: its message is over.
   * @param found Takes the error.
   */
  override get(
    { messageId }: { messageId?: number },
    found: (error?: Error) => void,
  ): this {
    this.#open.delete(messageId!);
    found(new Error("it was handed out before"));
    return this;
  }

  #deliver(packet: IPublishPacket, done: Done): void {
    const { messageId, dup, qos } = packet;
    const client = this.#client!;
    const { stream } = client;
    // MQTT.js would keep it for the next connection.
    const answer = (error?: Error) => {
      if (client.connected && client.stream === stream) done(error);
    };
    const id = messageId!;
    const before = this.#open.get(id);
    // At QoS 1 it may come twice, and must not be taken for another one.
    if (before && dup && qos === 2 && isSame(packet, before.packet)) {
      before.answer = answer;
      if (before.isHandled) answer();
      return;
    }
    const delivery: Delivery = { packet, answer, isHandled: false };
    this.#open.set(id, delivery);
    this.#take(packet, (error) => {
      delivery.isHandled = !error;
      // One of QoS 2 that is handled ends with PUBREL.
      const isOver = error !== undefined || qos === 1;
      if (isOver && this.#open.get(id) === delivery) this.#open.delete(id);
      delivery.answer(error);
    });
  }
}

/**
 * Tells whether a message that comes again is another one: NATS numbers them anew
 * for each connection.
 */
function isSame(one: IPublishPacket, other: IPublishPacket): boolean {
  return one.topic === other.topic &&
    Buffer.compare(one.payload as Buffer, other.payload as Buffer) === 0;
}
