/**
 * Where a message goes: one argument says it.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";

/** Where a message goes. */
export type Address = { kind: "fifo"; path: string } | {
  kind: "topic";
  topic: string;
};

const FIFO_SCHEME = "fifo:";

/**
 * Reads an address: a path that starts with `/`, `./` or `../`, or any path
 * after `fifo:`, is a FIFO; everything else is a topic name or filter, which
 * is not checked here.
 *
 * @param text The address as a user writes it.
 * @returns Where that is.
 * @throws {FifobusError} `bad_address`, if it is none of these.
 */
export function parseAddress(text: string): Address {
  const scheme = /^(mqtts?|wss?):\/\//.exec(text);
  if (scheme) throw bad(text, `this version does not speak ${scheme[1]}`);
  const isFifo = text.startsWith(FIFO_SCHEME) || /^\.{0,2}\//.test(text);
  if (!isFifo) return { kind: "topic", topic: text };
  const path = text.startsWith(FIFO_SCHEME)
    ? text.slice(FIFO_SCHEME.length)
    : text;
  if (path === "") throw bad(text, "it is empty");
  if (path.includes("\0")) throw bad(text, "a path cannot hold a NUL");
  return { kind: "fifo", path };
}

function bad(text: string, reason: string): FifobusError {
  const message = `Cannot use the address ${JSON.stringify(text)}: ${reason}`;
  return new FifobusError("bad_address", message);
}
