/**
 * Handing out what a broker delivers, and answering it when it is handled.
 *
 * MQTT.js answers a message of QoS 2 before it hands it out, so it would be lost
 * with the process; and it answers on whatever connection there is, where the
 * identifier may be that of another message.
 *
 * @module
 */
import mqtt, { type IPublishPacket, type MqttClient } from "npm:mqtt@5.15.0";

/** Ends the handling of a message; with an error it is not acknowledged. */
export type Done = (error?: Error) => void;

/** Takes a message, and calls back when it is handled. */
export type Take = (packet: IPublishPacket, done: Done) => void;

/** A message of QoS 1 or 2 that the broker has not forgotten yet. */
interface Delivery {
  /** Answers it; undefined without the connection on which it came. */
  answer: Done | undefined;
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
    client.on("close", () => {
      for (const delivery of this.#open.values()) delivery.answer = undefined;
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

  #deliver(packet: IPublishPacket, answer: Done): void {
    const { messageId, dup, qos } = packet;
    const id = messageId!;
    const before = this.#open.get(id);
    if (before && dup) {
      before.answer = answer;
      if (before.isHandled) this.#answer(id, before, qos);
      return;
    }
    const delivery: Delivery = { answer, isHandled: false };
    this.#open.set(id, delivery);
    this.#take(packet, (error) => {
      if (error) {
        if (this.#open.get(id) === delivery) this.#open.delete(id);
        return delivery.answer?.(error);
      }
      delivery.isHandled = true;
      this.#answer(id, delivery, qos);
    });
  }

  /** Answers, if its connection is there. One of QoS 2 ends with PUBREL. */
  #answer(id: number, delivery: Delivery, qos: IPublishPacket["qos"]): void {
    const { answer } = delivery;
    if (!answer) return;
    if (qos === 1 && this.#open.get(id) === delivery) this.#open.delete(id);
    answer();
  }
}
