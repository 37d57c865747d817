// Runs in the browser. The server sends the text of its functions: see page.ts.
import { formatAge, formatNumber, formatRate } from "../../board/figures.ts";
import { longestPause } from "../../board/pauses.ts";
import { hashName } from "./detail.js";
import { readable } from "./readable.js";

/**
 * The path of an SVG 60 wide and 20 high; one unit of width is a second. A gap
 * stays a gap. A state holds until the next one.
 */
export function chartPath(points, second, isState) {
  const known = [...points].filter(([at]) => at > second - 60)
    .sort(([a], [b]) => a - b);
  const values = known.map(([, value]) => value);
  const low = isState ? 0 : Math.min(...values);
  const span = isState ? 1 : Math.max(...values) - low || 1;
  const pause = longestPause(known.map(([at]) => at), 1);
  let path = "";
  for (const [i, [at, value]] of known.entries()) {
    const x = 60 - (second - at);
    const y = (19 - 18 * (value - low) / span).toFixed(2);
    const isNext = i > 0 && (isState || at - known[i - 1][0] <= pause);
    // A single point would be invisible.
    if (!isNext) path += `M${x} ${y}h0.3`;
    else if (isState) path += `H${x}V${y}`;
    else path += `L${x} ${y}`;
  }
  return isState && path ? `${path}H60` : path;
}

/** Shows one topic. */
export class Card {
  constructor(topic) {
    this.points = new Map();
    this.row = undefined;
    this.element = document.createElement("li");
    this.element.className = "card";
    const add = (name, className, parent = this.element) => {
      const element = document.createElement(name);
      element.className = className;
      parent.append(element);
      return element;
    };
    const head = add("div", "head");
    const title = add("h3", "", head);
    this.badge = add("span", "badge", head);
    this.age = add("span", "age", head);
    this.value = add("p", "value");
    this.number = add("span", "number", this.value);
    this.value.append(" ");
    this.unit = add("span", "unit", this.value);
    this.text = add("p", "text");
    const svg = "http://www.w3.org/2000/svg";
    this.chart = document.createElementNS(svg, "svg");
    this.chart.setAttribute("viewBox", "0 0 60 20");
    this.chart.setAttribute("preserveAspectRatio", "none");
    this.chart.setAttribute("role", "img");
    this.path = document.createElementNS(svg, "path");
    this.chart.append(this.path);
    this.element.append(this.chart);
    this.note = add("p", "note");
    const list = add("dl", "");
    this.figures = {};
    for (const name of ["min", "mean", "max", "rate"]) {
      const pair = add("div", "", list);
      add("dt", "", pair).textContent = name;
      this.figures[name] = add("dd", "", pair);
    }
    const name = document.createElement("bdi");
    // A long topic breaks behind a slash.
    for (const level of readable(topic).split(/(?<=\/)/)) {
      name.append(level, document.createElement("wbr"));
    }
    const link = document.createElement("a");
    link.href = `#${hashName(topic)}`;
    link.append(name);
    title.append(link);
    title.title = readable(topic);
    this.others = add("dl", "others");
  }

  /** Draws the other values of a JSON message. */
  drawOthers() {
    const { others } = this.row;
    this.others.hidden = others.length === 0;
    const texts = others.map(({ path, value, unit, decimals, reading }) => {
      const name = path.slice(path.lastIndexOf(".") + 1);
      const shown = value === null ? reading : formatNumber(value, decimals);
      return [
        path,
        value === null || unit === name ? shown : `${shown} ${unit}`,
      ];
    });
    const key = JSON.stringify(texts);
    if (key === this.drawnOthers) return;
    this.drawnOthers = key;
    this.others.replaceChildren(...texts.map((parts) => {
      const pair = document.createElement("div");
      for (const [i, text] of parts.entries()) {
        const element = document.createElement(i === 0 ? "dt" : "dd");
        element.textContent = readable(text);
        pair.append(element);
      }
      return pair;
    }));
  }

  /** Takes the new state of the topic and its new points. */
  update({ points, ...row }) {
    // The chart is of one value in one unit.
    const { path, unit } = this.row ?? row;
    if (row.path !== path || row.unit !== unit) this.points.clear();
    this.row = row;
    for (const [second, value] of points) this.points.set(second, value);
    for (const second of this.points.keys()) {
      if (second < row.at / 1000 - 61) this.points.delete(second);
    }
  }

  /** Draws the topic; `now` is the time of the server's clock. */
  draw(now) {
    const { row } = this;
    const isNumber = row.value !== null;
    const isState = row.state !== null;
    const number = (value) => formatNumber(value, row.decimals);
    const set = (element, text) => {
      if (element.textContent !== text) element.textContent = text;
    };
    const isChosen = row.path !== "" && !isNumber && !isState;
    this.value.hidden = !isNumber && !isState && !isChosen;
    const mark = isState ? (row.state ? "● " : "○ ") : "";
    set(
      this.number,
      isNumber ? number(row.value) : mark + readable(row.reading),
    );
    const name = row.path.slice(row.path.lastIndexOf(".") + 1);
    set(this.unit, readable(isNumber ? row.unit : name));
    this.value.toggleAttribute("data-on", row.state === true);
    // The narrowest card has room for 12 large digits.
    const { length } = this.number.textContent;
    this.value.toggleAttribute("data-long", length > 12);
    // The text would only repeat the value, or all values.
    const isPlain = (isNumber || isState) &&
      (row.path === "" || row.values === 1 + row.others.length);
    this.text.hidden = isPlain;
    set(this.text, isPlain ? "" : readable(row.text));
    const notes = [];
    if (row.count === 0) notes.push("no message yet");
    else if (row.length === 0) notes.push("empty message");
    if (row.text.length >= 1000) {
      notes.push(`the first 1000 characters of ${row.length} bytes`);
    }
    if (row.retained) notes.push("retained");
    this.note.hidden = notes.length === 0;
    set(this.note, notes.join(", "));
    for (const name of ["min", "mean", "max"]) {
      const value = row[name];
      this.figures[name].parentElement.hidden = value === null;
      set(this.figures[name], value === null ? "" : number(value));
    }
    set(this.figures.rate, `${formatRate(row.rate)}/s`);
    set(this.age, `${formatAge(now - row.at)} ago`);
    this.element.toggleAttribute("data-alarm", row.alarm);
    this.element.toggleAttribute("data-stale", now - row.at >= row.staleMs);
    this.badge.hidden = !row.alarm;
    set(this.badge, row.alarm ? "⚠ Alarm" : "");
    this.badge.title = row.rules.join("\n");
    this.drawOthers();
    const path = chartPath(this.points, Math.floor(now / 1000), isState);
    this.chart.toggleAttribute("hidden", row.min === null && !isState);
    if (this.path.getAttribute("d") !== path) this.path.setAttribute("d", path);
    const label = row.min === null
      ? isState ? "The last minute" : "no numbers"
      : `The last minute; so far from ${number(row.min)}` +
        ` to ${number(row.max)}`;
    if (this.chart.getAttribute("aria-label") !== label) {
      this.chart.setAttribute("aria-label", label);
    }
  }
}
