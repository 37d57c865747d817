/**
 * What stands before the payload in a packet of QoS 0.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import mqttPacket, { type IPublishPacket } from "npm:mqtt-packet@9.0.2";

/** The bits of a byte of a length, and the bit that says that more follow. */
const LENGTH_BITS = 7;
const MORE = 1 << LENGTH_BITS;

/**
 * Makes the heads of packets. Those of one topic and the same properties, one
 * after the other, differ only in their lengths.
 */
export class PacketHeads {
  readonly #version: { protocolVersion: 4 | 5 };
  #last: IPublishPacket | undefined;
  /** Its first byte, and what stands between its length and its payload. */
  #type = 0;
  #header: Uint8Array = new Uint8Array();

  /**
   * Creates a maker of heads.
   *
   * @param protocolVersion The version of MQTT.
   */
  constructor(protocolVersion: 4 | 5) {
    this.#version = { protocolVersion };
  }

  /**
   * Makes a head.
   *
   * @param packet The packet; of QoS 0.
   * @param bytes The length of its payload.
   * @returns The bytes before the payload.
   */
  of(packet: IPublishPacket, bytes: number): Uint8Array {
    const { topic, retain, properties } = packet;
    const last = this.#last;
    if (
      topic !== last?.topic || retain !== last.retain ||
      properties !== last.properties
    ) this.#prepare(packet);
    const header = this.#header;
    const head = Buffer.allocUnsafe(5 + header.length);
    let at = 0;
    head[at++] = this.#type;
    // MQTT 5, section 1.5.5: a variable byte integer.
    for (let left = header.length + bytes;; left >>= LENGTH_BITS) {
      const isLast = left < MORE;
      head[at++] = isLast ? left : left % MORE | MORE;
      if (isLast) break;
    }
    head.set(header, at);
    return head.subarray(0, at + header.length);
  }

  #prepare(packet: IPublishPacket): void {
    this.#last = packet;
    const bytes = mqttPacket.generate(
      { ...packet, payload: "" },
      this.#version,
    );
    this.#type = bytes[0]!;
    let at = 1;
    while (bytes[at++]! >= MORE);
    this.#header = bytes.subarray(at);
  }
}
