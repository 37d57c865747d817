/**
 * Finding the filters that match a topic among many filters.
 *
 * @module
 */

/** The filters that begin with the same levels. */
interface Node<T> {
  /** The filters that go on, by their next level, which may be a wildcard. */
  readonly next: Map<string, Node<T>>;
  /** What was added under the filter that ends here. */
  readonly values: Set<T>;
}

/**
 * A tree of filters, one level of a filter at each node. The time to find the
 * filters of a topic depends on the levels of the topic and on what is found,
 * and not on how many other filters there are.
 */
export class FilterTree<T> {
  readonly #root: Node<T> = makeNode();

  /**
   * Adds a value under a filter; a second time changes nothing.
   *
   * @param filter The filter.
   * @param value The value.
   */
  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of levelsOf(filter)) {
      let next = node.next.get(level);
      if (!next) node.next.set(level, next = makeNode());
      node = next;
    }
    node.values.add(value);
  }

  /**
   * Removes a value that was added under a filter.
   *
   * @param filter The filter.
   * @param value The value.
   */
  delete(filter: string, value: T): void {
    const way: [node: Node<T>, level: string][] = [];
    let node = this.#root;
    for (const level of levelsOf(filter)) {
      const next = node.next.get(level);
      if (!next) return;
      way.push([node, level]);
      node = next;
    }
    node.values.delete(value);
    for (const [parent, level] of way.reverse()) {
      const { next, values } = parent.next.get(level)!;
      if (next.size > 0 || values.size > 0) return;
      parent.next.delete(level);
    }
  }

  /**
   * Finds what was added under the filters that match a topic, by the rules of
   * {@linkcode matchesTopic}.
   *
   * @param topic The topic.
   * @returns Each value once.
   */
  match(topic: string): Set<T> {
    const found = new Set<T>();
    const levels = topic.split("/");
    const visit = (node: Node<T>, depth: number): void => {
      // A wildcard at the start does not match topics of the system.
      const takesAny = depth > 0 || !topic.startsWith("$");
      if (takesAny) addAll(found, node.next.get("#")?.values);
      const level = levels[depth];
      if (level === undefined) return addAll(found, node.values);
      for (const key of takesAny ? [level, "+"] : [level]) {
        const next = node.next.get(key);
        if (next) visit(next, depth + 1);
      }
    };
    visit(this.#root, 0);
    return found;
  }
}

function makeNode<T>(): Node<T> {
  return { next: new Map(), values: new Set() };
}

function addAll<T>(found: Set<T>, values: Set<T> | undefined): void {
  if (values) { for (const value of values) found.add(value); }
}

/** Splits a filter. `#` stands for the rest, so nothing behind it counts. */
function levelsOf(filter: string): string[] {
  const levels = filter.split("/");
  const rest = levels.indexOf("#");
  return rest < 0 ? levels : levels.slice(0, rest + 1);
}
