/**
 * Reading the tag before a message of the bus: its topic, and the topic for
 * answers if it is a request.
 *
 * @module
 */
import { MAX_TOPIC_BYTES, nameFault } from "../topic.ts";
import { addToHash, HASH_START, Recurring } from "./recurring.ts";
import { MAX_ORIGINS_BYTES, readOrigins, UNIT_SEPARATOR } from "./tags.ts";

// U+FEFF is a character like any other, even at the start: MQTT 5, section
// 1.5.4.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const TAB = 0x09;

/** The most bytes before the tab: two topics, marks, and their separators. */
const MAX_TAG_BYTES = 2 * MAX_TOPIC_BYTES + MAX_ORIGINS_BYTES + 2;

/** The part of a message before the tab. */
export interface Tag {
  /** Its bytes, each as one character; empty if there are too many to keep. */
  readonly key: string;
  /** How many bytes it has, without the tab. */
  readonly length: number;
  /** The topic. */
  readonly topic: string;
  /** The topic for answers, if the message is a request. */
  readonly replyTo: string | undefined;
  /** The marks of the bridges that it came through, if it came through any. */
  readonly origins: string[] | undefined;
}

/**
 * Tags that came again: to decode and check a tag takes six times as long as to
 * recognize it.
 */
const known = new Recurring<Tag>();

/** How long a tag may be that is kept: then all of them take at most 10 MiB. */
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
  let hash = HASH_START;
  let tab = start;
  for (; tab < limit; tab++) {
    const byte = buffer[tab]!;
    if (byte === TAB) break;
    hash = addToHash(hash, byte);
  }
  if (tab === limit) return undefined;
  const before = known.get(hash);
  if (before && isSame(before, buffer, start, tab)) return before;
  const tag = parseTag(buffer.subarray(start, tab));
  if (tag && tag.length <= MAX_KNOWN_BYTES && known.recurs(hash)) {
    known.set(hash, tag);
  }
  return tag;
}

function isSame(
  { key, length }: Tag,
  buffer: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) {
    if (key.charCodeAt(i) !== buffer[start + i]) return false;
  }
  return true;
}

function parseTag(bytes: Uint8Array<ArrayBuffer>): Tag | undefined {
  const { length } = bytes;
  const isShort = length <= MAX_KNOWN_BYTES;
  // Faster than a TextDecoder for tags of this length.
  const key = isShort
    ? String.fromCharCode.apply(null, bytes as unknown as number[])
    : "";
  const text = isShort && isAscii(key) ? key : decode(bytes);
  if (text === undefined) return undefined;
  const [topic, reply, marks, ...more] = text.split(UNIT_SEPARATOR);
  if (more.length > 0 || nameFault(topic!) !== undefined) return undefined;
  // Only before marks, there may be none.
  const replyTo = reply === "" && marks !== undefined ? undefined : reply;
  if (replyTo !== undefined && nameFault(replyTo) !== undefined) {
    return undefined;
  }
  try {
    const origins = marks === undefined ? undefined : readOrigins(marks);
    return { key, length, topic: topic!, replyTo, origins };
  } catch {
    return undefined;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
