/**
 * What the user of the dashboard wants to see, and the keys to choose it.
 *
 * @module
 */
import { type Span, SPANS } from "./history.ts";
import type { Row } from "./topic.ts";
import { type Item, treeOf } from "./tree.ts";

/** The keys, and what each sorts the rows by. */
export const SORT_KEYS = {
  t: "topic",
  v: "value",
  r: "rate",
  a: "age",
  "!": "alarm",
} as const;

/** What rows are sorted by. */
export type Sort = typeof SORT_KEYS[keyof typeof SORT_KEYS];

/** Tells which of two rows comes first; equal rows keep their natural order. */
export const COMPARE: Record<Sort, (a: Row, b: Row) => number> = {
  topic: () => 0,
  value: (a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity) || 0,
  rate: (a, b) => b.rate - a.rate,
  age: (a, b) => b.at - a.at,
  alarm: (a, b) => Number(b.alarm) - Number(a.alarm),
};

/** How far a key moves, in pages and lines. */
const MOVES: Record<string, { pages: number; lines: number }> = {
  up: { pages: 0, lines: -1 },
  k: { pages: 0, lines: -1 },
  down: { pages: 0, lines: 1 },
  j: { pages: 0, lines: 1 },
  "page up": { pages: -1, lines: 0 },
  "page down": { pages: 1, lines: 0 },
  home: { pages: 0, lines: -Infinity },
  g: { pages: 0, lines: -Infinity },
  end: { pages: 0, lines: Infinity },
  G: { pages: 0, lines: Infinity },
};

/** The lines on the screen, and how many there are. */
export interface Selection {
  shown: Item[];
  /** The number of matching topics. */
  matching: number;
  /** The number of lines: fewer than that if branches are folded. */
  lines: number;
}

/** What the user wants to see. */
export class View {
  /** What rows are sorted by. */
  sort: Sort = "topic";
  /** Whether the last row comes first. */
  reversed = false;
  /** The text that a topic has to contain. */
  filter = "";
  /** Whether the user is typing the filter. */
  isTyping = false;
  /** Whether the screen is paused. */
  isPaused = false;
  /** Whether topics are shown as a tree. */
  isTree = false;
  /** Whether the keys are explained. */
  isHelp = false;
  /** The topic that is shown alone; undefined if all are. */
  topic: string | undefined;
  /** Which of its values the chart shows. */
  valueIndex = 0;
  /** How many lines are above the screen. */
  top = 0;
  /** The line with the cursor. */
  cursor = 0;
  /** How many lines of messages are above the screen, beside one topic. */
  messagesTop = 0;
  /** The widths of columns so far: a column that jumps is hard to read. */
  readonly widths = new Map<string, number>();
  #spanIndex = 0;
  /** What the cursor is on. */
  #key: string | undefined;
  /** What to do with the line under the cursor, once it is known. */
  #act: "enter" | "fold" | "unfold" | undefined;
  /** Branches that are not as #level says. */
  readonly #switched = new Set<string>();
  /** Branches from this depth on are folded. */
  #level = Infinity;

