/**
 * Topics as a tree that folds by level.
 *
 * @module
 */
import type { Row } from "./topic.ts";

/** A line of the list: a topic, a branch of topics, or both. */
export interface Item {
  /** The topic, or the path of the branch. */
  key: string;
  /** What to show for it. */
  name: string;
  /** How far it is indented, in levels. */
  depth: number;
  /** The topic; undefined if it is a branch without messages. */
  row: Row | undefined;
  /** What is below it; undefined if there is nothing. */
  branch: {
    isFolded: boolean;
    topics: number;
    alarms: number;
    rate: number;
  } | undefined;
}

interface Node {
  name: string;
  key: string;
  row: Row | undefined;
  children: Map<string, Node>;
  topics: number;
  alarms: number;
  rate: number;
}

/**
 * Makes the lines of the tree.
 *
 * @param rows The topics, in their natural order.
 * @param isFolded Tells whether a branch is folded, by its path and its depth.
 * @returns The lines that are not in folded branches.
 */
export function treeOf(
  rows: Row[],
  isFolded: (key: string, depth: number) => boolean,
): Item[] {
  const root = nodeOf("", "");
  for (const row of rows) {
    let node = root;
    let key = "";
    const levels = row.topic.split("/");
    for (const [i, name] of levels.entries()) {
      key = i === 0 ? name : `${key}/${name}`;
      let child = node.children.get(name);
      if (!child) node.children.set(name, child = nodeOf(name, key));
      node = child;
      if (i === levels.length - 1) node.row = row;
      else {
        node.topics++;
        node.alarms += Number(row.alarm);
        node.rate += row.rate;
      }
    }
  }
  const items: Item[] = [];
  const add = (node: Node, depth: number): void => {
    for (let child of node.children.values()) {
      let { name } = child;
      // A branch with nothing but another branch shares its line.
      while (!child.row && child.children.size === 1) {
        [child] = child.children.values() as Iterable<Node> as [Node];
        name += `/${child.name}`;
      }
      const { key, row, topics, alarms, rate } = child;
      const hasBranch = child.children.size > 0;
      const isClosed = hasBranch && isFolded(key, depth);
      const branch = hasBranch
        ? { isFolded: isClosed, topics, alarms, rate }
        : undefined;
      items.push({ key, name, depth, row, branch });
      if (hasBranch && !isClosed) add(child, depth + 1);
    }
  };
  add(root, 0);
  return items;
}

function nodeOf(name: string, key: string): Node {
  const children = new Map<string, Node>();
  return { name, key, row: undefined, children, topics: 0, alarms: 0, rate: 0 };
}
