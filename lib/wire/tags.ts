/**
 * The tag of a message on the bus: its topic, before a tab. Publishers put it
 * there; `message.ts` removes it.
 *
 * @module
 */
import { concat, type Delimiter } from "./framing.ts";

const encoder = new TextEncoder();

/**
 * Separates the topic of a request from its reply topic: US is ASCII's unit
 * separator, and no topic holds a control character.
 */
export const UNIT_SEPARATOR = "\x1f";

/** How long the marks of a message may be together: about 100 bridges. */
export const MAX_ORIGINS_BYTES = 4096;

/** Writes marks, which may hold any characters, without control characters. */
function writeOrigins(origins: readonly string[]): string {
  return origins.map(encodeURIComponent).join(",");
}

/**
 * Tells whether the marks of a message are few enough to travel with it.
 *
 * @param origins The marks.
 * @returns Whether they are.
 */
export function fits(origins: readonly string[]): boolean {
  return writeOrigins(origins).length <= MAX_ORIGINS_BYTES;
}

/**
 * Reads the marks of a message.
 *
 * @param text The marks as they stand in a tag.
 * @returns The marks.
 * @throws {URIError} If it does not hold any.
 */
export function readOrigins(text: string): string[] {
  return text.split(",").map(decodeURIComponent);
}

/**
 * Puts the topic before each message, in the form that members of the bus read.
 *
 * @param topic The topic.
 * @param messages The messages, each with its delimiter.
 * @param delimiter What ends each of them.
 * @param replyTo The topic for the answers, if the messages are requests.
 * @param origins The marks of the messages, for a member that is a bridge.
 * @returns `topic TAB message` for each, or `topic US reply-topic TAB message`,
 * or with `US origins` before the tab, with the delimiter.
 */
export function tagMessages(
  topic: string,
  messages: Uint8Array<ArrayBuffer>,
  delimiter: Delimiter,
  replyTo?: string,
  origins: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  const parts = [topic];
  if (replyTo !== undefined || origins.length > 0) parts.push(replyTo ?? "");
  if (origins.length > 0) parts.push(writeOrigins(origins));
  const tag = encoder.encode(`${parts.join(UNIT_SEPARATOR)}\t`);
  const end = delimiter.charCodeAt(0);
  const tagged: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < messages.length;) {
    const next = messages.indexOf(end, start) + 1 || messages.length;
    tagged.push(tag, messages.subarray(start, next));
    start = next;
  }
  return concat(tagged);
}
