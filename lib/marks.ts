/**
 * What is on the wire and is no message: marks of subscribers and publishers.
 *
 * @module
 */
import { concat, type Delimiter } from "./framing.ts";

const encoder = new TextEncoder();

/**
 * What a subscriber writes to its own FIFO to end a read that is under way: a
 * read(2) that waits cannot be cancelled, and would swallow the next message
 * of another reader. SYN is ASCII's "nothing to send, keep in step". Splitters
 * drop it, wherever it lands, together with the delimiter behind it.
 */
export const WAKE = encoder.encode("\x16fifobus wake\x16");

/**
 * What a publisher puts behind a message that it cannot write to its end. CAN
 * is ASCII's "disregard what came before": splitters drop that message.
 */
export const TORN = encoder.encode("\x18fifobus torn\x18");

/** The length of each of the two in bytes. */
export const MARK_LENGTH = WAKE.length;

/**
 * The bytes that end a subscriber's pending read, see {@linkcode WAKE}.
 *
 * @param delimiter What ends a message.
 * @returns The marker and its delimiter.
 */
export function wakeMarker(delimiter: Delimiter): Uint8Array<ArrayBuffer> {
  return concat([WAKE, Uint8Array.of(delimiter.charCodeAt(0))]);
}

/**
 * The bytes that end a torn message, see {@linkcode TORN}.
 *
 * @param delimiter What ends a message.
 * @returns The marker and its delimiter.
 */
export function tornMarker(delimiter: Delimiter): Uint8Array<ArrayBuffer> {
  return concat([TORN, Uint8Array.of(delimiter.charCodeAt(0))]);
}

/**
 * Tells whether bytes end with a mark. It looks at the last one first: that is
 * all it costs a plain message.
 *
 * @param buffer The bytes around them.
 * @param start Where they start.
 * @param end Where they end.
 * @param mark The mark.
 * @returns Whether they do.
 */
export function endsWith(
  buffer: Uint8Array,
  start: number,
  end: number,
  mark: Uint8Array,
): boolean {
  if (end - start < MARK_LENGTH || buffer[end - 1] !== mark[0]) return false;
  const from = end - MARK_LENGTH;
  return mark.every((byte, i) => buffer[from + i] === byte);
}
