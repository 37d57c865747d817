/**
 * Draws one topic: its values, a chart, and its last messages whole.
 *
 * @module
 */
import { fit } from "./cells.ts";
import { drawChart } from "./chart.ts";
import { formatAge, formatNumber, formatRate } from "./figures.ts";
import { linesOf } from "./pretty.ts";
import type { Arrived } from "./recent.ts";
import type { SeriesRow } from "./series.ts";
import type { Snapshot } from "./snapshot.ts";
import { BOLD, CYAN, DIM, RED, REVERSE, type Size, styled } from "./style.ts";
import { valueText } from "./table.ts";
import type { View } from "./view.ts";

/** The most values that are listed above the chart. */
const MAX_VALUES = 8;
const MIN_CHART_ROWS = 4;
const MAX_CHART_ROWS = 16;

/**
 * Draws one topic.
 *
 * @param snapshot The state of the board.
 * @param view Which topic, and which of its values.
 * @param size How much room there is.
 * @param color Whether to use color.
 * @returns The lines.
 */
export function drawDetail(
  snapshot: Snapshot,
  view: View,
  { columns: width, rows: height }: Size,
  color: boolean,
): string[] {
  const { now } = snapshot;
  const topic = view.topic!;
  const row = snapshot.rows.find((it) => it.topic === topic);
  if (!row) return [];
  const lines = [
    styled(fit(` ${topic}`, width), BOLD),
    fit(
      ` ${row.count} message${row.count === 1 ? "" : "s"}, ${
        formatRate(row.rate)
      }/s, the last ` +
        `${formatAge(now - row.at)} ago, ${row.length} bytes` +
        (row.retained ? ", retained" : ""),
      width,
    ),
    ...row.rules.map((rule) =>
      styled(fit(` ! alarm: ${rule}`, width), BOLD + (color ? RED : ""))
    ),
    "",
  ];
  const series = snapshot.series(topic).filter(isShown);
  view.valueIndex = Math.min(view.valueIndex, Math.max(0, series.length - 1));
  const most = Math.max(1, Math.min(MAX_VALUES, height >> 2));
  const top = Math.max(0, view.valueIndex - most + 1);
  for (const [i, it] of series.slice(top, top + most).entries()) {
    const isChosen = top + i === view.valueIndex && series.length > 1;
    lines.push(
      styled(
        fit(
          ` ${isChosen ? "▸" : " "} ${valueLine(it, width)}`,
          width,
        ),
        isChosen ? BOLD : "",
      ),
    );
  }
  if (series.length > most) {
    lines.push(styled(`   ${series.length} values: ← → choose`, DIM));
  }
  const chosen = series[view.valueIndex];
  const hasChart = chosen && (chosen.value !== null || chosen.state !== null);
  const rows = Math.min(MAX_CHART_ROWS, (height - lines.length) >> 1);
  if (hasChart && rows >= MIN_CHART_ROWS) {
    const chart = drawChart(snapshot.history(topic, view.span, chosen.path), {
      now: Math.floor(now / 1000),
      span: view.span,
      width: width - 2,
      height: rows,
      decimals: chosen.decimals,
      isState: chosen.state !== null,
    });
    lines.push("");
    for (const line of chart) {
      lines.push(` ${styled(fit(line, width - 2), color ? CYAN : "")}`);
    }
  }
  lines.push(styled(fit(" LAST MESSAGES", width), REVERSE));
  const room = height - lines.length;
  const messages = messageLines(
    snapshot.pinned(topic),
    width,
    view.messagesTop + room,
  );
  view.messagesTop = Math.max(
    0,
    Math.min(view.messagesTop, messages.length - room),
  );
  lines.push(...messages.slice(view.messagesTop, view.messagesTop + room));
  if (messages.length === 0 && row.text !== "") {
    lines.push(fit(` ${row.text}`, width));
  }
  return lines;
}

/** A message that is one text shows itself below. */
function isShown({ path, value, state }: SeriesRow): boolean {
  return path !== "" || value !== null || state !== null;
}

function valueLine(series: SeriesRow, width: number): string {
  const { path, min, mean, max, decimals } = series;
  const name = fit(path === "" ? "value" : path, Math.min(28, width >> 1));
  const value = fit(valueText(series), 18, "left");
  if (min === null) return `${name}  ${value}`;
  const figures = [["min", min], ["mean", mean], ["max", max]] as const;
  return `${name}  ${value}  ` +
    figures.map(([what, it]) => `${what} ${formatNumber(it!, decimals)}`)
      .join("  ");
}

/** The last messages of the topic, the newest first, in lines. */
function messageLines(
  messages: Arrived[],
  width: number,
  most: number,
): string[] {
  const lines: string[] = [];
  for (const { at, bytes, retained } of messages) {
    if (lines.length >= most) break;
    const head = ` ${timeText(at)}  ${bytes.length} bytes` +
      (retained ? "  retained" : "");
    lines.push(styled(fit(head, width), DIM));
    const left = most - lines.length;
    lines.push(...linesOf(bytes, width - 4, left).map((it) => `   ${it}`));
  }
  return lines;
}

/** A time of the day: `17:20:01`. */
export function timeText(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
