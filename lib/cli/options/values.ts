/**
 * The kinds of values that options take. Each kind has a description in words,
 * and a function that reads it.
 *
 * @module
 */

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
    const [, number, unit = "s"] =
      /^([0-9]+\.?[0-9]*|\.[0-9]+)(ms|s|m|h)?$/.exec(text) ?? [];
    if (number === undefined) return undefined;
    const milliseconds = Number(number) * MILLISECONDS[unit]!;
    // setTimeout() accepts at most 24 days.
    return milliseconds < 2 ** 31 ? milliseconds : undefined;
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
