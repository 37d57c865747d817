/**
 * A bounded cache for topics that come again and again.
 *
 * @module
 */
import { addToHash, HASH_START, Recurring } from "../wire/recurring.ts";

/** How long a topic may be, so that the cache is bounded in bytes, too. */
const MAX_LENGTH = 255;

/** Values by topic, of which it keeps a bounded number. */
export class TopicCache<T> {
  readonly #known = new Recurring<{ topic: string; value: T }>();
  /** The topic that came last: often the next one is the same. */
  #last: { topic: string; value: T } | undefined;

  /**
   * Returns the value of a topic.
   *
   * @param topic The topic.
   * @param find Finds the value if the cache does not have it.
   * @returns The value.
   */
  get(topic: string, find: (topic: string) => T): T {
    if (this.#last?.topic === topic) return this.#last.value;
    const { length } = topic;
    if (length > MAX_LENGTH) return find(topic);
    let hash = HASH_START;
    for (let i = 0; i < length; i++) {
      hash = addToHash(hash, topic.charCodeAt(i));
    }
    const known = this.#known.get(hash);
    if (known?.topic === topic) {
      this.#last = known;
      return known.value;
    }
    const value = find(topic);
    if (this.#known.recurs(hash)) this.#known.set(hash, { topic, value });
    return value;
  }

  /** Forgets all values. */
  clear(): void {
    this.#known.clear();
    this.#last = undefined;
  }
}