  /** The span of time in the charts. */
  get span(): Span {
    return SPANS[this.#spanIndex]!;
  }

  /**
   * Handles a key.
   *
   * @param key A character, or a name such as "up".
   * @param pageRows How many rows the screen has.
   * @returns Whether the user wants to leave.
   */
  press(key: string, pageRows: number): boolean {
    this.widths.clear();
    if (this.isTyping) {
      this.#type(key);
      return false;
    }
    if (key === "q") return true;
    if (this.isHelp) this.isHelp = false;
    else if (key === "?") this.isHelp = true;
    else if (key === "w" || key === "W") {
      const next = this.#spanIndex + (key === "w" ? 1 : SPANS.length - 1);
      this.#spanIndex = next % SPANS.length;
    } else if (key === "p" || key === " ") this.isPaused = !this.isPaused;
    else if (this.topic !== undefined) this.#pressAtTopic(key, pageRows);
    else this.#pressAtList(key, pageRows);
    return false;
  }

  /**
   * Chooses and sorts rows, and keeps the cursor and the screen within them.
   *
   * @param rows All rows, in their natural order.
   * @param pageRows How many rows the screen has.
   * @returns The lines on the screen.
   */
  select(rows: Row[], pageRows: number): Selection {
    const filter = this.filter.toLowerCase();
    let matching = filter === ""
      ? rows
      : rows.filter(({ topic }) => topic.toLowerCase().includes(filter));
    let items: Item[] | undefined;
    if (this.isTree) items = treeOf(matching, (...at) => this.#isFolded(...at));
    else {
      if (this.sort !== "topic") {
        matching = matching.toSorted(COMPARE[this.sort]);
      }
      if (this.reversed) matching = matching.toReversed();
    }
    const length = items?.length ?? matching.length;
    const keyAt = (i: number) => items ? items[i]?.key : matching[i]?.topic;
    // Topics that come or go do not move the cursor to another one.
    if (this.#key !== undefined && keyAt(this.cursor) !== this.#key) {
      const at = items
        ? items.findIndex(({ key }) => key === this.#key)
        : matching.findIndex(({ topic }) => topic === this.#key);
      if (at >= 0 && (items || this.sort === "topic")) this.cursor = at;
    }
    this.cursor = Math.max(0, Math.min(this.cursor, length - 1));
    this.#key = keyAt(this.cursor);
    this.top = Math.min(this.top, this.cursor, Math.max(0, length - pageRows));
    this.top = Math.max(this.top, this.cursor - pageRows + 1);
    const end = this.top + pageRows;
    const shown = items?.slice(this.top, end) ??
      matching.slice(this.top, end).map((row) => ({
        key: row.topic,
        name: row.topic,
        depth: 0,
        row,
        branch: undefined,
      }));
    const act = this.#act;
    this.#act = undefined;
    const item = shown[this.cursor - this.top];
    if (act && item && this.#do(act, item)) return this.select(rows, pageRows);
    return { shown, matching: matching.length, lines: length };
  }

  #pressAtList(key: string, pageRows: number): void {
    const move = MOVES[key];
    if (move) {
      const by = move.pages * pageRows + move.lines;
      this.cursor = Math.max(0, this.cursor + by);
      this.#key = undefined;
    } else if (Object.hasOwn(SORT_KEYS, key)) {
      const sort = SORT_KEYS[key as keyof typeof SORT_KEYS];
      this.reversed = this.sort === sort && !this.reversed;
      this.sort = sort;
      this.isTree = false;
      this.#toTop();
    } else if (key === "/") this.isTyping = true;
    else if (key === "escape") this.filter = "";
    else if (key === "tab") this.isTree = !this.isTree;
    else if (key === "enter") this.#act = "enter";
    else if (!this.isTree) return;
    else if (key === "left" || key === "h") this.#act = "fold";
    else if (key === "right" || key === "l") this.#act = "unfold";
    else if (/^[1-9]$/.test(key)) {
      this.#level = Number(key) - 1;
      this.#switched.clear();
    } else if (key === "0") {
      this.#level = Infinity;
      this.#switched.clear();
    }
  }

  #pressAtTopic(key: string, pageRows: number): void {
    const move = MOVES[key];
    if (move) {
      const by = move.pages * (pageRows >> 1) + move.lines;
      this.messagesTop = Math.max(0, this.messagesTop + by);
    } else if (["escape", "enter", "backspace"].includes(key)) {
      this.topic = undefined;
    } else if (key === "left" || key === "h") {
      this.valueIndex = Math.max(0, this.valueIndex - 1);
    } else if (key === "right" || key === "l" || key === "tab") {
      this.valueIndex++;
    }
  }

  /** Opens a topic, or folds a branch; returns whether that was folded. */
  #do(act: "enter" | "fold" | "unfold", { key, row, branch }: Item): boolean {
    if (act === "enter" && row) {
      this.topic = row.topic;
      this.valueIndex = this.messagesTop = 0;
      return false;
    }
    if (!branch || act === (branch.isFolded ? "fold" : "unfold")) return false;
    if (!this.#switched.delete(key)) this.#switched.add(key);
    return true;
  }

  #isFolded(key: string, depth: number): boolean {
    return depth >= this.#level !== this.#switched.has(key);
  }

  #toTop(): void {
    this.cursor = 0;
    this.#key = undefined;
  }

  #type(key: string): void {
    this.#toTop();
    if (key === "enter") this.isTyping = false;
    else if (key === "escape") {
      this.isTyping = false;
      this.filter = "";
    } else if (key === "backspace") {
      this.filter = [...this.filter].slice(0, -1).join("");
    } else if (/^\P{Cc}$/u.test(key)) this.filter += key;
  }
}
