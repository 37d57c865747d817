/**
 * What tells one bus from all others, on this machine or another.
 *
 * @module
 */
import { DEFAULT_BUS_MODE, openFolder } from "./folder.ts";

/**
 * Reads the id of the bus, and makes one if it has none.
 *
 * @param mode The permissions of its folder, if that has to be made.
 * @returns The id.
 * @throws {FifobusError} `unsafe_bus`, `no_fifos`.
 */
export function busId(mode: number = DEFAULT_BUS_MODE): string {
  const path = `${openFolder(mode)}/.id`;
  // Made aside: a file that is being written has half an id in it.
  const aside = `${path}-${crypto.randomUUID()}`;
  Deno.writeTextFileSync(aside, crypto.randomUUID(), { mode: mode & 0o666 });
  try {
    Deno.linkSync(aside, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    Deno.removeSync(aside);
  }
  return Deno.readTextFileSync(path);
}
