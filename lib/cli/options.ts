/**
 * Options as data, and their parser.
 *
 * @module
 */
import { parseArgs } from "jsr:@std/cli@1.0.32/parse-args";
import { type Address, parseAddress } from "../address.ts";
import type { ValueKind } from "./values.ts";

/** One option of a program. */
export interface Option {
  /** Its one-letter name. */
  short?: string;
  /** What it takes; nothing if undefined. */
  takes?: ValueKind<unknown>;
  /** What it means without a value; then a value only follows a `=`. */
  bare?: string;
  /** Whether it may be given several times, each with a value of its own. */
  many?: true;
  /** The environment variable that is its default. */
  env?: string;
  /** The only kind of address for which it means something. */
  only?: Address["kind"];
  /** The option without which it means nothing, or options, one of them. */
  needs?: string | string[];
  /** Options that it contradicts. */
  excludes?: string[];
  /** The heading under which usage text has it. */
  group: string;
  /** One line of usage text. */
  help: string;
}

/** The options of a program, by their long names. */
export type OptionTable = Record<string, Option>;

/** What was given of each option. */
export type Given<T extends OptionTable> = {
  [Name in keyof T]?: T[Name] extends { takes: ValueKind<infer V> }
    ? T[Name] extends { many: true } ? V[] : V
    : true;
};

/** The environment, as options read it. */
export type Env = Pick<Deno.Env, "get">;

/** The arguments are not what the program takes. */
export class UsageError extends Error {}

/**
 * Parses the arguments of a program.
 *
 * @param table Its options.
 * @param args The arguments.
 * @returns The options that were given, and the other arguments.
 * @throws {UsageError} If an option is not known, or not given as it must be.
 */
export function parseOptions<T extends OptionTable>(
  table: T,
  args: string[],
): { given: Given<T>; operands: string[] } {
  const names = Object.keys(table);
  const parsed: Record<string, unknown> & { _: string[] } = parseArgs(
    normalize(table, args),
    {
      string: ["_", ...names.filter((name) => table[name]!.takes)],
      boolean: names.filter((name) => !table[name]!.takes),
      collect: names.filter((name) => table[name]!.many),
    },
  );
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const { takes, many } = table[name]!;
    const value = parsed[name];
    if (value === undefined || value === false) continue;
    const shown = `option --${name}`;
    if (!takes) given[name] = true;
    else if (many) {
      const values = (value as string[]).map((it) => read(shown, takes, it));
      if (values.length > 0) given[name] = values;
    } else given[name] = read(shown, takes, value as string);
  }
  for (const name of names) check(table, name, given);
  return { given: given as Given<T>, operands: parsed._ };
}

/**
 * Checks that each option that was given means something for an address: one
 * that is ignored would deceive.
 *
 * @param table The options.
 * @param given Those that were given.
 * @param addresses The addresses; none of them stands for topics.
 * @throws {UsageError} If one does not.
 */
export function checkAddresses(
  table: OptionTable,
  given: Record<string, unknown>,
  addresses: string[],
): void {
  const kinds = addresses.map((address) => parseAddress(address).kind);
  if (kinds.length === 0) kinds.push("topic");
  for (const [name, { only }] of Object.entries(table)) {
    if (!only || given[name] === undefined || kinds.includes(only)) continue;
    const [what, is] = only === "fifo"
      ? ["a FIFO", "a topic"]
      : ["topics", "a FIFO"];
    const which = addresses.length > 0
      ? `, and "${addresses[0]}" is ${is}`
      : "";
    throw new UsageError(`option --${name} is for ${what}${which}`);
  }
}

/**
 * Adds what the environment says of options that were not given.
 *
 * @param table The options.
 * @param given Those that were given.
 * @param env The environment.
 * @returns All of them.
 * @throws {UsageError} If a variable is not what its option takes.
 */
