/**
 * Draws the dashboard as lines of text.
 *
 * @module
 */
import { HISTORY_SECONDS, type Point, type Row } from "./board.ts";
import { fit, sparkline } from "./cells.ts";
import { formatAge, formatNumber, formatRate } from "./figures.ts";
import { type Sort, SORT_KEYS, type View } from "./view.ts";

/** The state of the board at some time. */
export interface Snapshot {
  /** The time, in milliseconds since 1970. */
  now: number;
  /** The number of messages, and how many belong to unlisted topics. */
  total: number;
  unlisted: number;
  /** How many messages were lost. */
  missed: number;
  rows: Row[];
  history(topic: string): Point[];
}

/** How to draw the dashboard. */
export interface DrawOptions {
  /** Whether to use color. */
  color: boolean;
  /** The URL of the same dashboard in a browser, if it is served. */
  url?: string | undefined;
  /** Text to show instead of the keys. */
  notice?: string | undefined;
}

/** The size of a terminal. */
export interface Size {
  columns: number;
  rows: number;
}

/** A column of the table. */
interface Column {
  title: string;
  width: number;
  align: "left" | "right";
  sort?: Sort;
  text(row: Row, snapshot: Snapshot, width: number): string;
}

/** The lines that are not rows: the summary, the titles and the keys. */
const FRAME_ROWS = 3;

/** Topic and value get at least these widths; other columns give way. */
const MIN_TOPIC = 14;
const MIN_VALUE = 10;

/** Width beyond this goes to the chart: 60 columns are a bar each second. */
const GOOD_VALUE = 24;
const CHART = "LAST MINUTE";
const MIN_CHART = 12;
const MAX_CHART = 60;

const RESET = "\x1b[0m";
const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const REVERSE = "\x1b[7m";
const RED = "\x1b[31m";

const number = (value: number | null) =>
  value === null ? "" : formatNumber(value);

/** The columns behind topic and value; narrow terminals drop the last first. */
const COLUMNS: Column[] = [
  {
    title: "AGE",
    width: 4,
    align: "right",
    sort: "age",
    text: ({ at }, { now }) => formatAge(now - at),
  },
  {
    title: "RATE/s",
    width: 7,
    align: "right",
    sort: "rate",
    text: ({ rate }) => formatRate(rate),
  },
  {
    title: CHART,
    width: MIN_CHART,
    align: "left",
    text: ({ topic }, { history, now }, width) =>
      sparkline(
        history(topic),
        Math.floor(now / 1000),
        HISTORY_SECONDS,
        width,
      ),
  },
  {
    title: "MEAN",
    width: 7,
    align: "right",
    text: ({ mean }) => number(mean),
  },
  { title: "MIN", width: 7, align: "right", text: ({ min }) => number(min) },
  { title: "MAX", width: 7, align: "right", text: ({ max }) => number(max) },
];

/** The order of the columns on the screen. */
const ORDER = ["RATE/s", "MIN", "MEAN", "MAX", CHART, "AGE"];

/**
 * Draws the dashboard.
 *
 * @param snapshot The state of the board.
 * @param view What the user wants to see.
 * @param size The size of the terminal.
 * @param options How to draw.
 * @returns A line for each row of the terminal.
 */
export function drawTable(
  snapshot: Snapshot,
  view: View,
  size: Size,
  { color, url, notice }: DrawOptions,
): string[] {
  const pageRows = pageRowsOf(size);
  const { shown, matching } = view.select(snapshot.rows, pageRows);
  const columns = layOut(shown, size.columns);
  const lines = shown.map((row) => {
    const text = `${markOf(row)}${lineOf(columns, row, snapshot)}`;
    return styled(text, styleOf(row, snapshot.now, color));
  });
  while (lines.length < pageRows) lines.push("");
  if (snapshot.rows.length === 0) lines[0] = DIM + "  no message yet" + RESET;
  const { columns: width } = size;
  const titles = ` ${columns.map((it) => titleOf(it, view)).join("  ")}`;
  return [
    styled(fit(summaryOf(snapshot, view, url), width), BOLD),
    styled(fit(titles, width), REVERSE),
    ...lines,
    notice === undefined
      ? styled(fit(statusOf(view, matching, pageRows), width), DIM)
      : fit(` ${notice}`, width),
  ].slice(0, size.rows);
}

/**
 * Returns how many topics a terminal shows at a time.
 *
 * @param size The size of the terminal.
 * @returns Their number.
 */
