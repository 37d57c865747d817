/**
 * How figures read, in the terminal and in the browser. The page is sent the
 * text of these functions: they use nothing but the language.
 *
 * @module
 */

/**
 * Writes a number in a few places: `21.5`, `1234.6`, `1.235e+9`.
 *
 * @param value The number.
 * @returns Five figures of it.
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
 * Writes a number of messages in a second: `0`, `0.3`, `12`, `10k`.
 *
 * @param rate Messages a second.
 * @returns It, in four characters at most.
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
 * Writes how long ago something was: `5s`, `12m`, `3h`, `2d`.
 *
 * @param milliseconds How long.
 * @returns It, in whole units.
 */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
