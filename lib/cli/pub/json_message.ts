/**
 * A message and its topic as a line of JSON, which holds any of them.
 *
 * @module
 */

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
}

/**
 * Writes a message with members that `sub --json` prints, too.
 *
 * @param message The message.
 * @returns A line of JSON, without its end.
 */
export function writeJsonMessage(message: JsonMessage): string {
  const { topic, retained, bytes } = message;
  try {
    return JSON.stringify({ topic, retained, message: strict.decode(bytes) });
  } catch {
    return JSON.stringify({ topic, retained, base64: bytes.toBase64() });
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
    const { topic, retained = false, message, base64 } = JSON.parse(line);
    if (typeof topic !== "string" || typeof retained !== "boolean") return;
    const bytes = base64 === undefined
      ? encoder.encode(asText(message))
      : Uint8Array.fromBase64(asText(base64));
    return { topic, bytes, retained };
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("it is not a text");
}
