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

/**
 * Puts the topic before each message, in the form that members of the bus read.
 *
 * @param topic The topic.
 * @param messages The messages, each with its delimiter.
 * @param delimiter What ends each of them.
 * @param replyTo The topic for the answers, if the messages are requests.
 * @returns `topic TAB message` for each, or `topic US reply-topic TAB message`,
 * with the delimiter.
 */
export function tagMessages(
  topic: string,
  messages: Uint8Array<ArrayBuffer>,
  delimiter: Delimiter,
  replyTo?: string,
): Uint8Array<ArrayBuffer> {
  const request = replyTo === undefined ? "" : UNIT_SEPARATOR + replyTo;
  const tag = encoder.encode(`${topic}${request}\t`);
  const end = delimiter.charCodeAt(0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < messages.length;) {
    const next = messages.indexOf(end, start) + 1 || messages.length;
    parts.push(tag, messages.subarray(start, next));
    start = next;
  }
  return concat(parts);
}
