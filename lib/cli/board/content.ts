/**
 * What a message looks like as text.
 *
 * @module
 */
import type { Message } from "../../message.ts";

/** How much of a message the board keeps, in characters. */
export const MAX_TEXT = 1000;

/** A longer message is not parsed as JSON. */
const MAX_JSON_BYTES = 64 * 1024;

const OPENING_BRACE = 0x7b;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Control characters other than white space: no text has them. */
const ODD = /(?!\s)\p{Cc}/u;

/**
 * Reads the beginning of a message.
 *
 * @param message The message.
 * @returns Its text; if the message is longer than {@linkcode MAX_TEXT}
 * characters, one character more than that. Of bytes that are not text, it
 * says so.
 */
export function beginning(
  message: Pick<Message, "bytes" | "length">,
): string {
  // A character has at most four bytes.
  const bytes = message.bytes.subarray(0, 4 * (MAX_TEXT + 1));
  const text = decoder.decode(bytes).slice(0, MAX_TEXT + 1);
  return isBinary(text)
    ? `binary, ${message.length.toLocaleString("en")} bytes`
    : text;
}

/** Whether decoded bytes were not text: no UTF-8, and not nearly so. */
export function isBinary(text: string): boolean {
  const replaced = text.split("\ufffd").length - 1;
  return replaced > 0 && (ODD.test(text) || 10 * replaced > text.length);
}

/**
 * Returns the text in which to look for values.
 *
 * @param message The message.
 * @param text Its {@linkcode beginning}.
 * @returns The text; undefined if it is too long to be a value.
 */
export function readableText(
  message: Message,
  text: string,
): string | undefined {
  if (text.length <= MAX_TEXT) return text;
  // A truncated number is not a number, but devices send much JSON.
  const isJson = message.bytes[0] === OPENING_BRACE &&
    message.length <= MAX_JSON_BYTES;
  return isJson ? decoder.decode(message.bytes) : undefined;
}
