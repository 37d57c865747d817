// Runs in the browser. The server sends the text of its functions: see page.ts.
import { readable } from "./readable.js";

/**
 * Returns how many levels of their topics group the cards best: as many as
 * possible, but with three cards in a group on average. 0 is for no groups.
 */
export function groupDepth(topics) {
  const fewest = 60;
  if (topics.length < fewest) return 0;
  let best = 0;
  for (let depth = 1; depth < 8; depth++) {
    const groups = new Set();
    for (const topic of topics) {
      groups.add(topic.split("/").slice(0, depth).join("/"));
    }
    if (groups.size > topics.length / 3) break;
    if (groups.size > 1) best = depth;
  }
  return best;
}

/** The groups of cards, by the first levels of their topics. */
export class Groups {
  constructor(onFold) {
    this.onFold = onFold;
    this.depth = 0;
    this.headings = new Map();
    this.folded = new Set();
  }

  /** Forgets all groups; what was folded stays so. */
  clear() {
    this.headings.clear();
  }

  nameOf({ topic }) {
    return topic.split("/").slice(0, this.depth).join("/");
  }

  /** Returns the elements of sorted cards, with headings between them. */
  arrange(cards, isGrouped) {
    this.depth = isGrouped ? groupDepth(cards.map(({ row }) => row.topic)) : 0;
    const counts = new Map();
    const elements = [];
    for (const { element, row } of cards) {
      if (this.depth > 0) {
        const name = this.nameOf(row);
        if (!counts.has(name)) {
          elements.push(this.headings.get(name) ?? this.heading(name));
          counts.set(name, { cards: 0, alarms: 0 });
        }
        counts.get(name).cards++;
        if (row.alarm) counts.get(name).alarms++;
      }
      elements.push(element);
    }
    for (const [name, element] of this.headings) {
      const known = counts.get(name);
      if (!known) {
        element.remove();
        this.headings.delete(name);
        continue;
      }
      const alarms = known.alarms > 0
        ? `, ⚠ ${known.alarms} alarm${known.alarms === 1 ? "" : "s"}`
        : "";
      element.querySelector("span").textContent = `${known.cards}${alarms}`;
    }
    return elements;
  }

  /** Makes a heading, which folds its group. */
  heading(name) {
    const element = document.createElement("li");
    element.className = "group";
    const button = document.createElement("button");
    button.type = "button";
    const label = document.createElement("bdi");
    label.textContent = `${readable(name)}/`;
    button.append(label, document.createElement("span"));
    const draw = () =>
      button.setAttribute("aria-expanded", String(!this.folded.has(name)));
    button.onclick = () => {
      if (!this.folded.delete(name)) this.folded.add(name);
      draw();
      this.onFold();
    };
    draw();
    element.append(button);
    this.headings.set(name, element);
    return element;
  }

  /** Hides what a filter leaves out, and what is folded. */
  hide(cards, isWanted) {
    const open = new Set();
    for (const { element, row } of cards) {
      const isMatch = isWanted(row);
      const name = this.depth > 0 ? this.nameOf(row) : "";
      if (isMatch) open.add(name);
      element.hidden = !isMatch || this.depth > 0 && this.folded.has(name);
    }
    for (const [name, element] of this.headings) {
      element.hidden = !open.has(name);
    }
  }
}
