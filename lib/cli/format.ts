/**
 * Writes what `sub` prints for a message: formats with directives, and JSON.
 *
 * @module
 */
import type { Message } from "../message.ts";
import type { Section } from "./options/usage.ts";
import type { ValueKind } from "./options/values.ts";
import { visibleJson } from "./output.ts";

/** A message that is about to be printed. */
export interface Arrival {
  /** The message. */
  message: Message;
  /** 1 for the first one, and so on. */
  sequence: number;
  /** The time of arrival. */
  time: Date;
}

/** Text, or bytes that are printed unchanged. */
export type Piece = string | Uint8Array<ArrayBuffer>;

/** Writes a message; each part taken from the message goes through `show`. */
export type Format = (
  arrival: Arrival,
  show: (value: Piece) => Piece,
) => Piece[];

type Directive = (arrival: Arrival) => Piece;

const DIRECTIVES: Record<string, [value: Directive, meaning: string]> = {
  t: [({ message }) => message.topic, "topic, or path of the FIFO"],
  p: [({ message }) => message.bytes, "message"],
  l: [({ message }) => `${message.length}`, "length in bytes"],
  x: [({ message }) => message.bytes.toHex(), "message in hexadecimal"],
  b: [({ message }) => message.bytes.toBase64(), "message in base64"],
  j: [(arrival) => toJson(arrival, false), "all of it as JSON"],
  J: [(arrival) => toJson(arrival, true), "the same, a JSON message as it is"],
  r: [({ message }) => message.retained ? "1" : "0", "1 if retained, else 0"],
  R: [({ message }) => message.replyTo ?? "", "where an answer is wanted"],
  n: [({ sequence }) => `${sequence}`, "1 for the first message, and so on"],
  I: [({ time }) => time.toISOString(), "time of arrival, ISO 8601 in UTC"],
  U: [
    ({ time }) => (time.getTime() / 1000).toFixed(3),
    "the same in seconds since 1970",
  ],
};

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
export const format: ValueKind<Format> = {
  placeholder: "FORMAT",
  description: "a format with the directives of sub --help",
  read: parseFormat,
};

/**
 * Reads a format.
 *
 * @param text The format as a user writes it.
 * @returns The format; undefined if it has an unknown directive.
 */
export function parseFormat(text: string): Format | undefined {
  const parts: (string | Directive)[] = [];
  // Each part is a directive, an escape, or text up to the next one.
  for (const [piece] of text.matchAll(/%@?.?|\\.?|[^%\\]+/gsu)) {
    const part = parsePart(piece);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return (arrival, show) =>
    parts.map((part) => typeof part === "string" ? part : show(part(arrival)));
}

function parsePart(text: string): string | Directive | undefined {
  if (text === "%%") return "%";
  if (text.startsWith("%@")) {
    const field = CLOCK[text.slice(2)];
    return field && (({ time }) => field(time));
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

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes a message and everything known about it as JSON, which is safe to show
 * on a terminal. A message that is not UTF-8 is written as base64.
 *
 * @param arrival The message.
 * @param parse Whether to embed a message that is JSON instead of quoting it.
 * @returns One line of JSON.
 */
export function toJson(
  { message, sequence, time }: Arrival,
  parse: boolean,
): string {
  const { topic, retained, missed, replyTo, length } = message;
  const about = {
    topic,
    time: time.toISOString(),
    sequence,
    retained,
    ...missed > 0 && { missed },
    ...replyTo !== undefined && { reply_to: replyTo },
    length,
  };
  const head = JSON.stringify(about).slice(0, -1);
  let text;
  try {
    text = strict.decode(message.bytes);
  } catch {
    const base64 = message.bytes.toBase64();
    return visibleJson(`${head},"base64":"${base64}"}`);
  }
  const value = parse && isJson(text) ? oneLine(text) : JSON.stringify(text);
  return visibleJson(`${head},"message":${value}}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON has line ends only between tokens. Kept as text, 1e400 stays 1e400. */
function oneLine(json: string): string {
  return json.trim().replaceAll(/[\r\n]+/g, " ");
}
