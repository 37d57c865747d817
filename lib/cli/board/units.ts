/**
 * Knows what may stand behind a number: `°C`, `kWh`, `µg/m³`, `ppm CO2`.
 *
 * @module
 */

const PREFIXES = [
  ...["", "n", "µ", "μ", "u", "m", "c", "d", "h", "k", "M", "G", "T"],
  ...["Ki", "Mi", "Gi", "Ti"],
];

/** Units that take a prefix. */
const PREFIXED = [
  ...["m", "g", "s", "A", "K", "mol", "cd", "Hz", "N", "Pa", "J", "W", "V"],
  ...["F", "Ω", "Ohm", "ohm", "S", "T", "H", "lm", "lx", "Bq", "Gy", "Sv"],
  ...["l", "L", "B", "bit", "b", "bps", "Wh", "Ah", "VA", "VAh", "var"],
  ...["varh", "eV", "bar", "cal", "t"],
];

const UNITS = new Set([
  ...PREFIXED.flatMap((unit) => PREFIXES.map((prefix) => prefix + unit)),
  ...["%", "‰", "%RH", "°", "°C", "°F", "°K", "℃", "℉", "C", "ppm", "ppb"],
  ...["pH", "dB", "dBm", "dBA", "dB(A)", "rpm", "RPM", "min", "h", "d", "hr"],
  ...["hrs", "sec", "in", "ft", "yd", "mi", "mph", "kn", "kph", "kmh", "psi"],
  ...["PSI", "inHg", "mmHg", "gal", "oz", "lb", "lbs", "lux", "mired", "AQI"],
  ...["€", "$", "£", "¥", "kr", "EUR", "USD", "GBP", "CHF", "deg", "rad", '"'],
]);

/** A lower-case word, as in "5 persons" or "12 req/s". */
const WORD = /^\p{Ll}{2,12}(?:\/\p{Ll}{1,6})?$/u;

/** Words behind a known unit, as in "412 ppm CO2". */
const MORE = /^(?: \p{L}[\p{L}\p{N}]*)*$/u;

/** The longest text behind a number that still is a unit. */
const MAX_LENGTH = 24;

/**
 * Returns the unit of a number.
 *
 * @param text The text behind the number.
 * @returns The unit; undefined if the text makes the message a text.
 */
export function readUnit(text: string): string | undefined {
  if (text === "") return "";
  const unit = text.trim();
  if (unit.length > MAX_LENGTH) return undefined;
  const [, first, more] = /^(\S+)(.*)$/s.exec(unit)!;
  if (isKnown(first!)) return MORE.test(more!) ? unit : undefined;
  // "3D" and "1st" are not quantities, "3 doors" is one, "404 Not" is not.
  return more === "" && /^\s/.test(text) && WORD.test(first!)
    ? unit
    : undefined;
}

function isKnown(unit: string): boolean {
  if (UNITS.has(unit)) return true;
  return unit.split(/[/·*]/).every((part, i) => {
    const plain = part.replace(/(?:[²³⁻¹]+|\^?-?[1-4])$/, "");
    return UNITS.has(plain) || i > 0 && WORD.test(plain);
  });
}
