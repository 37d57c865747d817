/**
 * What a user of topics may not expect: which bus it is, and a FIFO of the same
 * name.
 *
 * @module
 */
import { parseAddress } from "../address.ts";
import { folderPath } from "../bus/folder.ts";
import { complain, type World } from "./program.ts";

/**
 * Says which folder is the bus.
 *
 * @param name The program's name.
 * @param world Where it says so.
 */
export function tellFolder(name: string, world: World): void {
  complain(name, world, `the bus is ${folderPath()}`);
}

/**
 * Says that a topic is also the name of a FIFO in the working folder.
 *
 * @param name The program's name.
 * @param world Where it says so.
 * @param addresses What the user wrote.
 */
export function tellFifos(
  name: string,
  world: World,
  addresses: string[],
): void {
  for (const text of addresses) {
    const address = parseAddress(text);
    // Whoever writes topic: means it.
    if (address.kind !== "topic" || address.topic !== text) continue;
    if (!isFifo(text)) continue;
    complain(
      name,
      world,
      `"${text}" is a topic; the FIFO of that name is ./${text}`,
    );
  }
}

function isFifo(path: string): boolean {
  if (path === "" || path.includes("\0")) return false;
  // Nobody is to be asked for a permission because of a hint.
  const read = { name: "read", path } as const;
  if (Deno.permissions.querySync(read).state !== "granted") return false;
  try {
    return Deno.statSync(path).isFifo ?? false;
  } catch {
    return false;
  }
}
