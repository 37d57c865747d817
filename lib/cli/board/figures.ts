/**
 * Formats figures for the terminal and the browser. The server sends the text
 * of these functions to the page, so they use nothing but the language itself.
 *
 * @module
 */

/**
 * Formats a number as people write it: `21.5`, `12,345,678.9`, `1.5e-9`.
 *
 * @param value The number.
 * @param decimals How many decimals to show, if they are known; then all of
 * them are shown, as in `4.0`.
 * @param width How many characters there is room for. Commas go first, then
 * decimals, then digits of the form with an exponent. If there is no room, the text is longer.
 * @returns The number. It has at most 15 digits.
 */
export function formatNumber(
  value: number,
  decimals?: number,
  width = Infinity,
): string {
  const size = Math.abs(value);
  const plain = (most: number) => {
    const [whole, rest] = value.toFixed(most).split(".");
    const shown = decimals === undefined ? rest?.replace(/0+$/, "") : rest;
    const end = shown ? `.${shown}` : "";
    // The year 2026 has no comma, 20,260 has one.
    const grouped = whole!.length > (value < 0 ? 5 : 4)
      ? whole!.replaceAll(/\B(?=(\d{3})+$)/g, ",")
      : whole!;
    return (grouped + end).length <= width ? grouped + end : whole! + end;
  };
  if (size === 0 || size >= 1e-6 && size < 1e15) {
    const whole = Math.floor(Math.log10(Math.max(1, size))) + 1;
    // A number below 1 keeps six digits.
    const zeros = size > 0 && size < 1 ? Math.floor(-Math.log10(size)) : 0;
    const known = Math.min(decimals ?? 15, 6 + zeros, 15 - whole);
    for (let most = Math.max(0, known); most >= 0; most--) {
      const text = plain(most);
      // Less room makes no number zero.
      const isZero = most < known && size > 0 && !/[1-9]/.test(text);
      if (text.length <= width && !isZero) return text;
    }
  }
  let text = "";
  for (let digits = 6; digits > 0; digits--) {
    text = String(Number(value.toPrecision(digits)).toExponential());
    if (text.length <= width) break;
  }
  return text;
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
