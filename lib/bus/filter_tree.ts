/**
 * Finding the filters that match a topic among many filters.
 *
 * @module
 */

/** The filters that begin with the same levels. */
class Node<T> {
  /** The filters that go on with a certain level; most nodes have none. */
  #next: Map<string, Node<T>> | undefined;
  /** The filters that go on with `+`: a field, because each topic asks. */
  any: Node<T> | undefined;
  /** The filter that ends with `#` here. */
  rest: Node<T> | undefined;
  /** What was added under the filter that ends here. */
  readonly values: T[] = [];

  get isEmpty(): boolean {
    return this.values.length === 0 && !this.#next && !this.any && !this.rest;
  }

  exact(level: string): Node<T> | undefined {
    return this.#next?.get(level);
  }

  get(level: string): Node<T> | undefined {
    if (level === "+") return this.any;
    return level === "#" ? this.rest : this.exact(level);
  }

  set(level: string, node: Node<T> | undefined): void {
    if (level === "+") this.any = node;
    else if (level === "#") this.rest = node;
    else if (node) (this.#next ??= new Map()).set(level, node);
    else if (this.#next?.delete(level) && this.#next.size === 0) {
      this.#next = undefined;
    }
  }
}

/**
 * A tree of filters, one level of a filter at each node. The time to find the
 * filters of a topic depends on the levels of the topic and on what is found,
 * and not on how many other filters there are.
 */
export class FilterTree<T> {
  readonly #root = new Node<T>();

  /**
   * Adds a value under a filter; a second time changes nothing.
   *
   * @param filter The filter.
   * @param value The value.
   */
  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of levelsOf(filter)) {
      let next = node.get(level);
      if (!next) node.set(level, next = new Node());
      node = next;
    }
    if (!node.values.includes(value)) node.values.push(value);
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
      const next = node.get(level);
      if (!next) return;
      way.push([node, level]);
      node = next;
    }
    const at = node.values.indexOf(value);
    if (at >= 0) node.values.splice(at, 1);
    for (const [parent, level] of way.reverse()) {
      if (!parent.get(level)!.isEmpty) return;
      parent.set(level, undefined);
    }
  }

  /**
   * Finds what was added under the filters that match a topic, by the rules of
   * {@linkcode matchesTopic}.
   *
   * @param topic The topic.
   * @returns Each value once.
   */
  match(topic: string): T[] {
    const found: T[] = [];
    // A wildcard at the start does not match topics of the system.
    const takesAny = !topic.startsWith("$");
    const nodes = visit(this.#root, topic, 0, takesAny, found);
    return nodes > 1 ? [...new Set(found)] : found;
  }
}

/**
 * Collects the values of the filters that match the rest of a topic. It does
 * not split the topic: V8 keeps the parts of what it has split, which takes
 * longer than all the rest.
 *
 * @param start Where the rest starts; behind the end if nothing is left.
 * @returns From how many nodes they are.
 */
function visit<T>(
  node: Node<T>,
  topic: string,
  start: number,
  takesAny: boolean,
  found: T[],
): number {
  let nodes = takesAny ? collect(node.rest, found) : 0;
  if (start > topic.length) return nodes + collect(node, found);
  const slash = topic.indexOf("/", start);
  const end = slash < 0 ? topic.length : slash;
  const exact = node.exact(topic.slice(start, end));
  if (exact) nodes += visit(exact, topic, end + 1, true, found);
  const any = takesAny ? node.any : undefined;
  if (any) nodes += visit(any, topic, end + 1, true, found);
  return nodes;
}

function collect<T>(node: Node<T> | undefined, found: T[]): number {
  if (!node || node.values.length === 0) return 0;
  for (const value of node.values) found.push(value);
  return 1;
}

/** Splits a filter. `#` stands for the rest, so nothing behind it counts. */
function levelsOf(filter: string): string[] {
  const levels = filter.split("/");
  const rest = levels.indexOf("#");
  return rest < 0 ? levels : levels.slice(0, rest + 1);
}
