/**
 * Reading the tag before a message of the bus: its topic, and the topic for
 * answers if it is a request.
 *
 * @module
 */
import { MAX_TOPIC_BYTES, nameFault } from "../topic.ts";

// U+FEFF is a character like any other, even at the start: MQTT 5, section
// 1.5.4.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const TAB = 0x09;

/**
 * Separates the topic of a request from its reply topic: US is ASCII's unit
 * separator, and no topic holds a control character.
 */
export const UNIT_SEPARATOR = "\x1f";

/** The most bytes before the tab: two topics and their separator. */
const MAX_TAG_BYTES = 2 * MAX_TOPIC_BYTES + 1;

/** The part of a message before the tab. */
export interface Tag {
  /** Its bytes, without the tab. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The topic. */
  readonly topic: string;
  /** The topic for answers, if the message is a request. */
  readonly replyTo: string | undefined;
}

/**
 * Tags that were read, each in the place that its hash says: decoding and
 * checking a tag takes ten times as long as recognizing it. With tags of the
 * longest kind that is kept, all places together take 12 MiB.
 */
const known: (Tag | undefined)[] = new Array(16_384);
const MAX_KNOWN_BYTES = 255;

/**
 * Reads the tag at the beginning of a record.
 *
 * @param buffer The buffer that holds the record.
 * @param start Where the record starts.
 * @param end Where it ends.
 * @returns The tag; undefined if there is no tab, or the text before it cannot
 * be a topic.
 */
export function readTag(
  buffer: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
): Tag | undefined {
  const limit = Math.min(end, start + MAX_TAG_BYTES + 1);
  // FNV-1a.
  let hash = 0x811c9dc5;
  let tab = start;
  for (; tab < limit; tab++) {
    const byte = buffer[tab]!;
    if (byte === TAB) break;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  if (tab === limit) return undefined;
  // The low bits of FNV-1a are worse than its high bits.
  const place = (hash ^ hash >>> 15) & known.length - 1;
  const before = known[place];
  if (before && isAt(before.bytes, buffer, start, tab)) return before;
  const tag = parseTag(buffer.slice(start, tab));
  if (tag && tab - start <= MAX_KNOWN_BYTES) known[place] = tag;
  return tag;
}

function isAt(
  bytes: Uint8Array,
  buffer: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== buffer[start + i]) return false;
  }
  return true;
}

function parseTag(bytes: Uint8Array<ArrayBuffer>): Tag | undefined {
  let text;
  try {
    text = strict.decode(bytes);
  } catch {
    return undefined;
  }
  const at = text.indexOf(UNIT_SEPARATOR);
  const topic = at < 0 ? text : text.slice(0, at);
  const replyTo = at < 0 ? undefined : text.slice(at + 1);
  if (nameFault(topic) !== undefined) return undefined;
  if (replyTo !== undefined && nameFault(replyTo) !== undefined) {
    return undefined;
  }
  return { bytes, topic, replyTo };
}
