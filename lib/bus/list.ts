/**
 * The live subscriptions of the bus.
 *
 * @module
 */
import { isRead } from "../fifo/nonblocking.ts";
import { isTopicFilter } from "../topic.ts";
import { DEFAULT_BUS_MODE, lstatIfThere, openBus } from "./folder.ts";
import { livingMembers } from "./group.ts";
import { readSubscriptions } from "./names.ts";

/** A live subscription. */
export interface Subscription {
  /** The topic filter; `$share/GROUP/FILTER`, if a group shares it. */
  filter: string;
  /** The id of the subscribing process; null if the name does not say. */
  pid: number | null;
  /** When the subscription was made, in ISO 8601 format. */
  since: string | null;
}

/**
 * Lists the subscriptions that have a reader, sorted by filter.
 *
 * @param mode The most permissions that the folder of the bus may have.
 * @returns The subscriptions.
 */
export async function listSubscriptions(
  mode: number = DEFAULT_BUS_MODE,
): Promise<Subscription[]> {
  const { path: folder } = await openBus(mode);
  return readSubscriptions(folder)
    .filter(({ name }) => isRead(`${folder}/${name}`))
    .flatMap(({ filter, group, name, member }) =>
      group === undefined
        ? [live(filter, member, `${folder}/${name}`)]
        : livingMembers(`${folder}/.${name}`).map((it) =>
          live(`$share/${group}/${filter}`, it.member, it.path)
        )
    )
    // Anybody can make a file with any name by hand.
    .filter(({ filter }) => isTopicFilter(filter))
    .sort((a, b) => a.filter < b.filter ? -1 : Number(a.filter > b.filter));
}

function live(filter: string, member: string, path: string): Subscription {
  const info = lstatIfThere(path);
  return {
    filter,
    pid: parseInt(member) || null,
    since: (info?.birthtime ?? info?.ctime)?.toISOString() ?? null,
  };
}
