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

/** What a broker delivers to a client, over all its connections. */
export class Deliveries {
  readonly #take: Take;
  /** By their identifiers. */
  readonly #open = new Map<number, Delivery>();
  #isWithheld = false;

  /** Where MQTT.js keeps messages of QoS 2, and looks for them at PUBREL. */
  readonly store: InstanceType<typeof mqtt.Store>;

  /**
   * Creates the deliveries of a client.
   *
   * @param take Takes each message.
   */
  constructor(take: Take) {
    this.#take = take;
    this.store = new Incoming({
      // MQTT 5, section 4.3.3: handing it out before PUBREC is as good as after
      // PUBREL, if it is not handed out again when it comes a second time.
      came: (packet, answer) =>
        this.#deliver(packet, (error) => {
          this.#isWithheld = error !== undefined;
          answer();
          this.#isWithheld = false;
        }),
      released: (id) => this.#open.delete(id),
    });
  }

  /**
   * Takes over the deliveries of a client.
   *
   * @param client The client, made with {@linkcode store}.
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

/** What happens to messages of QoS 2. */
interface Events {
  came(packet: IPublishPacket, answer: () => void): void;
  released(id: number): void;
}

class Incoming extends mqtt.Store {
  readonly #events: Events;

  constructor(events: Events) {
    super();
    this.#events = events;
  }

  override put(packet: IPublishPacket, answer: () => void): this {
    this.#events.came(packet, answer);
    return this;
  }

  /** Finds nothing, so MQTT.js answers PUBREL and hands out nothing. */
  override get(
    { messageId }: { messageId?: number },
    found: (error?: Error) => void,
  ): this {
    this.#events.released(messageId!);
    found(new Error("it was handed out before"));
    return this;
  }
}
