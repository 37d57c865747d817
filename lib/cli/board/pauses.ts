/**
 * Tells pauses between numbers from gaps. The server sends the text of this
 * function to the page, so it uses nothing but the language itself.
 *
 * @module
 */

/**
 * Returns the longest pause between the points of a chart that is not a gap:
 * one empty step if most steps have a number, four times the usual pause if
 * not, and 5 seconds at least.
 *
 * @param times When the points are, in seconds and in ascending order.
 * @param step The time of one step in seconds.
 * @returns The pause in seconds.
 */
export function longestPause(times: number[], step: number): number {
  const pauses = times.slice(1).map((time, i) => time - times[i]!)
    .sort((a, b) => a - b);
  const usual = pauses[pauses.length >> 1] ?? 0;
  return Math.max(5, usual <= step ? 2 * step : 4 * usual);
}
