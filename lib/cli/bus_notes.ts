/**
 * Tells users of topics what they may not expect: which folder is the bus, and
 * that a FIFO has the same name as a topic.
 *
 * @module
 */
import { parseAddress } from "../address.ts";
import { folderPath } from "../bus/folder.ts";
import { complain, type World } from "./program.ts";

/**
 * Prints which folder is the bus.
 *
 * @param name The program's name.
 * @param world Its standard error.
 */
export function tellFolder(name: string, world: World): void {
  complain(name, world, `the bus is ${folderPath()}`);
}

/**
 * Prints a note if a topic is also the name of a FIFO in the working folder.
 *
 * @param name The program's name.
 * @param world Its standard error.
 * @param addresses The addresses as the user wrote them.
 */
export function tellFifos(
  name: string,
  world: World,
  addresses: string[],
): void {
  for (const text of addresses) {
    const address = parseAddress(text);
    // A user who writes topic: means a topic.
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
  // A hint is not worth asking the user for a permission.
  const read = { name: "read", path } as const;
  if (Deno.permissions.querySync(read).state !== "granted") return false;
  try {
    return Deno.statSync(path).isFifo ?? false;
  } catch {
    return false;
  }
}
