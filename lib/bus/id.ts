/**
 * What tells one bus from all others, on this machine or another.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { load } from "../load.ts";
import { DEFAULT_BUS_MODE, lstatIfThere, openBus, tidy } from "./folder.ts";

/** An id, with room for one that somebody else has made. */
const MAX_BYTES = 100;

/**
 * Reads the id of the bus, and makes one if it has none.
 *
 * @param mode The permissions of its folder, if that has to be made.
 * @returns The id.
 * @throws {FifobusError} `unsafe_bus`, `no_fifos`.
 */
export async function busId(mode: number = DEFAULT_BUS_MODE): Promise<string> {
  const bus = await openBus(mode);
  const path = `${bus.path}/.id`;
  if (!lstatIfThere(path)) {
    // Made aside: a file that is being written has half an id in it.
    const aside = `${path}-${crypto.randomUUID()}`;
    Deno.writeTextFileSync(aside, crypto.randomUUID(), {
      createNew: true,
      mode: mode & 0o666,
    });
    try {
      bus.share(aside, 0o666);
      Deno.linkSync(aside, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    } finally {
      tidy(aside);
    }
  }
  const { readRegular } = await load<typeof import("./regular.ts")>(
    import.meta.resolve("./regular.ts"),
  );
  const id = new TextDecoder().decode(readRegular(path, MAX_BYTES));
  // It is sent to brokers, and stands in file names.
  if (/^[\w-]+$/.test(id)) return id;
  throw new FifobusError(
    "unsafe_bus",
    `Cannot use "${bus.path}" as the bus: its file .id holds no id; remove it`,
  );
}
