/**
 * Draws the dashboard as lines of text.
 *
 * @module
 */
import { beginning } from "./content.ts";
import { fit } from "./cells.ts";
import { drawDetail, timeText } from "./detail.ts";
import { formatNumber, formatRate } from "./figures.ts";
import { toAscii } from "./glyphs.ts";
import type { Snapshot } from "./snapshot.ts";
import { BOLD, DIM, REVERSE, type Size, styled } from "./style.ts";
import { drawTable } from "./table.ts";
import { type Selection, SORT_KEYS, type View } from "./view.ts";

/** How to draw the dashboard. */
export interface DrawOptions {
  /** Whether to use color. */
  color: boolean;
  /** Whether the terminal shows more than ASCII. */
  unicode?: boolean;
  /** Whether keys move a cursor. */
  cursor?: boolean;
  /** The URL of the same dashboard in a browser, if it is served. */
  url?: string | undefined;
  /** Text to show instead of the keys. */
  notice?: string | undefined;
  /** What is shown, in words, for an empty screen. */
  source?: string | undefined;
}

/** The lines that are not rows: the summary, the titles and the keys. */
const FRAME_ROWS = 3;

/** From this height on, the last messages are below the list. */
const MIN_LOG_SCREEN = 32;

/** What the keys do. */
export const KEYS_HELP: readonly (readonly [keys: string, what: string])[] = [
  ["q", "quit"],
  ["arrows, page keys", "move; Home and End too, and k j g G"],
  ["Enter", "show one topic: chart, values, messages; again: go back"],
  ["← →", "choose the value of a topic; fold a branch of the tree"],
  ["w W", "let charts show a longer or shorter time, to 24 hours"],
  ["t v r a !", "sort by topic, value, rate, age or alarm; again: reverse"],
  ["/", "show topics that contain what you type; Esc ends it"],
  ["Tab", "show a tree; 1 to 9 fold it to that level, 0 unfolds it"],
  ["p, space", "pause the screen, and go on"],
  ["Ctrl-L", "redraw the screen"],
];

/**
 * Draws the dashboard.
 *
 * @param snapshot The state of the board.
 * @param view What the user wants to see.
 * @param size The size of the terminal.
 * @param options How to draw.
 * @returns A line for each row of the terminal.
 */
export function drawFrame(
  snapshot: Snapshot,
  view: View,
  size: Size,
  options: DrawOptions,
): string[] {
  const { columns: width, rows: height } = size;
  const { color, unicode = true, cursor = false, notice } = options;
  const pageRows = pageRowsOf(size);
  const body = height - 2;
  let selection: Selection | undefined;
  let lines: string[];
  if (!view.isHelp && view.topic === undefined) {
    selection = view.select(snapshot.rows, pageRows);
    // Enter opened a topic.
    if (view.topic !== undefined) selection = undefined;
  }
  if (view.isHelp) lines = helpLines(width);
  else if (!selection) {
    lines = drawDetail(snapshot, view, { columns: width, rows: body }, color);
  } else {
    lines = drawTable(snapshot, view, selection.shown, {
      width,
      color,
      cursor,
    });
    if (selection.matching === 0) {
      lines.push(styled(fit(emptyText(snapshot, view, options), width), DIM));
    }
    if (height >= MIN_LOG_SCREEN) {
      const rows = body - Math.max(lines.length, 1);
      lines.push(...logLines(snapshot, view, width, rows));
    }
  }
  lines = lines.slice(0, body);
  while (lines.length < body) lines.push("");
  const all = [
    styled(fit(summaryOf(snapshot, view, options), width), BOLD),
    ...lines,
    notice === undefined
      ? styled(fit(statusOf(view, selection, pageRows), width), DIM)
      : fit(` ${notice}`, width),
  ].slice(0, height);
  return unicode ? all : all.map(toAscii);
}

/**
 * Returns how many topics a terminal shows at a time.
 *
 * @param size The size of the terminal.
 * @returns Their number.
 */
export function pageRowsOf({ rows }: Size): number {
  const log = rows >= MIN_LOG_SCREEN ? Math.floor(rows / 3) : 0;
  return Math.max(1, rows - FRAME_ROWS - log);
}

function helpLines(width: number): string[] {
  return [
    styled(fit("  KEYS", width), REVERSE),
    ...KEYS_HELP.map(([keys, what]) =>
      fit(`  ${keys.padEnd(20)}${what}`, width)
    ),
    "",
    ...[
      "! is an alarm, r a last value that is older than this program.",
      "A dim topic has been silent for three times its usual pause.",
      "MIN, MEAN and MAX are of all numbers since the start, in one unit.",
    ].map((line) => styled(fit(`  ${line}`, width), DIM)),
  ];
}

function emptyText(
  { rows }: Snapshot,
  { filter }: View,
  { source }: DrawOptions,
): string {
  if (rows.length > 0) return `  no topic contains "${filter}"`;
  return `  no message yet${source === undefined ? "" : `, ${source}`}`;
}

function logLines(
  snapshot: Snapshot,
  { filter }: View,
  width: number,
  rows: number,
): string[] {
  const lower = filter.toLowerCase();
  const isWanted = (topic: string) => topic.toLowerCase().includes(lower);
  const messages = snapshot.recent(
    rows - 1,
    lower === "" ? undefined : isWanted,
  );
  return [
    styled(fit("  LAST MESSAGES", width), REVERSE),
    ...messages.map(({ at, topic, bytes, retained }) => {
      const text = beginning({ bytes, length: bytes.length })
        .replaceAll(/\s+/g, " ");
      const head = `  ${timeText(at)}  ${topic}${
        retained ? " (retained)" : ""
      }`;
      return fit(`${head}  ${text}`, width);
    }),
  ];
}

function summaryOf(
  { rows, total, rate, alarms, unlisted, missed }: Snapshot,
  view: View,
  { url }: DrawOptions,
): string {
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

function statusOf(
  view: View,
  selection: Selection | undefined,
  pageRows: number,
): string {
  if (view.isTyping) return ` /${view.filter}█  Enter keeps it, Esc clears it`;
  if (view.isHelp) return " q quit   any other key goes back";
  if (!selection) {
    return " q quit   Esc back   ↑↓ scroll   ← → value   w W longer, shorter   ? keys";
  }
  const { lines } = selection;
  const last = Math.min(lines, view.top + pageRows);
  const place = lines > pageRows
    ? `${formatNumber(view.top + 1)}-${formatNumber(last)} of ${
      formatNumber(lines)
    }   `
    : "";
  const sorts = Object.entries(SORT_KEYS)
    .map(([key, sort]) => `${key} ${sort}`).join(", ");
  return ` ${place}? keys   q quit   / filter   Enter details   Tab tree   sort: ${sorts}`;
}

function counted(count: number, what: string): string {
  const figure = String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
  return `${figure} ${what}${count === 1 ? "" : "s"}`;
}
