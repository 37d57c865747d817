/**
 * Reads numbers as people and devices write them: `21.5 °C`, `1,234.5 kWh`,
 * `21,5`, `−3`, `6.02e23`.
 *
 * @module
 */
import { readUnit } from "./units.ts";

/** A number with its unit. */
export interface Quantity {
  value: number;
  /** Its unit; empty if there is none. */
  unit: string;
  /** How many decimals it was written with. */
  decimals: number;
}

/** A longer text is not a number. */
const MAX_LENGTH = 64;

/** More digits than a double keeps: an identifier, not a quantity. */
const MAX_INTEGER_DIGITS = 15;

/** Separators of thousands, other than comma and point. */
const SPACES = "'’\u00a0\u2009\u202f";

/** A sign, digits with any separators between them, an exponent, the rest. */
const NUMBER = new RegExp(
  `^([+\u2212-]?)(\\d+(?:[.,${SPACES}]\\d+)*\\.?|\\.\\d+)` +
    "(?:[eE]([+-]?\\d{1,3}))?(?![\\d.,])(.*)$",
  "su",
);

/**
 * Reads a text that is a number, with a unit or without.
 *
 * A comma with three digits behind it separates thousands, any other one is
 * the decimal point. A text such as `404 Not Found`, `192.168.1.1` or
 * `2026-11-24` is not a number, nor is an integer of more than 15 digits, of
 * which a double would lose some.
 *
 * @param text The text.
 * @returns The number; undefined if the text is not one.
 */
export function readQuantity(text: string): Quantity | undefined {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) return undefined;
  const [, sign, digits, exponent = "0", rest] = NUMBER.exec(trimmed) ?? [];
  if (digits === undefined) return undefined;
  const plain = plainOf(digits);
  if (plain === undefined) return undefined;
  const [whole, decimals = ""] = plain.split(".") as [string, string?];
  const isLong = whole.replace(/^0+/, "").length > MAX_INTEGER_DIGITS;
  // "25. november" is a date.
  const isOrdinal = plain.endsWith(".") && /^\s+\p{Ll}{3,}$/u.test(rest!);
  if (isLong || isOrdinal) return undefined;
  const unit = readUnit(rest!);
  if (unit === undefined) return undefined;
  const value = Number(`${plain}e${exponent}`) * (/[−-]/.test(sign!) ? -1 : 1);
  // JSON accepts 1e999, but it becomes Infinity, which cannot be drawn.
  if (!Number.isFinite(value)) return undefined;
  const shift = decimals.length - Number(exponent);
  return { value: value || 0, unit, decimals: Math.max(0, shift) };
}

/** Removes separators of thousands; the decimal point becomes a point. */
function plainOf(digits: string): string | undefined {
  const separators = digits.replaceAll(/\d/g, "");
  if (separators === "" || separators === ".") return digits;
  const groups = digits.split(/\D/);
  const isGrouped = (count: number) =>
    /^[1-9]\d{0,2}$/.test(groups[0]!) &&
    groups.slice(1, count).every((it) => it.length === 3);
  const isSame = new Set(separators).size === 1;
  if (isSame && separators[0] !== "." && isGrouped(groups.length)) {
    return groups.join("");
  }
  if (separators === ",") return groups.join(".");
  const last = separators.at(-1)!;
  const others = separators.slice(0, -1);
  const isDecimal = (last === "." || last === ",") && others !== "" &&
    !others.includes(last) && new Set(others).size === 1;
  return isDecimal && isGrouped(groups.length - 1)
    ? `${groups.slice(0, -1).join("")}.${groups.at(-1)}`
    : undefined;
}
