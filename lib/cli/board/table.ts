/**
 * Draws the list of topics.
 *
 * @module
 */
import { fit, fitTopic, sparkline, widthOf } from "./cells.ts";
import { formatAge, formatNumber, formatRate } from "./figures.ts";
import { nameOf } from "./fields.ts";
import type { SeriesRow } from "./series.ts";
import type { Snapshot } from "./snapshot.ts";
import { BOLD, CYAN, DIM, GREEN, RED, REVERSE, styled } from "./style.ts";
import type { Row } from "./topic.ts";
import type { Item } from "./tree.ts";
import type { Sort, View } from "./view.ts";

/** A column of the table. */
interface Column {
  title: string;
  width: number;
  align: "left" | "right";
  sort?: Sort;
  text(row: Row, width: number): string;
}

/** Topic and value get at least these widths; other columns give way. */
const MIN_TOPIC = 14;
const MIN_VALUE = 10;

/** A unit or a name takes at most this of the columns that numbers need. */
const MAX_UNIT = 16;
/** The longest number; one that is longer is rounded. */
const MAX_NUMBER = 20;

/** Figures are shorter on a screen of less than 100 columns. */
const MAX_FIGURE = 12;
const SHORT_FIGURE = 8;
const NARROW = 100;

const CHART = "LAST ";
const MIN_CHART = 12;
/** A step of the span in each column. */
const MAX_CHART = 60;

/** The order of the columns on the screen, behind topic and value. */
const ORDER = ["RATE/s", "MIN", "MEAN", "MAX", CHART, "AGE"];

/**
 * Draws the titles and the lines of the list.
 *
 * @param snapshot The state of the board.
 * @param view What the user wants to see.
 * @param items The lines.
 * @param options The width, whether to use color, and whether there is a
 * cursor.
 * @returns The titles, then the lines.
 */
export function drawTable(
  snapshot: Snapshot,
  view: View,
  items: Item[],
  { width, color, cursor }: { width: number; color: boolean; cursor: boolean },
): string[] {
  const rows = items.flatMap(({ row }) => row ?? []);
  const columns = layOut(snapshot, view, items, rows, width);
  const titles = `  ${columns.map((it) => titleOf(it, view)).join("  ")}`;
  const lines = items.map((item, i) => {
    const isSelected = cursor && view.top + i === view.cursor;
    return lineOf(columns, item, { snapshot, color, isSelected });
  });
  return [styled(fit(titles, width), REVERSE), ...lines];
}

/** Chooses the columns that fit, and their widths. */
function layOut(
  snapshot: Snapshot,
  view: View,
  items: Item[],
  rows: Row[],
  width: number,
): Column[] {
  const { span, widths } = view;
  /** A column never gets narrower until the next key. */
  const needed = (name: string, texts: string[], least: number) => {
    const wide = Math.max(least, widths.get(name) ?? 0, ...texts.map(widthOf));
    widths.set(name, wide);
    return wide;
  };
  const figure = (
    title: "MIN" | "MEAN" | "MAX",
    of: (row: Row) => number | null,
  ) => {
    const text = (row: Row) => {
      const value = of(row);
      return value === null ? "" : formatNumber(
        value,
        row.decimals,
        width < NARROW ? SHORT_FIGURE : MAX_FIGURE,
      );
    };
    const least = rows.map(text);
    const wide = needed(title, least, title.length);
    return { title, width: wide, align: "right" as const, text };
  };
  const chart: Column = {
    title: CHART,
    width: MIN_CHART,
    align: "left",
    text: ({ topic }, wide) =>
      sparkline(
        snapshot.history(topic, span),
        Math.floor(snapshot.now / 1000),
        span,
        wide,
      ),
  };
  const age: Column = {
    title: "AGE",
    width: 4,
    align: "right",
    sort: "age",
    text: ({ at, count }) => count > 0 ? formatAge(snapshot.now - at) : "",
  };
  const rate: Column = {
    title: "RATE/s",
    width: 7,
    align: "right",
    sort: "rate",
    text: (row) => formatRate(row.rate),
  };
  const hasNumbers = rows.some(({ min }) => min !== null);
  // Narrow terminals drop the last of these first.
  const wanted: Column[] = [
    ...hasNumbers
      ? [
        figure("MIN", ({ min }) => min),
        figure("MAX", ({ max }) => max),
        figure("MEAN", ({ mean }) => mean),
      ]
      : [],
    chart,
    age,
    rate,
  ];
  const topics = items.map((it) => nameIn(it, view.isTree));
  const topicNeed = needed("TOPIC", topics, MIN_TOPIC);
  const numbers = needed("NUMBER", rows.map(numberOf), 0);
  const units = Math.min(MAX_UNIT, needed("UNIT", rows.map(unitOf), 0));
  const pair = numbers + (units > 0 && numbers > 0 ? units + 1 : 0);
  const texts = rows.filter((row) => !isNumber(row)).map(textOf);
  const valueNeed = Math.max(needed("VALUE", texts, MIN_VALUE), pair);
  const text = (row: Row, wide: number) => {
    if (!isNumber(row)) return textOf(row);
    const number = wide < pair
      ? formatNumber(row.value!, row.decimals, wide - units - 1)
      : numberOf(row).padStart(numbers);
    return `${number} ${unitOf(row)}`;
  };
  let topicWidth = Math.min(topicNeed, Math.max(MIN_TOPIC, width >> 1));
  let valueWidth = Math.min(
    Math.max(MIN_VALUE, pair),
    Math.max(MIN_VALUE, Math.floor(width * 0.3)),
  );
  // Each row starts with a mark, and two blanks separate columns.
  let room = width - 2 - topicWidth - 2 - valueWidth;
  const chosen: Column[] = [];
  for (const column of wanted) {
    if (room < column.width + 2) break;
    room -= column.width + 2;
    chosen.push(column);
  }
  const grow = (now: number, need: number) => {
    const more = Math.max(0, Math.min(room, need - now));
    room -= more;
    return now + more;
  };
  topicWidth = grow(topicWidth, topicNeed);
  // A long text leaves something for the charts.
  const most = chosen.includes(chart) ? valueWidth + (room * 2 >> 2) : Infinity;
  valueWidth = grow(valueWidth, Math.min(valueNeed, most));
  if (chosen.includes(chart)) chart.width = grow(chart.width, MAX_CHART);
  valueWidth = grow(valueWidth, Infinity);
  chart.title = `${CHART}${span.name}`;
  const place = ({ title }: Column) =>
    ORDER.findIndex((it) => title.startsWith(it));
  return [
    {
      title: "TOPIC",
      width: topicWidth,
      align: "left",
      sort: "topic",
      text: ({ topic }) => topic,
    },
    { title: "VALUE", width: valueWidth, align: "left", sort: "value", text },
    ...chosen.sort((a, b) => place(a) - place(b)),
  ];
}