export function pageRowsOf({ rows }: Size): number {
  return Math.max(1, rows - FRAME_ROWS);
}

/** Chooses the columns that fit, and their widths. */
function layOut(rows: Row[], width: number): Column[] {
  // Each row starts with a mark, and two blanks separate columns.
  let room = width - 1 - MIN_TOPIC - 2 - MIN_VALUE;
  const chosen = COLUMNS.filter((column) => (room -= column.width + 2) >= 0);
  const taken = chosen.reduce((sum, column) => sum + column.width + 2, 0);
  const both = Math.max(MIN_TOPIC + MIN_VALUE, width - 3 - taken);
  const longest = Math.max(MIN_TOPIC, ...rows.map((row) => row.topic.length));
  const topicWidth = Math.min(longest, both - MIN_VALUE);
  const spare = Math.max(0, both - topicWidth - GOOD_VALUE);
  const others = chosen.map((column) => {
    if (column.title !== CHART) return column;
    const wider = Math.min(spare, MAX_CHART - column.width);
    return { ...column, width: column.width + wider };
  });
  const chart = others.find(({ title }) => title === CHART);
  const gained = chart ? chart.width - MIN_CHART : 0;
  return [
    {
      title: "TOPIC",
      width: topicWidth,
      align: "left",
      sort: "topic",
      text: ({ topic }) => topic,
    },
    {
      title: "VALUE",
      width: both - topicWidth - gained,
      align: "right",
      sort: "value",
      text: valueOf,
    },
    ...others.sort((a, b) => ORDER.indexOf(a.title) - ORDER.indexOf(b.title)),
  ];
}

function valueOf({ value, unit, text, length }: Row): string {
  if (value !== null) return `${formatNumber(value)} ${unit}`.trimEnd();
  return length === 0 ? "(empty)" : text;
}

function lineOf(columns: Column[], row: Row, snapshot: Snapshot): string {
  return columns.map((column) => {
    const text = column.text(row, snapshot, column.width);
    // The end of a topic tells more than its beginning.
    const cut = column.sort === "topic" ? "start" : "end";
    return fit(text, column.width, column.align, cut);
  }).join("  ");
}

function titleOf({ title, width, align, sort }: Column, view: View): string {
  if (sort !== view.sort) return fit(title, width, align);
  // Topics go from A to Z, numbers from the largest to the smallest.
  const isRising = (sort === "topic") !== view.reversed;
  return fit(title + (isRising ? "▲" : "▼"), width, align);
}

function markOf({ alarm, retained }: Row): string {
  return alarm ? "!" : retained ? "r" : " ";
}

function styleOf({ alarm, at }: Row, now: number, color: boolean): string {
  if (alarm) return BOLD + (color ? RED : "");
  return now - at >= HISTORY_SECONDS * 1000 ? DIM : "";
}

function styled(text: string, style: string): string {
  return style === "" ? text : style + text + RESET;
}

function summaryOf(
  { rows, total, unlisted, missed }: Snapshot,
  view: View,
  url: string | undefined,
): string {
  const rate = rows.reduce((sum, row) => sum + row.rate, 0);
  const alarms = rows.filter(({ alarm }) => alarm).length;
  return [
    " fifobus",
    counted(rows.length, "topic"),
    `${counted(total, "message")}, ${formatRate(rate)}/s`,
    alarms > 0 && counted(alarms, "alarm"),
    unlisted > 0 && `${counted(unlisted, "message")} of topics not listed`,
    missed > 0 && `${counted(missed, "message")} missed`,
    view.filter !== "" && !view.isTyping && `filter: ${view.filter}`,
    view.isPaused && "PAUSED",
    url,
  ].filter(Boolean).join("   ");
}

function statusOf(view: View, matching: number, pageRows: number): string {
  if (view.isTyping) return ` /${view.filter}█  Enter keeps it, Esc clears it`;
  const last = Math.min(matching, view.top + pageRows);
  const place = matching > pageRows
    ? `${view.top + 1}-${last} of ${matching}   `
    : "";
  const sorts = Object.entries(SORT_KEYS)
    .map(([key, sort]) => `${key} ${sort}`).join(", ");
  return ` ${place}q quit   / filter   p pause   sort: ${sorts}   ↑↓ scroll`;
}

function counted(count: number, what: string): string {
  const figure = String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
  return `${figure} ${what}${count === 1 ? "" : "s"}`;
}
