/**
 * Publishes a message that has waited, with its properties.
 *
 * @module
 */
import type { MessageProperties } from "../../message.ts";
import { outletOf, type Publisher } from "../../publisher.ts";
import type { Tally } from "../tally.ts";

/** The properties of a message, of which one counts down while it waits. */
export interface KeptProperties extends Omit<MessageProperties, "expiryMs"> {
  /** When it expires, in milliseconds since 1970. */
  readonly expires?: number | undefined;
}

/** How to publish a message that waits. */
export interface Passing {
  /** The topic; undefined for a FIFO. */
  topic: string | undefined;
  /** Whether it becomes the last value of the topic. */
  retain: boolean;
  /** Its properties, if it has any and goes to a broker. */
  properties?: KeptProperties | undefined;
}

/**
 * Takes the properties of a message that is going to wait.
 *
 * @param message The message, which begins to wait now.
 * @returns Its properties; undefined if it has none.
 */
export function keep(
  { properties, contentType, expiryMs }: MessageProperties,
): KeptProperties | undefined {
  if ((properties ?? contentType ?? expiryMs) === undefined) return undefined;
  const expires = expiryMs === undefined ? undefined : Date.now() + expiryMs;
  return { properties, contentType, expires };
}

/**
 * Publishes a message. One that has expired is dropped, as a broker does.
 *
 * @param publisher Where to.
 * @param bytes The message.
 * @param passing How to publish it.
 * @param tally Counts messages that lose their properties.
 */
export async function publishKept(
  publisher: Publisher,
  bytes: Uint8Array,
  { topic, retain, properties: kept }: Passing,
  tally: Tally,
): Promise<void> {
  const { expires, ...others } = kept ?? {};
  const expiryMs = expires && expires - Date.now();
  if (expiryMs !== undefined && expiryMs <= 0) return;
  const isBare = kept !== undefined && outletOf(publisher).isUnmarked;
  const about = isBare ? {} : { ...others, expiryMs };
  await publisher.publish(bytes, { topic, retain, ...about });
  if (!isBare) return;
  const why = "they need MQTT 5, this connection has MQTT 3.1.1";
  tally.add("properties", "passed on without properties", why);
}