function isNumber({ value }: Pick<SeriesRow, "value">): boolean {
  return value !== null;
}

function numberOf(row: SeriesRow): string {
  return isNumber(row)
    ? formatNumber(row.value!, row.decimals, MAX_NUMBER)
    : "";
}

function unitOf(row: SeriesRow): string {
  return isNumber(row) ? row.unit : "";
}

/** The value of a topic that is not a number. */
function textOf(row: Row): string {
  const { state, path, reading, text, length, count } = row;
  if (count === 0) return "(no message)";
  if (state !== null || path !== "" && !isNumber(row)) {
    return stateText({ state, path, reading });
  }
  return length === 0 ? "(empty)" : text.replaceAll(/\s+/g, " ");
}

/**
 * Shows a value of any kind, with its unit or its name.
 *
 * @param series The value.
 * @returns The text.
 */
export function valueText(series: SeriesRow): string {
  return isNumber(series)
    ? `${numberOf(series)} ${unitOf(series)}`.trimEnd()
    : stateText(series);
}

function stateText(
  { state, path, reading }: Pick<SeriesRow, "state" | "path" | "reading">,
): string {
  const mark = state === null ? "" : state ? "● " : "○ ";
  return `${mark}${reading} ${nameOf(path)}`.trimEnd();
}

/** What the first column shows. */
function nameIn({ name, depth, branch }: Item, isTree: boolean): string {
  if (!isTree) return name;
  const mark = branch ? branch.isFolded ? "▸ " : "▾ " : "  ";
  return `${"  ".repeat(depth)}${mark}${name}`;
}

function lineOf(
  columns: Column[],
  item: Item,
  { snapshot, color, isSelected }: {
    snapshot: Snapshot;
    color: boolean;
    isSelected: boolean;
  },
): string {
  const { row, branch } = item;
  const isTree = branch !== undefined || item.name !== item.key ||
    item.depth > 0;
  const alarms = branch?.isFolded ? branch.alarms : 0;
  const isAlarm = row?.alarm || alarms > 0;
  const isStale = row !== undefined &&
    snapshot.now - row.at >= row.staleMs;
  const own = [
    ...isSelected ? [REVERSE] : [],
    ...isAlarm ? [BOLD + (color ? RED : "")] : [],
    ...isStale && !isAlarm ? [DIM] : [],
  ].join("");
  const isPlain = own === "";
  const cells = columns.map((column, i) => {
    if (i === 0) {
      const topic = isTree
        ? fit(nameIn(item, true), column.width)
        : fitTopic(item.name, column.width);
      const end = topic.trimEnd().lastIndexOf("/") + 1;
      // Where it is matters less than what it is.
      return isPlain
        ? styled(topic.slice(0, end), DIM) + topic.slice(end)
        : topic;
    }
    if (!row) {
      if (i !== 1 || !branch) return " ".repeat(column.width);
      const { topics, isFolded } = branch;
      const text = isFolded
        ? `${topics} topics${alarms > 0 ? `, ${alarms} with an alarm` : ""}`
        : "";
      const cell = fit(text, column.width);
      return isPlain ? styled(cell, DIM) : cell;
    }
    const cell = fit(
      column.text(row, column.width),
      column.width,
      column.align,
    );
    if (!isPlain || !color) return cell;
    if (column.title.startsWith(CHART)) return styled(cell, CYAN);
    return i === 1 && row.state === true ? styled(cell, GREEN) : cell;
  });
  const mark = isAlarm ? "! " : row?.retained ? "r " : "  ";
  return styled(mark + cells.join("  "), own);
}

function titleOf({ title, width, align, sort }: Column, view: View): string {
  if (sort === undefined || sort !== view.sort || view.isTree) {
    return fit(title, width, align);
  }
  // Topics go from A to Z, numbers from the largest to the smallest.
  const isRising = (sort === "topic") !== view.reversed;
  return fit(title + (isRising ? "▲" : "▼"), width, align);
}
