/**
 * Whether somebody reads a FIFO of the bus; apart, as it needs node:fs.
 *
 * @module
 */
import { closeSync, constants, openSync } from "node:fs";

/**
 * Tells whether a member's FIFO has a reader.
 *
 * @param path The FIFO; a symbolic link is not followed.
 * @returns Whether it can be opened to write to it.
 */
export function hasReader(path: string): boolean {
  const { O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    closeSync(openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
    return true;
  } catch {
    return false;
  }
}
