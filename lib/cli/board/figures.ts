/**
 * Formats figures for the terminal and the browser. The server sends the text
 * of these functions to the page, so they use nothing but the language itself.
 *
 * @module
 */

/**
 * Formats a number in a few digits: `21.5`, `1234.6`, `1.235e+9`.
 *
 * @param value The number.
 * @returns The number, rounded to about five digits.
 */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    return String(Number(value.toPrecision(4)).toExponential());
  }
  if (Number.isInteger(value)) return String(value);
  return String(Number(size < 1e5 ? value.toPrecision(5) : value.toFixed(0)));
}

/**
 * Formats a number of messages a second: `0`, `0.3`, `12`, `10k`.
 *
 * @param rate Messages a second.
 * @returns The rate, in at most four characters.
 */
export function formatRate(rate: number): string {
  if (rate === 0) return "0";
  if (rate < 9.95) return rate.toFixed(1);
  if (rate < 9_999.5) return rate.toFixed(0);
  return rate < 999_500
    ? `${(rate / 1e3).toFixed(0)}k`
    : `${(rate / 1e6).toFixed(1)}M`;
}

/**
 * Formats an age: `5s`, `12m`, `3h`, `2d`.
 *
 * @param milliseconds The age.
 * @returns The age, in whole units.
 */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
