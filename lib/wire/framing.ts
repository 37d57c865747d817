/**
 * Turning messages into bytes: a message is its bytes and one delimiter.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";

/**
 * What ends a message on the wire: a line feed, or a NUL byte, with which a
 * message may hold line feeds.
 */
export type Delimiter = "\n" | "\0";

/** The default limit for the length of a message, in bytes: 1 MiB. */
export const DEFAULT_MAX_BYTES = 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Encodes one message for the wire.
 *
 * @param address Where it goes, for the error.
 * @param message The message; text is sent as UTF-8.
 * @param delimiter What ends it.
 * @param maxBytes How long it may be, without its delimiter.
 * @returns The message and its delimiter.
 * @throws {FifobusError} `message_too_large` or `delimiter_in_message`.
 */
export function encodeMessage(
  address: string,
  message: string | Uint8Array,
  delimiter: Delimiter,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const end = delimiter.charCodeAt(0);
  const framed = typeof message === "string"
    ? encoder.encode(message + delimiter)
    : concat([new Uint8Array(message), Uint8Array.of(end)]);
  const length = framed.length - 1;
  if (length > maxBytes) {
    throw sentTooLarge(address, framed.subarray(0, -1), maxBytes);
  }
  const at = framed.indexOf(end);
  if (at === length) return framed;
  const [name, other] = delimiter === "\n"
    ? ["a line feed", "\\0"]
    : ["a NUL", "\\n"];
  throw new FifobusError(
    "delimiter_in_message",
    `Cannot publish to "${address}": byte ${at} of the message is ${name}, ` +
      `which would end it there; use { delimiter: "${other}" } on both sides`,
  );
}

/**
 * Encodes one message for a wire that needs no delimiter.
 *
 * @param address Where it goes, for the error.
 * @param message The message; text is sent as UTF-8.
 * @param maxBytes How long it may be.
 * @returns The message.
 * @throws {FifobusError} `message_too_large`.
 */
export function encodeBare(
  address: string,
  message: string | Uint8Array,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const bytes = typeof message === "string"
    ? encoder.encode(message)
    : new Uint8Array(message);
  if (bytes.length > maxBytes) throw sentTooLarge(address, bytes, maxBytes);
  return bytes;
}

function sentTooLarge(
  address: string,
  { length }: Uint8Array,
  maxBytes: number,
): FifobusError {
  return new FifobusError(
    "message_too_large",
    `Cannot publish to "${address}": ${tooLarge(`is ${length}`, maxBytes)}`,
  );
}

/**
 * Says that a message is too large.
 *
 * @param found How large it is: "is 5000".
 * @param maxBytes How large it may be.
 * @returns The reason.
 */
export function tooLarge(found: string, maxBytes: number): string {
  return `the message ${found} bytes, the limit is ${maxBytes}`;
}

/**
 * Changes the delimiter of messages.
 *
 * @param messages The messages, each with its old delimiter.
 * @param from The old delimiter.
 * @param to The new delimiter.
 * @returns The changed messages, and the dropped messages, unchanged: these
 * hold the new delimiter.
 */
export function reframe(
  messages: Uint8Array<ArrayBuffer>,
  from: Delimiter,
  to: Delimiter,
): {
  messages: Uint8Array<ArrayBuffer>;
  dropped: { messages: Uint8Array<ArrayBuffer>; count: number };
} {
  const [before, after] = [from, to].map((it) =>
    Uint8Array.of(it.charCodeAt(0))
  ) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const dropped: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  for (const message of splitAt(messages, from)) {
    if (!message.includes(after[0]!)) parts.push(message, after);
    else if (++count) dropped.push(message, before);
  }
  return {
    messages: concat(parts),
    dropped: { messages: concat(dropped), count },
  };
}

/**
 * Joins byte arrays.
 *
 * @param parts The bytes, in order.
 * @returns All of them; if there is one part, that part.
 */
export function concat(
  parts: Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!;
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * Iterates over messages.
 *
 * @param messages The messages, each with its delimiter.
 * @param delimiter What ends each of them.
 * @returns Each without its delimiter.
 */
export function* splitAt(
  messages: Uint8Array<ArrayBuffer>,
  delimiter: Delimiter,
): Generator<Uint8Array<ArrayBuffer>> {
  const end = delimiter.charCodeAt(0);
  for (let start = 0; start < messages.length;) {
    const at = messages.indexOf(end, start);
    yield messages.subarray(start, at);
    start = at + 1;
  }
}

/**
 * Counts messages.
 *
 * @param messages The messages, each with its delimiter.
 * @param delimiter What ends each of them.
 * @returns How many messages there are.
 */
export function countAt(messages: Uint8Array, delimiter: Delimiter): number {
  const end = delimiter.charCodeAt(0);
  let count = 0;
  for (let at = -1; (at = messages.indexOf(end, at + 1)) >= 0;) count++;
  return count;
}
