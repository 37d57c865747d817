/**
 * Bytes on the wire that are not messages: marks of subscribers and publishers.
 * They are fixed so that every reader of a FIFO knows them, even a reader that
 * can share nothing else with the others. Therefore a publisher refuses
 * messages that end with a mark.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import type { Delimiter } from "./framing.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** SYN is ASCII's "nothing to send, keep in step". */
const SYN = "\x16";
const SYN_BYTE = 0x16;
const CAN_BYTE = 0x18;

const WAKE_TEXT = `${SYN}fifobus wake `;
const WAKE_START = encoder.encode(WAKE_TEXT);

/** The length of the token, which makes each wake marker unique. */
const TOKEN_LENGTH = 8;

const WAKE_LENGTH = WAKE_START.length + TOKEN_LENGTH + 1;

/**
 * A publisher writes this behind a message that it cannot complete. CAN is
 * ASCII's "disregard what came before": splitters drop that message.
 */
const TORN_TEXT = "\x18fifobus torn\x18";
const TORN = encoder.encode(TORN_TEXT);

/**
 * The same, written by another publisher: the publisher of the message was
 * killed.
 */
const KILLED_TEXT = "\x18fifobus lost\x18";
const KILLED = encoder.encode(KILLED_TEXT);

/**
 * A publisher writes this before a message of several writes to a topic. With
 * it, the reader notices if the publisher is killed and another publisher's
 * message continues at that place.
 */
const LARGE_TEXT = "\x18fifobus large ";
const LARGE_START = encoder.encode(LARGE_TEXT);

/** With the 16 digits of the largest safe integer. */
const MAX_LARGE_LENGTH = LARGE_START.length + 16 + 1;

/** The length of the longest mark in bytes. */
export const MAX_MARK_LENGTH = Math.max(WAKE_LENGTH, MAX_LARGE_LENGTH);

/** The length of a wake marker and its delimiter in bytes. */
export const WAKE_BYTES = WAKE_LENGTH + 1;

/** A marker that a reader writes to a FIFO to end a waiting read. */
export interface Wake {
  /** Makes the marker unique. */
  token: string;
  /** The marker and its delimiter. */
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Makes a wake marker. A waiting read(2) cannot be cancelled, and would swallow
 * the next message of another reader. So a reader that ends, or wants the turn,
 * writes a marker. Splitters drop the marker, wherever it lands, together with
 * the delimiter behind it.
 *
 * @param delimiter What ends a message.
 * @returns The marker.
 */
export function wake(delimiter: Delimiter): Wake {
  const token = crypto.randomUUID().slice(0, TOKEN_LENGTH);
  return { token, bytes: encoder.encode(WAKE_TEXT + token + SYN + delimiter) };
}

/**
 * Returns the bytes that end a torn message.
 *
 * @param delimiter What ends a message.
 * @param isKilled Whether its publisher was killed, and so cannot report it.
 * @returns The marker and its delimiter.
 */
export function tornMarker(
  delimiter: Delimiter,
  isKilled = false,
): Uint8Array<ArrayBuffer> {
  return encoder.encode((isKilled ? KILLED_TEXT : TORN_TEXT) + delimiter);
}

/**
 * Returns the bytes that precede a message of several writes.
 *
 * @param length How many bytes it has, without its delimiter.
 * @param delimiter What ends it.
 * @returns The marker and its delimiter.
 */
export function largeMarker(
  length: number,
  delimiter: Delimiter,
): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${LARGE_TEXT}${length}\x18${delimiter}`);
}

/** A mark at the end of some bytes. */
export interface Mark {
  /** How long it is. */
  length: number;
  /** The token of a wake marker; undefined if the bytes before it are torn. */
  token: string | undefined;
  /** Whether the publisher of these bytes was killed. */
  isKilled: boolean;
  /** How long the next message is; the bytes before it are torn, too. */
  next: number | undefined;
}

/**
 * Finds the mark at the end of a record. It looks at the last byte first; a
 * plain message costs no more than that.
 *
 * @param buffer The buffer that holds the record.
 * @param start Where the record starts.
 * @param end Where the record ends.
 * @returns The mark, if there is one.
 */
export function markAtEnd(
  buffer: Uint8Array,
  start: number,
  end: number,
): Mark | undefined {
  const last = buffer[end - 1];
  if (last !== SYN_BYTE && last !== CAN_BYTE) return undefined;
  if (last === CAN_BYTE) {
    const from = end - TORN.length;
    const isKilled = has(buffer, start, from, KILLED);
    if (!isKilled && !has(buffer, start, from, TORN)) {
      return largeAtEnd(buffer, start, end);
    }
    const length = TORN.length;
    return { length, token: undefined, isKilled, next: undefined };
  }
  const from = end - WAKE_LENGTH;
  if (!has(buffer, start, from, WAKE_START)) return undefined;
  const token = buffer.subarray(from + WAKE_START.length, end - 1);
  const text = decoder.decode(token);
  const length = WAKE_LENGTH;
  return { length, token: text, isKilled: false, next: undefined };
}

function largeAtEnd(
  buffer: Uint8Array,
  start: number,
  end: number,
): Mark | undefined {
  const from = buffer.lastIndexOf(CAN_BYTE, end - 2);
  if (end - from > MAX_LARGE_LENGTH) return undefined;
  if (!has(buffer, start, from, LARGE_START)) return undefined;
  const digits = buffer.subarray(from + LARGE_START.length, end - 1);
  const next = Number(decoder.decode(digits));
  if (!Number.isSafeInteger(next)) return undefined;
  return { length: end - from, token: undefined, isKilled: true, next };
}

/**
 * Finds the first message that ends with a mark.
 *
 * @param messages The messages, each with its delimiter.
 * @param delimiter What ends a message.
 * @returns Where that message starts; -1 if there is none.
 */
export function findMarked(messages: Uint8Array, delimiter: Delimiter): number {
  const end = delimiter.charCodeAt(0);
  let first = Infinity;
  for (const byte of [SYN_BYTE, CAN_BYTE]) {
    // Native searches: most messages hold neither byte.
    for (let at = -1; (at = messages.indexOf(byte, at + 1)) >= 0;) {
      if (at >= first) break;
      if (messages[at + 1] !== end) continue;
      const start = messages.lastIndexOf(end, at) + 1;
      if (markAtEnd(messages, start, at + 1)) first = start;
    }
  }
  return first === Infinity ? -1 : first;
}

/**
 * Says that a message ends with a mark.
 *
 * @param address Where the message goes.
 * @returns The error.
 */
export function marked(address: string): FifobusError {
  return new FifobusError(
    "delimiter_in_message",
    `Cannot publish to "${address}": the message ends with a mark of fifobus, ` +
      "which subscribers drop",
  );
}

function has(
  buffer: Uint8Array,
  start: number,
  at: number,
  bytes: Uint8Array,
): boolean {
  return at >= start && bytes.every((byte, i) => byte === buffer[at + i]);
}
