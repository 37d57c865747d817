/**
 * A message and its topic as a line of JSON, which holds any of them.
 *
 * @module
 */

import type { KeptProperties } from "./kept.ts";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A message with its topic. */
export interface JsonMessage {
  /** Its topic. */
  topic: string;
  /** The message. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Whether it is a last value. */
  retained: boolean;
  /** Its properties, if it has any. */
  properties?: KeptProperties | undefined;
  /** The marks of the bridges that have passed it on. */
  origins?: readonly string[] | undefined;
}

/**
 * Writes a message with members that `sub --json` prints, too, but `origins`, and
 * `expires`: its `expiry` counts from when the message came.
 *
 * @param message The message.
 * @returns A line of JSON, without its end.
 */
export function writeJsonMessage(message: JsonMessage): string {
  const { topic, retained, bytes, origins, properties: kept } = message;
  const { properties, contentType: content_type, expires } = kept ?? {};
  const about = {
    ...{ topic, retained, origins },
    ...{ properties, content_type, expires },
  };
  try {
    return JSON.stringify({ ...about, message: strict.decode(bytes) });
  } catch {
    return JSON.stringify({ ...about, base64: bytes.toBase64() });
  }
}

/**
 * Reads a message.
 *
 * @param line A line of JSON; other members than those that
 * {@linkcode writeJsonMessage} writes are ignored.
 * @returns The message; undefined if the line does not hold one.
 */
export function readJsonMessage(line: string): JsonMessage | undefined {
  try {
    const value = JSON.parse(line);
    const { topic, retained = false, message, base64 } = value;
    const { origins, properties, content_type: contentType, expires } = value;
    const isPlain = (properties ?? contentType ?? expires) === undefined;
    if (typeof topic !== "string" || typeof retained !== "boolean") return;
    const bytes = base64 === undefined
      ? encoder.encode(asText(message))
      : Uint8Array.fromBase64(asText(base64));
    return {
      topic,
      bytes,
      retained,
      ...origins !== undefined && { origins },
      ...!isPlain && { properties: { properties, contentType, expires } },
    };
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("it is not a text");
}
