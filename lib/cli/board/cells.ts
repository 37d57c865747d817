/**
 * Fits text into columns of a terminal. The width of a character comes from
 * string-width; the data of @std/cli/unicode-width is not available everywhere.
 *
 * @module
 */
import stringWidth from "npm:string-width@8.3.0";
import { visible } from "../output.ts";
import type { Point, Span } from "./history.ts";

const BARS = "▁▂▃▄▅▆▇█";
const graphemes = new Intl.Segmenter();

/**
 * Fits text into columns. It makes control characters visible, and cuts text
 * that is too long, at its end or at its beginning.
 *
 * @param text Any text.
 * @param width The number of columns.
 * @param align The side to which shorter text goes.
 * @param cut The side on which longer text is cut.
 * @returns Text of exactly that width.
 */
export function fit(
  text: string,
  width: number,
  align: "left" | "right" = "left",
  cut: "end" | "start" = "end",
): string {
  // More than this cannot fit: a grapheme rarely has more than 16 characters.
  const most = 16 * width;
  const part = cut === "end" ? text.slice(0, most) : text.slice(-most);
  const shown = visible(part.replaceAll("\t", " "));
  const parts = Array.from(graphemes.segment(shown), (it) => it.segment);
  const isCut = part.length < text.length || stringWidth(shown) > width;
  if (cut === "start") parts.reverse();
  let used = isCut ? 1 : 0;
  const taken: string[] = [];
  for (const part of parts) {
    used += stringWidth(part);
    if (used > width) {
      used -= stringWidth(part);
      break;
    }
    taken.push(part);
  }
  if (isCut && width > 0) taken.push("…");
  if (cut === "start") taken.reverse();
  const pad = " ".repeat(Math.max(0, width - used));
  return align === "left" ? taken.join("") + pad : pad + taken.join("");
}

/**
 * Fits a topic into columns. One that is too long loses levels in its middle:
 * its end tells what is measured, and its beginning where.
 *
 * @param topic The topic.
 * @param width The number of columns.
 * @returns Text of exactly that width.
 */
export function fitTopic(topic: string, width: number): string {
  if (topic.length > 16 * width || stringWidth(visible(topic)) > width) {
    const levels = topic.split("/");
    for (let from = 2; from < levels.length; from++) {
      const short = [levels[0], "…", ...levels.slice(from)].join("/");
      if (stringWidth(visible(short)) <= width) return fit(short, width);
    }
    return fit(topic, width, "left", "start");
  }
  return fit(topic, width);
}

/**
 * Cuts text into lines.
 *
 * @param text Text without control characters.
 * @param width The number of columns.
 * @param most How many lines are wanted at most.
 * @returns The lines; one empty line for an empty text.
 */
export function wrap(text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  let at = 0;
  do {
    let line = text.slice(at, at + width);
    if (!/^[ -~]*$/.test(line)) {
      let used = 0;
      line = "";
      // More than this cannot fit.
      for (
        const { segment } of graphemes.segment(text.slice(at, at + 16 * width))
      ) {
        used += stringWidth(segment);
        if (used > width && line !== "") break;
        line += segment;
      }
    }
    lines.push(line);
    at += line.length;
  } while (at < text.length && lines.length < most);
  return lines;
}

/** The number of columns that a text takes, control characters made visible. */
export function widthOf(text: string): number {
  return stringWidth(visible(text.slice(0, 1000)));
}

/**
 * Draws numbers as a row of bars.
 *
 * @param points The seconds in which a number arrived.
 * @param now The last second, counted from 1970.
 * @param span The span of time to draw.
 * @param width The number of columns.
 * @returns Text of exactly that width; blank where there is no number.
 */
export function sparkline(
  points: Point[],
  now: number,
  { seconds, step }: Pick<Span, "seconds" | "step">,
  width: number,
): string {
  const last = now - now % step;
  const bins = Array.from({ length: width }, () => ({ sum: 0, count: 0 }));
  for (const [second, mean] of points) {
    const bin = bins[width - 1 - Math.floor((last - second) * width / seconds)];
    if (!bin) continue;
    bin.sum += mean;
    bin.count++;
  }
  const means = bins.map(({ sum, count }) => count > 0 ? sum / count : null);
  const known = means.filter((it) => it !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return means.map((mean) => {
    if (mean === null) return " ";
    const height = span > 0 ? (mean - low) / span : 0.5;
    return BARS[Math.min(7, Math.floor(height * 8))];
  }).join("");
}