export function withDefaults<T extends OptionTable>(
  table: T,
  given: Given<T>,
  env: Env,
): Given<T> {
  const all: Record<string, unknown> = { ...given };
  for (const [name, { takes, env: variable }] of Object.entries(table)) {
    if (!variable || !takes || all[name] !== undefined) continue;
    const value = env.get(variable);
    if (value) {
      all[name] = read(`environment variable ${variable}`, takes, value);
    }
  }
  return all as Given<T>;
}

function read<T>(shown: string, takes: ValueKind<T>, value: string): T {
  const result = takes.read(value);
  if (result !== undefined) return result;
  throw new UsageError(`${shown} takes ${takes.description}, not "${value}"`);
}

function check(
  table: OptionTable,
  name: string,
  given: Record<string, unknown>,
): void {
  if (given[name] === undefined) return;
  const { needs, excludes = [] } = table[name]!;
  const other = excludes.find((other) => given[other] !== undefined);
  if (other) {
    throw new UsageError(`options --${name} and --${other} exclude each other`);
  }
  const needed = needs === undefined ? [] : [needs].flat();
  if (needed.length === 0) return;
  if (needed.some((other) => given[other] !== undefined)) return;
  const all = needed.map((other) => `--${other}`).join(" or ");
  throw new UsageError(`option --${name} goes with ${all}`);
}

/**
 * Writes each option as `--name` or `--name=value`, and the other arguments
 * behind `--`. Left to itself parseArgs() takes a missing value for "", loses
 * the dash of `--name -`, makes letters of `-n5` and an object of `--name.x`,
 * takes the word behind `--flag` for its value, and lets unknown flags pass.
 */
function normalize(table: OptionTable, args: string[]): string[] {
  const options: string[] = [];
  const operands: string[] = [];
  const rest = [...args];
  const value = (shown: string, { takes, bare }: Option): string => {
    if (bare !== undefined) return bare;
    const next = rest.shift();
    if (next !== undefined) return next;
    throw new UsageError(`option ${shown} takes ${takes!.description}`);
  };
  for (let arg; (arg = rest.shift()) !== undefined;) {
    if (arg === "--") operands.push(...rest.splice(0));
    else if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const shown = equals < 0 ? arg : arg.slice(0, equals);
      const name = shown.slice(2);
      const option = Object.hasOwn(table, name) ? table[name] : undefined;
      if (!option) throw unknown(shown, nearest(name, Object.keys(table)));
      if (!option.takes) {
        if (equals >= 0) throw new UsageError(`option ${shown} takes no value`);
        options.push(arg);
      } else if (equals >= 0) options.push(arg);
      else options.push(`${arg}=${value(shown, option)}`);
    } else if (arg.startsWith("-") && arg !== "-") {
      for (let at = 1; at < arg.length; at++) {
        const shown = `-${arg[at]}`;
        const [name, option] = Object.entries(table)
          .find(([, { short }]) => short === arg[at]) ?? [];
        if (!option) throw unknown(shown);
        if (!option.takes) options.push(`--${name}`);
        else {
          const attached = arg.slice(at + 1);
          options.push(`--${name}=${attached || value(shown, option)}`);
          break;
        }
      }
    } else operands.push(arg);
  }
  return [...options, "--", ...operands];
}

function unknown(shown: string, near?: string): UsageError {
  const hint = near ? ` (did you mean --${near}?)` : "";
  return new UsageError(`there is no option ${shown}${hint}`);
}

/** The name that was most likely meant, if any was. */
function nearest(typed: string, names: string[]): string | undefined {
  const beginning = names.filter((name) => name.startsWith(typed));
  if (typed.length > 1 && beginning.length === 1) return beginning[0];
  const [best] = names.map((name) => ({ name, edits: distance(typed, name) }))
    .toSorted((a, b) => a.edits - b.edits);
  return best && best.edits <= 0.4 * typed.length ? best.name : undefined;
}

/** How many letters to insert, to remove or to replace: Levenshtein. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
