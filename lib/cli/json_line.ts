/**
 * Writes a message and everything known about it as a line of JSON.
 *
 * @module
 */
import type { Message } from "../message.ts";
import { visibleJson } from "./output.ts";
import {
  type Arrival,
  type PrintBuffer,
  remembered,
  rememberedTopics,
  type Writer,
} from "./print_buffer.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const USUAL = encoder.encode(',"retained":false,"length":');
const MESSAGE = encoder.encode(',"message":');
const END = encoder.encode("}");

/** What a JSON text may begin with: white space, or a value. */
const BEGINNINGS = new Set(encoder.encode(' \t\r\n{["-0123456789tfn'));

/**
 * How deeply JSON may be nested that is embedded: jq 1.6 reads 256 levels, and
 * the line has one around it.
 */
const MAX_DEPTH = 250;

/** Characters of JSON that are printed unchanged. */
const PLAIN = /^[ -~]*$/;

/**
 * Makes a writer of JSON, which is safe to show on a terminal. A message that
 * is not UTF-8 is written as base64.
 *
 * @param parse Whether to embed a message that is JSON instead of quoting it.
 * @returns Writes one line of JSON, without its end.
 */
export function jsonWriter(parse: boolean): Writer {
  const topicBytes = rememberedTopics((topic) => `{"topic":${quoted(topic)}`);
  const timeBytes = remembered((time: Date) =>
    `,"time":"${time.toISOString()}","sequence":`
  );
  return (arrival, to) => {
    const { message, sequence, time } = arrival;
    to.add(topicBytes(message.topic));
    to.add(timeBytes(time));
    to.addNumber(sequence);
    addAbout(arrival, to);
    to.addNumber(message.length);
    addValue(message.bytes, parse, to);
    to.add(END);
  };
}

function addAbout({ message }: Arrival, to: PrintBuffer): void {
  const { retained, missed, replyTo, qos } = message;
  const isUsual = !retained && missed === 0 &&
    replyTo === undefined && qos === undefined;
  if (isUsual) return to.add(USUAL);
  const gap = missed > 0 ? `,"missed":${missed}` : "";
  const reply = replyTo === undefined ? "" : `,"reply_to":${quoted(replyTo)}`;
  const broker = qos === undefined ? "" : brokerText(message);
  to.addText(`,"retained":${retained}${gap}${reply}${broker},"length":`);
}

/** What only messages of brokers have; the expiry is in seconds. */
function brokerText(
  { qos, properties, contentType, expiryMs }: Message,
): string {
  const members = { qos, properties, content_type: contentType };
  const expiry = expiryMs === undefined ? undefined : expiryMs / 1000;
  const text = JSON.stringify({ ...members, expiry });
  return `,${visibleJson(text.slice(1, -1))}`;
}

function addValue(bytes: Uint8Array, parse: boolean, to: PrintBuffer): void {
  const { length } = to;
  to.add(MESSAGE);
  const mayBeJson = parse && BEGINNINGS.has(bytes[0]!);
  if (!mayBeJson && addQuoted(bytes, to)) return;
  let text;
  try {
    text = strict.decode(bytes);
  } catch {
    to.length = length;
    return to.addText(`,"base64":"${bytes.toBase64()}"`);
  }
  to.addText(mayBeJson && isJson(text) ? oneLine(text) : quoted(text));
}

/**
 * Adds a text as a JSON string, which takes a third of the time of a string
 * that is made and encoded again.
 *
 * @returns Whether it did: not if the text has control characters or is not
 * UTF-8.
 */
function addQuoted(bytes: Uint8Array, to: PrintBuffer): boolean {
  const out = to.reserve(2 * bytes.length + 2);
  let at = to.length;
  out[at++] = QUOTE;
  for (let i = 0; i < bytes.length;) {
    const byte = bytes[i]!;
    if (byte >= 0x80) {
      const next = i + shownLength(bytes, i);
      if (next === i) return false;
      while (i < next) out[at++] = bytes[i++]!;
      continue;
    }
    if (byte < 0x20 || byte === DELETE) return false;
    if (byte === QUOTE || byte === BACKSLASH) out[at++] = BACKSLASH;
    out[at++] = byte;
    i++;
  }
  out[at++] = QUOTE;
  to.length = at;
  return true;
}

/**
 * Returns how many bytes the character has that begins with a byte over 0x7f;
 * 0 if it is not UTF-8 (RFC 3629, section 4), or perhaps a control character.
 */
function shownLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  for (let i = 1; i < length; i++) {
    if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  }
  switch (first) {
    case 0xc2: // Up to U+009F.
      return second < 0xa0 ? 0 : length;
    case 0xd8: // U+061C turns text around.
      return second === 0x9c ? 0 : length;
    case 0xe0:
      return second < 0xa0 ? 0 : length;
    case 0xe2: // U+2000 to U+207F: line ends, and more that turn text around.
      return second < 0x82 ? 0 : length;
    case 0xed:
      return second >= 0xa0 ? 0 : length;
    case 0xf0:
      return second < 0x90 ? 0 : length;
    case 0xf4:
      return second >= 0x90 ? 0 : length;
    default:
      return length;
  }
}

function quoted(text: string): string {
  return visibleJson(JSON.stringify(text));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return isShallow(text);
  } catch {
    return false;
  }
}

/**
 * Whether every reader of JSON can take it: a recursive one would end at a
 * message of 100,000 brackets.
 */
function isShallow(json: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < json.length; i++) {
    switch (json[i]) {
      case '"':
        isInString = !isInString;
        break;
      case "\\":
        i++;
        break;
      case "[":
      case "{":
        if (!isInString && ++depth > MAX_DEPTH) return false;
        break;
      case "]":
      case "}":
        if (!isInString) depth--;
    }
  }
  return true;
}

/** JSON has line ends only between tokens. Kept as text, 1e400 stays 1e400. */
function oneLine(json: string): string {
  const text = json.trim();
  if (PLAIN.test(text)) return text;
  return visibleJson(text.replaceAll(/[\r\n]+/g, " "));
}
