/**
 * Who gets a message: the folder is the routing table.
 *
 * @module
 */
import { matchesTopic } from "../topic.ts";
import {
  readSubscriptions,
  removeIfThere,
  type Subscription,
} from "./folder.ts";
import { Link, type LinkOptions } from "./link.ts";

/** How long a new subscriber may go unseen by a long-lived publisher. */
const MAX_AGE_MS = 5;

/**
 * The time stamp of a folder moves in ticks of up to 10 ms: a change in the
 * same tick as a listing does not show, so a young folder is listed again.
 */
const TICK_MS = 20;

/** How many topics a publisher remembers the way to. */
const MAX_CACHED_TOPICS = 1000;

/** How messages are sent. */
export interface RoutesOptions extends LinkOptions {
  /** Those who leave out what has this mark are passed over. */
  origin: string | undefined;
}

/** The members of the bus, and the links of one publisher to them. */
export class Routes {
  readonly #folder: string;
  readonly #options: RoutesOptions;
  readonly #links = new Map<string, Link>();
  /** Those to members that have left, until what was sent before is through. */
  readonly #closing = new Set<Promise<void>>();
  readonly #byTopic = new Map<string, Link[]>();
  #subscriptions: Subscription[] = [];
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
   * @returns A link to each.
   */
  find(topic: string): Link[] {
    this.#refresh();
    let links = this.#byTopic.get(topic);
    if (!links) {
      // Who asks subscribes to a topic of its own a moment before, and would
      // miss an answer that goes by what the folder held 5 ms ago.
      this.#refresh(0);
      const found = new Set<Link>();
      for (const subscription of this.#subscriptions) {
        if (!matchesTopic(subscription.filter, topic)) continue;
        const { origin } = this.#options;
        if (origin !== undefined && subscription.origin === origin) continue;
        found.add(this.#link(subscription));
      }
      links = [...found];
      if (this.#byTopic.size >= MAX_CACHED_TOPICS) this.#byTopic.clear();
      this.#byTopic.set(topic, links);
    }
    return links;
  }

  /** Closes all links, once all is written or dropped. */
  async close(): Promise<void> {
    for (const member of this.#links.keys()) this.#drop(member);
    await Promise.all(this.#closing);
  }

  #drop(member: string): void {
    const closing = this.#links.get(member)?.close();
    this.#links.delete(member);
    if (!closing) return;
    this.#closing.add(closing);
    closing.finally(() => this.#closing.delete(closing));
  }

  #link({ member, name, delimiter }: Subscription): Link {
    let link = this.#links.get(member);
    if (!link) {
      const path = `${this.#folder}/${name}`;
      const onGone = () => this.#forget(member);
      link = new Link(member, path, delimiter, this.#options, onGone);
      this.#links.set(member, link);
    }
    return link;
  }

  #refresh(maxAgeMs = MAX_AGE_MS): void {
    const now = performance.now();
    if (now - this.#checkedAt < maxAgeMs) return;
    this.#checkedAt = now;
    const mtime = Deno.statSync(this.#folder).mtime!.getTime();
    if (mtime === this.#listed.mtime && !this.#listed.young) return;
    this.#listed = { mtime, young: Date.now() - mtime < TICK_MS };
    this.#subscriptions = readSubscriptions(this.#folder);
    this.#byTopic.clear();
    const members = new Set(this.#subscriptions.map(({ member }) => member));
    for (const member of this.#links.keys()) {
      if (!members.has(member)) this.#drop(member);
    }
  }

  /** Removes what a member that died without a word has left. */
  #forget(member: string): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.member !== member) continue;
      removeIfThere(`${this.#folder}/${subscription.name}`);
    }
    removeIfThere(`${this.#folder}/.${member}`);
    this.#subscriptions = this.#subscriptions
      .filter((subscription) => subscription.member !== member);
    this.#byTopic.clear();
    this.#drop(member);
  }
}
