/**
 * Who is there: the live subscriptions of the bus.
 *
 * @module
 */
import { hasReader } from "../nonblocking.ts";
import {
  DEFAULT_BUS_MODE,
  lstatIfThere,
  openFolder,
  readSubscriptions,
} from "./folder.ts";

/** A filter that somebody subscribes to. */
export interface LiveSubscription {
  /** The topic filter. */
  filter: string;
  /** The process, if its name tells. */
  pid: number | null;
  /** When it was made, as ISO 8601 has it. */
  since: string | null;
}

/**
 * Lists the subscriptions that have a reader, by filter.
 *
 * @param mode The permissions that the bus may have.
 * @returns The subscriptions.
 */
export function listSubscriptions(
  mode: number = DEFAULT_BUS_MODE,
): LiveSubscription[] {
  const folder = openFolder(mode);
  return readSubscriptions(folder)
    .filter(({ name }) => hasReader(`${folder}/${name}`))
    .map(({ filter, name, member }) => {
      const info = lstatIfThere(`${folder}/${name}`);
      return {
        filter,
        pid: parseInt(member) || null,
        since: (info?.birthtime ?? info?.ctime)?.toISOString() ?? null,
      };
    })
    .sort((a, b) => a.filter < b.filter ? -1 : Number(a.filter > b.filter));
}
