/**
 * The properties of messages, for MQTT.js and from it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { IPublishPacket } from "npm:mqtt@5.15.0";
import type { MessageProperties } from "../message.ts";
import { ORIGIN } from "./origin.ts";

/** The properties of a packet. */
type PacketProperties = NonNullable<IPublishPacket["properties"]>;

/** The longest text: MQTT 5, section 1.5.4. */
const MAX_TEXT_BYTES = 65_535;

/** The longest time in seconds: MQTT 5, section 3.3.2.3.3. */
const MAX_SECONDS = 0xffff_ffff;

/**
 * Turns properties of a message into those of a packet.
 *
 * @param properties The properties.
 * @returns The properties of the packet.
 * @throws {RangeError} If MQTT does not allow one of them.
 */
export function toPacket(
  { properties, contentType, expiryMs = Infinity }: MessageProperties,
): PacketProperties {
  const own = Object.entries(properties ?? {});
  for (const [name, value] of own) {
    const what = `the property ${JSON.stringify(name.slice(0, 100))}`;
    if (name === ORIGIN) {
      throw new RangeError(`Cannot publish ${what}: bridges keep marks there`);
    }
    for (const text of [name, ...[value].flat()]) checkText(what, text);
  }
  if (contentType !== undefined) checkText("the content type", contentType);
  // MQTT.js sends nothing at all if it finds no value here.
  const some = own.filter(([, value]) => value.length > 0 || value === "");
  return {
    ...some.length > 0 && { userProperties: Object.fromEntries(some) },
    ...contentType !== undefined && { contentType },
    ...expiryMs !== Infinity && {
      messageExpiryInterval: toSeconds("expiryMs", expiryMs),
    },
  };
}

/**
 * Turns a time into whole seconds.
 *
 * @param name The name of the option that has the time, for the error.
 * @param timeMs The time in milliseconds.
 * @returns The seconds, rounded up.
 * @throws {RangeError} If MQTT has no such time.
 */
export function toSeconds(name: string, timeMs: number): number {
  const seconds = Math.ceil(timeMs / 1000);
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  const reason = `it is not between 1 ms and ${MAX_SECONDS} seconds`;
  throw new RangeError(`Cannot use ${name} ${timeMs}: ${reason}`);
}

/**
 * Counts the bytes of texts in the properties of a packet.
 *
 * @param properties The properties.
 * @returns Their number, at least.
 */
export function textBytes(
  { userProperties = {}, contentType = "" }: PacketProperties,
): number {
  const texts = Object.entries(userProperties).flatMap(([name, value]) =>
    [value].flat().flatMap((text) => [name, text])
  );
  return Buffer.byteLength(texts.join("") + contentType);
}

/**
 * Reads the marks of a packet.
 *
 * @param packet The packet.
 * @returns The marks; undefined if it has none.
 */
export function originsOf(
  { properties }: IPublishPacket,
): string[] | undefined {
  const marks = properties?.userProperties?.[ORIGIN];
  return marks === undefined ? undefined : [marks].flat();
}

/**
 * Reads what a packet has besides its payload.
 *
 * @param packet The packet.
 * @returns The properties of the message; its marks are not among the user's.
 */
export function fromPacket(
  packet: IPublishPacket,
): MessageProperties & { qos: 0 | 1 | 2 } {
  const { qos, properties = {} } = packet;
  const origins = originsOf(packet);
  const { userProperties, contentType, messageExpiryInterval } = properties;
  const { [ORIGIN]: _marks, ...others } = userProperties ?? {};
  return {
    qos,
    ...origins && { origins },
    ...Object.keys(others).length > 0 && { properties: others },
    ...contentType !== undefined && { contentType },
    ...messageExpiryInterval !== undefined && {
      // Of its last second, a broker may say 0, with which it would never expire.
      expiryMs: 1000 * Math.max(1, messageExpiryInterval),
    },
  };
}

function checkText(what: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  const reason = !text.isWellFormed()
    ? "it holds half a character"
    : text.includes("\0")
    ? "it holds a NUL"
    : bytes > MAX_TEXT_BYTES
    ? `it has ${bytes} bytes, the limit is ${MAX_TEXT_BYTES}`
    : undefined;
  if (reason === undefined) return;
  throw new RangeError(`Cannot publish ${what}: ${reason}`);
}
