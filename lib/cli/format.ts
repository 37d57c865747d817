/**
 * Writes what `sub --format` prints for a message.
 *
 * @module
 */
import type { Message } from "../message.ts";
import { jsonWriter } from "./json_line.ts";
import type { Section } from "./options/usage.ts";
import type { ValueKind } from "./options/values.ts";
import { type Arrival, remembered, type Writer } from "./print_buffer.ts";

/** Writes a directive whose text is another for each message. */
const each = (text: (arrival: Arrival) => string): Writer => (arrival, to) =>
  to.show(text(arrival));

/** Writes a directive that depends on the time. */
function atTime(text: (time: Date) => string): Writer {
  const bytes = remembered(text);
  return ({ time }, to) => to.add(bytes(time));
}

const DIRECTIVES: Record<string, [writer: Writer, meaning: string]> = {
  t: [
    ({ message }, to) => to.showTopic(message.topic),
    "topic, or path of the FIFO",
  ],
  p: [({ message }, to) => to.showBytes(message.bytes), "message"],
  l: [({ message }, to) => to.addNumber(message.length), "length in bytes"],
  x: [each(({ message }) => message.bytes.toHex()), "message in hexadecimal"],
  b: [each(({ message }) => message.bytes.toBase64()), "message in base64"],
  j: [jsonWriter(false), "all of it as JSON"],
  J: [jsonWriter(true), "the same, a JSON message as it is"],
  r: [
    each(({ message }) => message.retained ? "1" : "0"),
    "1 if retained, else 0",
  ],
  R: [
    each(({ message }) => message.replyTo ?? ""),
    "where an answer is wanted",
  ],
  q: [
    each(({ message }) => `${message.qos ?? ""}`),
    "quality of service, from a broker",
  ],
  C: [
    each(({ message }) => message.contentType ?? ""),
    "content type, from a broker",
  ],
  E: [
    each(({ message: { expiryMs } }) =>
      expiryMs === undefined ? "" : `${expiryMs / 1000}`
    ),
    "seconds until it expires, from a broker",
  ],
  P: [
    each(({ message }) => pairs(message.properties)),
    "user properties, NAME:VALUE with spaces between",
  ],
  n: [
    ({ sequence }, to) => to.addNumber(sequence),
    "1 for the first message, and so on",
  ],
  I: [atTime((time) => time.toISOString()), "time of arrival, ISO 8601 in UTC"],
  U: [
    atTime((time) => (time.getTime() / 1000).toFixed(3)),
    "the same in seconds since 1970",
  ],
};

function pairs(properties: Message["properties"] = {}): string {
  return Object.entries(properties)
    .flatMap(([name, value]) => [value].flat().map((it) => `${name}:${it}`))
    .join(" ");
}

const ESCAPES: Record<string, string> = {
  "\\": "\\",
  0: "\0",
  a: "\x07",
  e: "\x1b",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** The directives, for usage text. */
export const FORMAT_HELP: Section = {
  title: "Format",
  rows: [
    ...Object.entries(DIRECTIVES)
      .map(([letter, [, meaning]]) => [`%${letter}`, meaning] as const),
    ["%@X", "local time of arrival, X as in strftime and date: %@H"],
    ["%%", "a percent sign"],
    ["\\n \\t \\r \\0 \\a \\e \\\\", "control characters, a backslash"],
  ],
};

/** A format. */
export const format: ValueKind<Writer> = {
  placeholder: "FORMAT",
  description: "a format with the directives of sub --help",
  read: parseFormat,
};

/**
 * Reads a format.
 *
 * @param text The format as a user writes it.
 * @returns Writes a message in that format; undefined if the format has an
 * unknown directive.
 */
export function parseFormat(text: string): Writer | undefined {
  const writers: Writer[] = [];
  // Each part is a directive, an escape, or text up to the next one.
  for (const [piece] of text.matchAll(/%@?.?|\\.?|[^%\\]+/gsu)) {
    const part = parsePart(piece);
    if (part === undefined) return undefined;
    writers.push(typeof part === "string" ? fixed(part) : part);
  }
  return (arrival, to) => {
    for (const write of writers) write(arrival, to);
  };
}

function fixed(text: string): Writer {
  const bytes = new TextEncoder().encode(text);
  return (_arrival, to) => to.add(bytes);
}

function parsePart(text: string): string | Writer | undefined {
  if (text === "%%") return "%";
  if (text.startsWith("%@")) {
    const field = CLOCK[text.slice(2)];
    return field && atTime(field);
  }
  if (text.startsWith("%")) return DIRECTIVES[text.slice(1)]?.[0];
  return text.startsWith("\\") ? ESCAPES[text.slice(1)] : text;
}

const two = (value: number) => `${value}`.padStart(2, "0");

const name = (options: Intl.DateTimeFormatOptions) => (time: Date) =>
  time.toLocaleString("en", options);

/** The fields of strftime(3) in the C locale, and %N of date(1). */
const CLOCK: Record<string, (time: Date) => string> = {
  Y: (time) => `${time.getFullYear()}`,
  y: (time) => two(time.getFullYear() % 100),
  m: (time) => two(time.getMonth() + 1),
  d: (time) => two(time.getDate()),
  e: (time) => `${time.getDate()}`.padStart(2),
  H: (time) => two(time.getHours()),
  I: (time) => two(time.getHours() % 12 || 12),
  M: (time) => two(time.getMinutes()),
  S: (time) => two(time.getSeconds()),
  N: (time) => `${time.getMilliseconds()}`.padStart(3, "0").padEnd(9, "0"),
  p: (time) => time.getHours() < 12 ? "AM" : "PM",
  a: name({ weekday: "short" }),
  A: name({ weekday: "long" }),
  b: name({ month: "short" }),
  B: name({ month: "long" }),
  u: (time) => `${time.getDay() || 7}`,
  j: (time) => {
    const start = Date.UTC(time.getFullYear(), 0, 0);
    const day = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
    return `${(day - start) / 86_400_000}`.padStart(3, "0");
  },
  s: (time) => `${Math.floor(time.getTime() / 1000)}`,
  z: (time) => {
    const minutes = -time.getTimezoneOffset();
    const [sign, size] = [minutes < 0 ? "-" : "+", Math.abs(minutes)];
    return `${sign}${two(Math.floor(size / 60))}${two(size % 60)}`;
  },
  F: (time) => `${CLOCK.Y!(time)}-${CLOCK.m!(time)}-${CLOCK.d!(time)}`,
  T: (time) => `${CLOCK.H!(time)}:${CLOCK.M!(time)}:${CLOCK.S!(time)}`,
  "%": () => "%",
};
