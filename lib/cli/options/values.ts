/**
 * The kinds of values that options take. Each kind has a description in words,
 * and a function that reads it.
 *
 * @module
 */

import { parseAddress } from "../../address.ts";
import { ORIGIN } from "../../mqtt/origin.ts";
import { isTopicFilter, nameFault } from "../../topic.ts";

/** A kind of value. */
export interface ValueKind<T> {
  /** Its name in usage text. */
  placeholder: string;
  /** All possible values, if they are a few words. */
  choices?: readonly string[];
  /** Its description, for the error: "takes …". */
  description: string;
  /** Reads a value; undefined if the text is not of this kind. */
  read(text: string): T | undefined;
}

const MILLISECONDS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const BYTES: Record<string, number> = { k: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Any text. */
export const text: ValueKind<string> = {
  placeholder: "TEXT",
  description: "a text",
  read: (text) => text,
};

/** An address that messages come from or go to. */
export const address: ValueKind<string> = {
  placeholder: "ADDRESS",
  description: "an address",
  read: (text) => text || undefined,
};

/** An address that gets messages some day: a mistake would show too late. */
export const target: ValueKind<string> = {
  placeholder: "ADDRESS",
  description: "an address of one topic or FIFO",
  read: (text) => {
    const to = parseAddress(text);
    const isOne = to.kind === "fifo" || nameFault(to.topic) === undefined;
    return isOne ? text : undefined;
  },
};

/** The name of a file. */
export const file: ValueKind<string> = {
  placeholder: "FILE",
  description: "a file name",
  read: (text) => text || undefined,
};

/** A whole number from 1. */
export const count: ValueKind<number> = {
  placeholder: "N",
  description: "a whole number from 1",
  read: (text) =>
    /^[0-9]{1,15}$/.test(text) ? Number(text) || undefined : undefined,
};

/** A whole number of things that the program has to keep. */
export const keptCount: ValueKind<number> = {
  placeholder: "N",
  description: "a whole number from 1 to 100000",
  read: (text) => {
    const number = count.read(text);
    return number !== undefined && number <= 100_000 ? number : undefined;
  },
};

/** A time in seconds or with a unit, as milliseconds. */
export const duration: ValueKind<number> = {
  placeholder: "TIME",
  description: "a time such as 2, 0.5, 500ms, 2s, 5m or 1h",
  read: (text) => {
    const milliseconds = readTime(text);
    // setTimeout() accepts at most 24 days.
    return milliseconds < 2 ** 31 ? milliseconds : undefined;
  },
};

/** How long a broker keeps something, as milliseconds; MQTT counts seconds. */
export const lifetime: ValueKind<number> = {
  placeholder: "TIME",
  description: "a time such as 30, 10m or 720h, up to 1193046h",
  read: (text) => {
    const milliseconds = readTime(text);
    const isTime = milliseconds > 0 && milliseconds < 1000 * 2 ** 32;
    return isTime ? milliseconds : undefined;
  },
};

function readTime(text: string): number {
  const [, number, unit = "s"] =
    /^([0-9]+\.?[0-9]*|\.[0-9]+)(ms|s|m|h)?$/.exec(text) ?? [];
  return Number(number) * MILLISECONDS[unit]!;
}

/** A name and a value. */
export const property: ValueKind<[name: string, value: string]> = {
  placeholder: "NAME=VALUE",
  description: `a name other than ${ORIGIN}, =, and a value`,
  read: (text) => {
    const at = text.indexOf("=");
    const name = text.slice(0, at);
    const isName = at > 0 && name !== ORIGIN;
    return isName ? [name, text.slice(at + 1)] : undefined;
  },
};

/** A number of bytes from 1. */
export const size: ValueKind<number> = {
  placeholder: "BYTES",
  description: "a number of bytes such as 4096, 64k or 1M",
  read: (text) => {
    const [, number, unit] = /^([0-9]{1,12})([kMG])?$/.exec(text) ?? [];
    return Number(number) * (unit ? BYTES[unit]! : 1) || undefined;
  },
};

/** Where to divide a record: by bytes or by time, each with a unit. */
export const partLimit: ValueKind<{ count: number } | { ms: number }> = {
  placeholder: "LIMIT",
  description: "a size such as 64k, 100M or 1G, or a time such as 10m or 1h",
  read: (text) => {
    if (!/[a-z]$/i.test(text)) return undefined;
    const ms = duration.read(text);
    if (ms) return { ms };
    const bytes = size.read(text);
    return bytes === undefined ? undefined : { count: bytes };
  },
};

/** How much of a record to keep: parts, or a time with a unit. */
export const keepLimit: ValueKind<{ count: number } | { ms: number }> = {
  placeholder: "LIMIT",
  description: "a number of parts such as 24, or a time such as 10m or 1h",
  read: (text) => {
    const number = count.read(text);
    if (number !== undefined) return { count: number };
    const ms = /[a-z]$/.test(text) ? duration.read(text) : undefined;
    return ms ? { ms } : undefined;
  },
};

/** File permissions in octal. */
export const mode: ValueKind<number> = {
  placeholder: "MODE",
  description: "permissions in octal such as 600, 0660 or 1777",
  read: (text) => /^[0-7]{3,4}$/.test(text) ? parseInt(text, 8) : undefined,
};

/** A time, or `inf` for none. */
export const patience: ValueKind<number> = {
  placeholder: "TIME",
  description: "a time such as 2, 0.5, 500ms or 5m, or inf",
  read: (text) => text === "inf" ? Infinity : duration.read(text),
};

/** A number of messages a second. */
export const rate: ValueKind<number> = {
  placeholder: "N",
  description: "a number of messages in a second such as 100 or 0.5",
  read: (text) =>
    /^([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text)
      ? Number(text) || undefined
      : undefined,
};

/** How many times as fast; Infinity for `max`. */
export const speed: ValueKind<number> = {
  placeholder: "N",
  description: "a number such as 2 or 0.5, or max",
  read: (text) => text === "max" ? Infinity : rate.read(text),
};

/** A topic filter. */
export const filter: ValueKind<string> = {
  placeholder: "FILTER",
  description: "a topic filter such as warehouse/+/door",
  read: (text) => isTopicFilter(text) ? text : undefined,
};

/** The first levels of topics. */
export const prefix: ValueKind<string> = {
  placeholder: "TOPIC",
  description: "levels of a topic such as replay or test/1",
  read: (text) => nameFault(text) === undefined ? text : undefined,
};

/** A time of day on a date, or a time after the first message, in milliseconds. */
export const moment: ValueKind<{ ms: number; isOffset: boolean }> = {
  placeholder: "TIME",
  description:
    "a time such as 2026-11-23T15:00:00Z, 2026-11-23 15:00, or 90s " +
    "after the first message",
  read: (text) => {
    const offsetMs = duration.read(text);
    if (offsetMs !== undefined) return { ms: offsetMs, isOffset: true };
    const [, day, time = "00:00", zone = ""] =
      /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/
        .exec(text) ?? [];
    const ms = Date.parse(`${day}T${time}${zone}`);
    return Number.isNaN(ms) ? undefined : { ms, isOffset: false };
  },
};

/** The address on which a server listens: a port, or a socket in a folder. */
export type Listener = { hostname: string; port: number } | { path: string };

/** A port. Other machines cannot reach it unless a host is given. */
export const listener: ValueKind<Listener> = {
  placeholder: "PORT",
  description: "a port such as 8080, HOST:PORT, or unix:/PATH",
  read: (text) => {
    const [, path] = /^unix:([^\0]*[^\0/])$/.exec(text) ?? [];
    if (path !== undefined) return { path };
    const [, host = "127.0.0.1", number] =
      /^(?:([^:[\]\s]+|\[[0-9a-f:.]+\]):)?([0-9]{1,5})$/i.exec(text) ?? [];
    const port = Number(number);
    const hostname = host.replace(/^\[(.*)\]$/, "$1");
    return port < 2 ** 16 ? { hostname, port } : undefined;
  },
};

/** The URL of a server as browsers reach it. */
export const origin: ValueKind<URL> = {
  placeholder: "URL",
  description: "a URL such as https://board.example/",
  read: (text) => {
    if (!/^https?:/i.test(text) || !URL.canParse(text)) return undefined;
    const url = new URL(text);
    if (url.search || url.hash || url.username) return undefined;
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  },
};

/** The name of a folder. */
export const folder: ValueKind<string> = {
  placeholder: "DIR",
  description: "a folder",
  read: (text) => text || undefined,
};

/** A shell command. */
export const command: ValueKind<string> = {
  placeholder: "CMD",
  description: "a command for the shell",
  read: (text) => text || undefined,
};

/** One of a few words. */
export function choice<const T extends string>(
  placeholder: string,
  choices: readonly T[],
): ValueKind<T> {
  return {
    placeholder,
    choices,
    description: `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`,
    read: (text) => choices.find((it) => it === text),
  };
}
