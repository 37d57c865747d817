/**
 * Finds the values in a message: one in plain text, several in a JSON object.
 *
 * @module
 */
import { type Quantity, readQuantity } from "./quantity.ts";
import { RANK, type Rank, rankOf } from "./rank.ts";

/** A value in a message. */
export interface Field {
  /** The members of the object that lead to it, as `ENERGY.Power`; or empty. */
  path: string;
  /** The value as it was written. */
  text: string;
  /** The number, if it is one. */
  number?: Quantity;
  /** Whether a state such as ON or OFF is the first of its pair. */
  state?: boolean;
  /** Which values of a message come first. */
  rank: Rank;
}

/** The values in a message. */
export interface Fields {
  /** Whether the message has named values. */
  isObject: boolean;
  /** The values, in the order of the message. */
  fields: Field[];
}

/** The words of states, the active one first. */
const STATES: Record<string, boolean> = Object.fromEntries(
  [
    ["on", "off"],
    ["open", "closed"],
    ["opened", "close"],
    ["online", "offline"],
    ["true", "false"],
    ["yes", "no"],
    ["up", "down"],
    ["connected", "disconnected"],
    ["active", "inactive"],
    ["running", "stopped"],
    ["locked", "unlocked"],
    ["detected", "clear"],
    ["home", "not_home"],
  ].flatMap(([first, second]) => [[first, true], [second, false]]),
);

/** Limits for one message; further values stay in its text. */
const MAX_FIELDS = 32;
const MAX_MEMBERS = 256;
const MAX_DEPTH = 4;
const MAX_TEXT = 100;

/** A number of JSON as it was written: `4.0` has a decimal, and 2⁶⁴ digits. */
class Literal {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** A line of the text format of Prometheus. */
const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(\{[^{}]*\})?[ \t]+([+-]?[\d.]+(?:e[+-]?\d+)?)(?:[ \t]+\d+)?$/i;

/**
 * Finds the values in a message.
 *
 * @param text The message.
 * @returns Its values.
 */
export function readFields(text: string): Fields {
  const first = text.trimStart()[0];
  if (first === "{") {
    const fields = readObject(text);
    if (fields) return fields;
  }
  const samples = readSamples(text);
  if (samples) return samples;
  return { isObject: false, fields: [fieldOf("", unquoted(text), RANK.value)] };
}

/** A JSON string means its text: "21.5" is a number, and "ON" is a state. */
function unquoted(text: string): string {
  const [, inner] = /^\s*"([^"\\]{0,64})"\s*$/.exec(text) ?? [];
  return inner ?? text;
}

function fieldOf(path: string, text: string, rank: Rank): Field {
  const number = readQuantity(text);
  if (number) return { path, text, number, rank };
  const state = text.length > 16 ? undefined : stateOf(text);
  return state === undefined ? { path, text, rank } : {
    path,
    text,
    state,
    rank,
  };
}

function stateField(path: string, state: boolean): Field {
  return { path, text: String(state), state, rank: RANK.text };
}

/** A number of JSON has none of the forms that people use. */
function literalField(path: string, source: string): Field {
  const plain = /^-?\d{1,15}(?:\.(\d+))?$/.exec(source);
  if (!plain) return fieldOf(path, source, RANK.text);
  const decimals = plain[1]?.length ?? 0;
  const number = { value: Number(source) || 0, unit: "", decimals };
  return { path, text: source, number, rank: RANK.text };
}

function stateOf(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  return Object.hasOwn(STATES, word) ? STATES[word] : undefined;
}

function readObject(text: string): Fields | undefined {
  let object: object;
  try {
    object = JSON.parse(
      text,
      ((_: string, value: unknown, context?: { source?: string }) =>
        typeof value === "number"
          ? new Literal(context?.source ?? String(value))
          : value) as (key: string, value: unknown) => unknown,
    );
  } catch {
    return undefined;
  }
  const fields: Field[] = [];
  const units: [prefix: string, unit: string][] = [];
  let left = MAX_MEMBERS;
  const walk = (part: object, path: string[]): void => {
    const names = Object.keys(part);
    const hasBattery = names.some((name) => /batt/i.test(name));
    for (const name of names) {
      if (--left < 0) return;
      const value = (part as Record<string, unknown>)[name];
      const here = [...path, name];
      if (value instanceof Literal || typeof value === "boolean") {
        const field = typeof value === "boolean"
          ? stateField(here.join("."), value)
          : literalField(here.join("."), value.source);
        field.rank = rankOf(here, field, hasBattery);
        fields.push(field);
      } else if (typeof value === "string") {
        const [, prefix] = /^(.*?)_?unit(?:_of_measurement)?$/i.exec(name) ??
          [];
        if (prefix !== undefined) units.push([prefix.toLowerCase(), value]);
        else if (value.length <= MAX_TEXT) {
          const field = fieldOf(here.join("."), value, RANK.text);
          field.rank = rankOf(here, field, hasBattery);
          fields.push(field);
        }
      } else if (typeof value === "object" && value !== null) {
        const isList = Array.isArray(value) &&
          value.some((it) => it instanceof Literal || typeof it !== "object");
        // A list of plain values is one thing: a color, a history.
        if (!isList && here.length < MAX_DEPTH && !(value instanceof Literal)) {
          walk(value, here);
        }
      }
    }
  };
  walk(object, []);
  addUnits(fields, units);
  if (fields.length > MAX_FIELDS) {
    const kept = new Set(
      fields.toSorted((a, b) => a.rank - b.rank).slice(0, MAX_FIELDS),
    );
    return { isObject: true, fields: fields.filter((it) => kept.has(it)) };
  }
  return { isObject: true, fields };
}

/**
 * Gives numbers the units that other members name. `unit` is for the only
 * quantity of a message or for the one called `value`, `TempUnit` for names
 * that start with `Temp`. A number without one has its name instead.
 */
function addUnits(
  fields: Field[],
  units: [prefix: string, unit: string][],
): void {
  const isMain = ({ number, rank }: Field) => number && rank <= RANK.number;
  const isOnly = fields.filter(isMain).length === 1;
  for (const field of fields) {
    const { number, path, rank } = field;
    if (!number || number.unit !== "") continue;
    const name = nameOf(path);
    const lower = name.toLowerCase();
    const found = units.find(([prefix]) =>
      prefix === ""
        ? rank === RANK.value || isOnly && isMain(field)
        : lower.startsWith(prefix)
    );
    const scale = /^t([CFK])$/.exec(name)?.[1];
    number.unit = found
      ? degrees(found[1])
      : scale
      ? degrees(scale)
      : lower === "value"
      ? ""
      : name;
  }
}

/** The letters of the scales of temperature mean degrees. */
function degrees(unit: string): string {
  return unit === "C" || unit === "F" ? `°${unit}` : unit;
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/**
 * Reads the text format of Prometheus. A single sample needs labels or an
 * underscore in its name: "gate 7" is a text.
 */
function readSamples(text: string): Fields | undefined {
  if (!/^(?:#|[a-zA-Z_:])/.test(text) || !/[_{#:]/.test(text)) return undefined;
  const lines = text.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !/^#(?:\s|$)/.test(line));
  const fields: Field[] = [];
  for (const line of lines) {
    const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
    const number = value === undefined ? undefined : readQuantity(value);
    if (!number) return undefined;
    const path = name! + labels;
    number.unit = name!;
    fields.push({
      path,
      text: value!,
      number,
      rank: rankOf([name!], { number }),
    });
  }
  if (fields.length === 0) return undefined;
  return { isObject: true, fields: fields.slice(0, MAX_FIELDS) };
}
