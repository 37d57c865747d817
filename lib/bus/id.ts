/**
 * The id of a bus, unique on this machine and across machines.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { load } from "../load.ts";
import { DEFAULT_BUS_MODE, lstatIfThere, openBus, tidy } from "./folder.ts";

/** The longest id; ours are shorter, but somebody else may have made it. */
const MAX_BYTES = 100;

/**
 * Reads the id of the bus, and makes an id if it has none.
 *
 * @param mode The permissions of its folder, if this call has to make it.
 * @returns The id.
 * @throws {FifobusError} `unsafe_bus`, `no_fifos`.
 */
export async function busId(mode: number = DEFAULT_BUS_MODE): Promise<string> {
  const bus = await openBus(mode);
  const path = `${bus.path}/.id`;
  if (!lstatIfThere(path)) {
    // Made aside: a file that is still being written holds half an id.
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
  // Bridges send it to brokers, and it is a part of file names.
  if (/^[\w-]+$/.test(id)) return id;
  throw new FifobusError(
    "unsafe_bus",
    `Cannot use "${bus.path}" as the bus: its file .id holds no id; remove it`,
  );
}
