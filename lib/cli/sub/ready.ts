/**
 * Tells others that `sub` listens: `sub --ready`.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import { publish } from "../../publisher.ts";

/** Descriptors, which are open already. */
const DESCRIPTORS = "/dev/fd/";

/**
 * Writes a newline to a file. What the file had before is kept.
 *
 * @param path The file, which is made if it is not there; a FIFO, whose reader is
 * waited for; or /dev/fd/N.
 * @param signal Gives up waiting when aborted.
 * @throws {Error} If it cannot be written.
 */
export async function tellReady(
  path: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    // Until Deno 2.8, to open a FIFO stops everything until it has a reader.
    if (isFifo(path)) await publish(`fifo:${path}`, "", { signal });
    else await Deno.writeTextFile(path, "\n", { append: true });
  } catch (error) {
    if (signal.aborted) return;
    const reason = reasonOf(error);
    throw new Error(`Cannot write to --ready "${path}": ${reason}`, {
      cause: error,
    });
  }
}

function isFifo(path: string): boolean {
  if (path.startsWith(DESCRIPTORS)) return false;
  try {
    return Deno.statSync(path).isFifo ?? false;
  } catch {
    // It is not there, or writing to it tells why it cannot be.
    return false;
  }
}
