/**
 * The number in a message, if it is a measurement.
 *
 * @module
 */

/** What was measured. */
export interface Reading {
  /** The number. */
  value: number;
  /** Its unit, or the name it has; empty if it has none. */
  unit: string;
}

/** A number, and perhaps a unit behind it: `21.5`, `21.5 °C`, `40%`. */
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\D{0,12})$/;

/**
 * Finds the number in a message: a number, perhaps with a unit; or in a JSON
 * object the member `value`, or else the first one that is a number, whose name
 * stands for the unit if the object has no member `unit`.
 *
 * @param text The message.
 * @returns The number; undefined if there is none.
 */
export function readNumber(text: string): Reading | undefined {
  const trimmed = text.trim();
  const [, number, unit] = NUMBER.exec(trimmed) ?? [];
  if (number !== undefined) return finite(Number(number), unit!);
  if (!trimmed.startsWith("{")) return undefined;
  let object: Record<string, unknown>;
  try {
    object = JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  const name = typeof object.value === "number"
    ? "value"
    : Object.keys(object).find((name) => typeof object[name] === "number");
  if (name === undefined) return undefined;
  const named = typeof object.unit === "string" ? object.unit : undefined;
  return finite(
    object[name] as number,
    named ?? (name === "value" ? "" : name),
  );
}

/** 1e999 is a number to JSON, and none that can be drawn. */
function finite(value: number, unit: string): Reading | undefined {
  return Number.isFinite(value) ? { value, unit } : undefined;
}
