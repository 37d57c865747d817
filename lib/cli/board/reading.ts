/**
 * Finds the number in a message that is a measurement.
 *
 * @module
 */

/** A measured number. */
export interface Reading {
  /** The number. */
  value: number;
  /** Its unit or its name; empty if it has neither. */
  unit: string;
}

/** A number that may have a unit behind it: `21.5`, `21.5 °C`, `40%`. */
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\D{0,12})$/;

/**
 * Finds the number in a message. The message is a number that may have a unit,
 * or a JSON object. In an object, it takes the member `value`, or else the
 * first member that is a number; if the object has no member `unit`, the name
 * of that member stands for the unit.
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

/** JSON accepts 1e999, but it becomes Infinity, which cannot be drawn. */
function finite(value: number, unit: string): Reading | undefined {
  return Number.isFinite(value) ? { value, unit } : undefined;
}
