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

/** The inbox of a member: one file with a name for each of its filters. */
export interface Inbox {
  /** What it subscribes to, sorted; `$share/GROUP/FILTER` for a group. */
  filters: string[];
  /** The id of the subscribing process; null for a group. */
  pid: number | null;
}

/**
 * Lists the inboxes that have a reader.
 *
 * @param folder The folder of the bus.
 * @returns The inboxes, by the names of their members.
 */
export function listInboxes(folder: string): Map<string, Inbox> {
  const inboxes = new Map<string, Inbox>();
  for (const { filter, member, group, name } of readSubscriptions(folder)) {
    if (!isTopicFilter(filter) || !isRead(`${folder}/${name}`)) continue;
    const isGroup = group !== undefined;
    const shown = isGroup ? `$share/${group}/${filter}` : filter;
    const before = inboxes.get(member)?.filters ?? [];
    const pid = isGroup ? null : parseInt(member) || null;
    inboxes.set(member, { filters: [...before, shown].sort(), pid });
  }
  return inboxes;
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
