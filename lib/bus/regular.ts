/**
 * Reading files that other users may have put there. It is a separate module
 * because node:fs takes 25 ms to load.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { checkRegular } from "./folder.ts";

/**
 * Reads a regular file. It refuses a link, and a FIFO, which would make it
 * wait.
 *
 * @param path The file.
 * @param maxBytes How long it may be.
 * @returns Its contents.
 * @throws {Error} If it is not a regular file, or longer, or cannot be read.
 */
export function readRegular(
  path: string,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const seen = Deno.lstatSync(path);
  checkRegular(seen, maxBytes);
  // O_NOFOLLOW is not enough: unless Deno has all permissions, it opens the
  // target of a link.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = fstatSync(fd);
    const isSame = info.dev === seen.dev && info.ino === seen.ino;
    if (!isSame) throw new Error("it was replaced by another file");
    const { size } = seen;
    const bytes = new Uint8Array(size);
    let length = 0;
    for (let count = 1; count > 0 && length < size; length += count) {
      count = readSync(fd, bytes, length, size - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
