/**
 * Routing messages to members: the folder of the bus is the routing table.
 *
 * @module
 */
import { FilterTree } from "./filter_tree.ts";
import { isYoung, lstatIfThere, tidyFifo } from "./folder.ts";
import { Link, type LinkOptions } from "./link.ts";
import { parseName, readNames, type Subscription } from "./names.ts";
import { TopicCache } from "./topic_cache.ts";

/** How long a long-lived publisher may overlook a new subscriber. */
const MAX_AGE_MS = 5;

/** How messages are sent. */
export interface RoutesOptions extends LinkOptions {
  /** The mark of the messages: subscribers that leave it out are skipped. */
  origin: string | undefined;
}

/** The members of the bus, and the links of one publisher to them. */
export class Routes {
  readonly #folder: string;
  readonly #options: RoutesOptions;
  readonly #links = new Map<string, Link>();
  /** Links to members that have left, until earlier messages are through. */
  readonly #closing = new Map<string, Link>();
  readonly #byTopic = new TopicCache<Link[]>();
  /** By name; undefined for a name that is not a subscription. */
  readonly #subscriptions = new Map<string, Subscription | undefined>();
  readonly #members = new Map<string, Set<Subscription>>();
  /** The subscriptions that get the messages of this publisher. */
  readonly #tree = new FilterTree<Subscription>();
  /** Finds the links of a topic without the cache. */
  readonly #match = (topic: string): Link[] => {
    const links = this.#tree.match(topic).map((it) => this.#link(it));
    // A member may have several filters that match.
    return links.length > 1 ? [...new Set(links)] : links;
  };
  #checkedAt = -Infinity;
  #listed = { mtime: -1, young: true };

  /**
   * Creates routes without any link.
   *
   * @param folder The bus.
   * @param options How the links send.
   */
  constructor(folder: string, options: RoutesOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** How many bytes wait to be written to all members together. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const link of this.#links.values()) bytes += link.bufferedBytes;
    return bytes;
  }

  /**
   * Finds the members that a message is for.
   *
   * @param topic The message's topic.
   * @param isKept Whether it was just kept as the last value. A subscriber that
   * joins from now on finds that value; one that is there already must not be
   * missed.
   * @returns A link to each.
   */
  find(topic: string, isKept = false): Link[] {
    this.#refresh(isKept ? 0 : MAX_AGE_MS);
    return this.#byTopic.get(topic, () => {
      // A requester subscribes to its reply topic just before it asks: with a
      // listing 5 ms old, we would miss it.
      this.#refresh(0);
      return this.#match(topic);
    });
  }

  /**
   * Finds the members that messages published together are for, with one look
   * at the folder.
   *
   * @param topics The topic of each message.
   * @returns For each message, a link to each member.
   */
  findAll(topics: string[]): Link[][] {
    this.#refresh(0);
    return topics.map((it) => this.#byTopic.get(it, this.#match));
  }

  /**
   * Counts the members that a message would reach. A name alone proves nothing:
   * its process may have died without removing it.
   *
   * @param topic The message's topic.
   * @param isRead Tells whether somebody reads a FIFO; undefined if unknown.
   * @returns How many members are alive.
   */
  count(topic: string, isRead: (path: string) => boolean | undefined): number {
    let count = 0;
    for (const { member } of this.find(topic)) {
      const path = this.#findPath(member);
      const isAlive = path === undefined ? undefined : isRead(path);
      if (isAlive) count++;
      else if (isAlive === false) this.#forget(member);
    }
    return count;
  }

  /** Closes all links, after all messages are written or dropped. */
  async close(): Promise<void> {
    for (const member of this.#links.keys()) this.#drop(member);
    const closing = [...this.#closing.values()];
    await Promise.all(closing.map((link) => link.close()));
  }

  #drop(member: string): void {
    const link = this.#links.get(member);
    if (!link) return;
    this.#links.delete(member);
    this.#closing.set(member, link);
    link.close().finally(() => {
      if (this.#closing.get(member) === link) this.#closing.delete(member);
    });
  }

  #link({ member, group, origin, delimiter }: Subscription): Link {
    let link = this.#links.get(member);
    if (!link) {
      link = new Link(member, delimiter, this.#options, {
        isGroup: group !== undefined,
        isBridge: origin !== undefined,
        findPath: () => this.#findPath(member),
        onGone: () => this.#forget(member),
      }, this.#closing.get(member));
      this.#links.set(member, link);
    }
    return link;
  }

  /**
   * Finds a name of a member that still exists: it may have left some topics.
   */
  #findPath(member: string): string | undefined {
    for (const { name } of this.#members.get(member) ?? []) {
      const path = `${this.#folder}/${name}`;
      if (lstatIfThere(path)?.isFifo) return path;
    }
    return undefined;
  }

  #refresh(maxAgeMs: number): void {
    const now = performance.now();
    if (now - this.#checkedAt < maxAgeMs) return;
    this.#checkedAt = now;
    // A logout may remove the folder, and a subscriber may make it again.
    const mtime = lstatIfThere(this.#folder)?.mtime?.getTime() ?? 0;
    if (mtime === this.#listed.mtime && !this.#listed.young) return;
    this.#listed = { mtime, young: isYoung(mtime) };
    this.#update(new Set(mtime === 0 ? [] : readNames(this.#folder)));
  }

  /** Adds the names that are new, and removes the names that are gone. */
  #update(names: Set<string>): void {
    const gone = [...this.#subscriptions.keys()].filter((it) => !names.has(it));
    const added = [...names].filter((it) => !this.#subscriptions.has(it));
    if (gone.length === 0 && added.length === 0) return;
    for (const name of gone) this.#remove(name);
    for (const name of added) this.#add(name);
    this.#byTopic.clear();
    for (const member of this.#links.keys()) {
      if (!this.#members.has(member)) this.#drop(member);
    }
  }

  #add(name: string): void {
    const added = parseName(name);
    this.#subscriptions.set(name, added);
    if (!added) return;
    const { member, filter } = added;
    const before = this.#members.get(member);
    if (before) before.add(added);
    else this.#members.set(member, new Set([added]));
    const { origin } = this.#options;
    if (origin !== undefined && added.origin === origin) return;
    this.#tree.add(filter, added);
  }

  #remove(name: string): void {
    const removed = this.#subscriptions.get(name);
    this.#subscriptions.delete(name);
    if (!removed) return;
    const { member, filter } = removed;
    const others = this.#members.get(member)!;
    others.delete(removed);
    if (others.size === 0) this.#members.delete(member);
    this.#tree.delete(filter, removed);
  }

  /** Removes the files that a dead member has left. */
  #forget(member: string): void {
    for (const { name } of [...this.#members.get(member) ?? []]) {
      tidyFifo(`${this.#folder}/${name}`);
      this.#remove(name);
    }
    tidyFifo(`${this.#folder}/.${member}`);
    this.#byTopic.clear();
    this.#drop(member);
  }
}
