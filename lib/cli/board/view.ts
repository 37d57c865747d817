/**
 * What the user of the dashboard wants to see, and the keys to choose it.
 *
 * @module
 */
import type { Row } from "./board.ts";

/** The keys, and what each sorts the rows by. */
export const SORT_KEYS = {
  t: "topic",
  v: "value",
  r: "rate",
  a: "age",
} as const;

/** What rows are sorted by. */
export type Sort = typeof SORT_KEYS[keyof typeof SORT_KEYS];

/** Tells which of two rows comes first; equal rows are sorted by topic. */
const COMPARE: Record<Sort, (a: Row, b: Row) => number> = {
  topic: () => 0,
  value: (a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity) || 0,
  rate: (a, b) => b.rate - a.rate,
  age: (a, b) => b.at - a.at,
};

/** How far a key scrolls, in pages and rows. */
const SCROLL: Record<string, { pages: number; rows: number }> = {
  up: { pages: 0, rows: -1 },
  k: { pages: 0, rows: -1 },
  down: { pages: 0, rows: 1 },
  j: { pages: 0, rows: 1 },
  "page up": { pages: -1, rows: 0 },
  "page down": { pages: 1, rows: 0 },
  home: { pages: 0, rows: -Infinity },
  g: { pages: 0, rows: -Infinity },
  end: { pages: 0, rows: Infinity },
  G: { pages: 0, rows: Infinity },
};

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
  /** How many rows are above the screen. */
  top = 0;

  /**
   * Handles a key.
   *
   * @param key A character, or a name such as "up".
   * @param pageRows How many rows the screen has.
   * @returns Whether the user wants to leave.
   */
  press(key: string, pageRows: number): boolean {
    if (this.isTyping) {
      this.#type(key);
      return false;
    }
    const scroll = SCROLL[key];
    if (scroll) {
      this.top = Math.max(0, this.top + scroll.pages * pageRows + scroll.rows);
    } else if (key in SORT_KEYS) {
      const sort = SORT_KEYS[key as keyof typeof SORT_KEYS];
      this.reversed = this.sort === sort && !this.reversed;
      this.sort = sort;
    } else if (key === "/") this.isTyping = true;
    else if (key === "escape") this.filter = "";
    else if (key === "p" || key === " ") this.isPaused = !this.isPaused;
    return key === "q";
  }

  /**
   * Chooses and sorts rows, and keeps the screen within them.
   *
   * @param rows All rows.
   * @param pageRows How many rows the screen has.
   * @returns The rows on the screen, and the number of all matching rows.
   */
  select(rows: Row[], pageRows: number): { shown: Row[]; matching: number } {
    const filter = this.filter.toLowerCase();
    const compare = COMPARE[this.sort];
    const matching = rows
      .filter(({ topic }) => topic.toLowerCase().includes(filter))
      .sort((a, b) =>
        compare(a, b) || (a.topic < b.topic ? -1 : Number(a.topic > b.topic))
      );
    if (this.reversed) matching.reverse();
    this.top = Math.min(this.top, Math.max(0, matching.length - pageRows));
    const shown = matching.slice(this.top, this.top + pageRows);
    return { shown, matching: matching.length };
  }

  #type(key: string): void {
    if (key === "enter") this.isTyping = false;
    else if (key === "escape") {
      this.isTyping = false;
      this.filter = "";
    } else if (key === "backspace") {
      this.filter = [...this.filter].slice(0, -1).join("");
    } else if (/^\P{Cc}$/u.test(key)) this.filter += key;
  }
}
