/**
 * Draws numbers over time with axes, in the dots of braille characters.
 *
 * @module
 */
import { formatNumber } from "./figures.ts";
import type { Point, Span } from "./history.ts";

/** Each character has two columns and four rows of dots. */
const DOT_BITS = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const BRAILLE = 0x2800;

/** What to draw. */
export interface ChartOptions {
  /** The time at the right, in seconds since 1970. */
  now: number;
  /** The span from the left to the right. */
  span: Span;
  /** The number of columns and lines, with the axes. */
  width: number;
  height: number;
  /** How many decimals the numbers have. */
  decimals: number;
  /** Whether the numbers are 1 and 0 for on and off. */
  isState: boolean;
}

/**
 * Draws a chart. A step without a number is a gap.
 *
 * @param points The numbers.
 * @param options How to draw them.
 * @returns The lines.
 */
export function drawChart(points: Point[], options: ChartOptions): string[] {
  const { now, span, width, height, decimals, isState } = options;
  const values = points.map(([, value]) => value);
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (points.length === 0 || isState) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 1, high + 1];
  const lines = Math.max(2, height - 1);
  const middle = (low + high) / 2;
  const labels = points.length === 0 || isState
    ? isState ? ["on", "", "off"] : ["", "", ""]
    : [
      formatNumber(high, decimals, 12),
      formatNumber(middle, decimals + 1, 12),
      formatNumber(low, decimals, 12),
    ];
  const margin = Math.max(...labels.map((it) => it.length));
  const columns = Math.max(1, width - margin - 2);
  const bits = Array.from({ length: lines }, () => new Uint8Array(columns));
  const dot = (x: number, y: number) => {
    bits[y >> 2]![x >> 1]! |= DOT_BITS[x & 1]![y & 3]!;
  };
  const last = now - now % span.step;
  const first = last - span.seconds + span.step;
  const [right, bottom] = [2 * columns - 1, 4 * lines - 1];
  let before: { x: number; y: number; time: number } | undefined;
  for (const [time, value] of points) {
    if (time < first || time > last) continue;
    const x = Math.round((time - first) / (last - first) * right);
    const y = Math.round((high - value) / (high - low) * bottom);
    const isNext = before && time - before.time <= span.step;
    const from = isNext ? before! : { x, y };
    const steps = Math.max(1, Math.abs(x - from.x), Math.abs(y - from.y));
    for (let i = 0; i <= steps; i++) {
      dot(
        Math.round(from.x + (x - from.x) * i / steps),
        Math.round(from.y + (y - from.y) * i / steps),
      );
    }
    before = { x, y, time };
  }
  const drawn = bits.map((line, i) => {
    const label = i === 0
      ? labels[0]!
      : i === lines - 1
      ? labels[2]!
      : i === (lines - 1) >> 1 && lines > 4
      ? labels[1]!
      : "";
    const text = String.fromCharCode(
      ...line.map((it) => it)
        .reduce((codes: number[], it) => [...codes, BRAILLE + it], []),
    );
    return `${label.padStart(margin)} ${label ? "┤" : "│"}${text}`;
  });
  const start = `${span.name} ago`;
  const gap = columns - start.length - "now".length;
  const axis = gap > 0
    ? `${start}${" ".repeat(gap)}now`
    : "now".padStart(columns);
  return [...drawn, `${" ".repeat(margin)} └${axis}`.slice(0, width)];
}
