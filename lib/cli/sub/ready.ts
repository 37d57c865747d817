/**
 * Tells others that `sub` listens: `sub --ready`.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";

/**
 * Writes a newline to a file. What the file had before is kept.
 *
 * @param path The file, which is made if it is not there; a FIFO, whose reader is
 * waited for; or /dev/fd/N.
 * @throws {Error} If it cannot be written.
 */
export async function tellReady(path: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, "\n", { append: true });
  } catch (error) {
    const reason = reasonOf(error);
    throw new Error(`Cannot write to --ready "${path}": ${reason}`, {
      cause: error,
    });
  }
}
