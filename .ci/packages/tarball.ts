/**
 * Tar archives that have the same bytes whoever makes them, and on which
 * system: tar(1) differs between GNU and BSD.
 *
 * @module
 */
import type { Entry } from "./contents.ts";
import { gzip } from "./contents.ts";

/** The size of a header, and what the size of each file is rounded up to. */
const BLOCK_BYTES = 512;

/**
 * Packs entries into a compressed archive that belongs to root.
 *
 * @param folder The folder that the archive unpacks to.
 * @param entries The files and links.
 * @param time The time of all of them, in seconds since 1970.
 * @returns The archive, as tar.gz.
 * @throws {RangeError} If a path is longer than ustar allows, 100 bytes.
 */
export function tarball(
  folder: string,
  entries: Entry[],
  time: number,
): Uint8Array<ArrayBuffer> {
  const blocks = entries.flatMap((entry) => {
    const { content } = entry;
    const data = typeof content === "string" ? new Uint8Array() : content;
    const rest = -data.length & (BLOCK_BYTES - 1);
    return [header(folder, entry, time), data, new Uint8Array(rest)];
  });
  const end = new Uint8Array(2 * BLOCK_BYTES);
  return gzip(concat([...blocks, end]));
}

/** The header of pax(1), "ustar Interchange Format". */
function header(folder: string, entry: Entry, time: number): Uint8Array {
  const { path, content, isExecutable } = entry;
  const isLink = typeof content === "string";
  const bytes = new Uint8Array(BLOCK_BYTES);
  const put = (offset: number, text: string, length: number) => {
    const encoded = new TextEncoder().encode(text);
    if (encoded.length > length) {
      throw new RangeError(`Cannot pack "${text}": it is too long for ustar`);
    }
    bytes.set(encoded, offset);
  };
  const octal = (offset: number, value: number, digits: number) =>
    put(offset, value.toString(8).padStart(digits, "0"), digits);
  put(0, `${folder}/${path}`, 100);
  octal(100, isLink ? 0o777 : isExecutable ? 0o755 : 0o644, 7);
  octal(108, 0, 7);
  octal(116, 0, 7);
  octal(124, isLink ? 0 : content.length, 11);
  octal(136, time, 11);
  put(148, " ".repeat(8), 8);
  put(156, isLink ? "2" : "0", 1);
  if (isLink) put(157, content, 100);
  put(257, "ustar\u000000", 8);
  put(265, "root", 32);
  put(297, "root", 32);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `, 8);
  return bytes;
}

function concat(parts: Uint8Array[]): Uint8Array {
  const size = parts.reduce((total, { length }) => total + length, 0);
  const all = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
