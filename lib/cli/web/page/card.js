// Runs in the browser. The server sends the text of its functions: see page.ts.
import { formatAge, formatNumber, formatRate } from "../../board/figures.ts";
import { readable } from "./app.js";

/** The path of an SVG 60 wide and 20 high; one unit of width is a second. */
export function chartPath(points, second) {
  const known = [...points].filter(([at]) => at > second - 60)
    .sort(([a], [b]) => a - b);
  const values = known.map(([, value]) => value);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const places = known.map(([at, value]) => {
    const x = 60 - (second - at);
    return `${x} ${(19 - 18 * (value - low) / span).toFixed(2)}`;
  });
  // A single point would be invisible.
  if (places.length === 1) places.push(places[0].replace(/^\S+/, "60"));
  return places.length > 0 ? `M${places.join("L")}` : "";
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
    name.textContent = readable(topic);
    title.append(name);
  }

  /** Takes the new state of the topic and its new points. */
  update({ points, ...row }) {
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
    const set = (element, text) => {
      if (element.textContent !== text) element.textContent = text;
    };
    this.value.hidden = !isNumber;
    set(this.number, isNumber ? formatNumber(row.value) : "");
    set(this.unit, readable(row.unit));
    // The text would only repeat the number.
    const isPlain = isNumber && !row.text.trim().startsWith("{");
    this.text.hidden = isPlain;
    set(this.text, isPlain ? "" : readable(row.text));
    const notes = [];
    if (row.length === 0) notes.push("empty message");
    if (row.text.length >= 1000) {
      notes.push(`the first 1000 characters of ${row.length} bytes`);
    }
    if (row.retained) notes.push("retained");
    this.note.hidden = notes.length === 0;
    set(this.note, notes.join(", "));
    for (const name of ["min", "mean", "max"]) {
      const value = row[name];
      this.figures[name].parentElement.hidden = value === null;
      set(this.figures[name], value === null ? "" : formatNumber(value));
    }
    set(this.figures.rate, `${formatRate(row.rate)}/s`);
    set(this.age, `${formatAge(now - row.at)} ago`);
    this.element.toggleAttribute("data-alarm", row.alarm);
    this.element.toggleAttribute("data-stale", now - row.at >= 60_000);
    this.badge.hidden = !row.alarm;
    set(this.badge, row.alarm ? "⚠ Alarm" : "");
    const path = chartPath(this.points, Math.floor(now / 1000));
    this.chart.toggleAttribute("hidden", row.min === null);
    if (this.path.getAttribute("d") !== path) this.path.setAttribute("d", path);
    const label = row.min === null
      ? "no numbers"
      : `The last minute; so far from ${formatNumber(row.min)}` +
        ` to ${formatNumber(row.max)}`;
    if (this.chart.getAttribute("aria-label") !== label) {
      this.chart.setAttribute("aria-label", label);
    }
  }
}
