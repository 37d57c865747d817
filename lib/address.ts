/**
 * Where a message goes: one argument says it.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";

/** One FIFO in the file system. */
export interface FifoAddress {
  /** Which kind of address this is. */
  kind: "fifo";
  /** The path of the FIFO, as it was written. */
  path: string;
}

const FIFO_SCHEME = "fifo:";

/**
 * Reads an address: a path that starts with `/`, `./` or `../`, or any path
 * after `fifo:`, is a FIFO.
 *
 * @param text The address as a user writes it.
 * @returns Where that is.
 * @throws {FifobusError} `bad_address`, if it is none of these.
 */
export function parseAddress(text: string): FifoAddress {
  const path = text.startsWith(FIFO_SCHEME)
    ? text.slice(FIFO_SCHEME.length)
    : text;
  if (path === "" || path.includes("\0")) {
    const reason = path === "" ? "it is empty" : "a path cannot hold a NUL";
    throw new FifobusError(
      "bad_address",
      `Cannot use the address ${JSON.stringify(text)}: ${reason}`,
    );
  }
  if (path !== text || /^\.{0,2}\//.test(path)) return { kind: "fifo", path };
  throw new FifobusError(
    "bad_address",
    `Cannot use the address "${text}": this version knows FIFO paths only, ` +
      `which start with /, ./ or ../; did you mean "./${text}"?`,
  );
}
