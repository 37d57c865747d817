/**
 * Options as data, and their parser.
 *
 * @module
 */
import { parseArgs } from "jsr:@std/cli@1.0.32/parse-args";
import type { ValueKind } from "./values.ts";

/** One option of a program. */
export interface Option {
  /** Its one-letter name. */
  short?: string;
  /** What it takes; nothing if undefined. */
  takes?: ValueKind<unknown>;
  /** What it means without a value; then a value only follows a `=`. */
  bare?: string;
  /** One line of usage text. */
  help: string;
}

/** The options of a program, by their long names. */
export type OptionTable = Record<string, Option>;

/** What was given of each option. */
export type Given<T extends OptionTable> = {
  [Name in keyof T]?: T[Name] extends { takes: ValueKind<infer V> } ? V : true;
};

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
    },
  );
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const { takes } = table[name]!;
    const value = parsed[name];
    if (value === undefined || value === false) continue;
    given[name] = takes ? takes.read(value as string) : true;
    if (given[name] !== undefined) continue;
    const what = takes!.description;
    throw new UsageError(`option --${name} takes ${what}, not "${value}"`);
  }
  return { given: given as Given<T>, operands: parsed._ };
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
      if (!option) throw unknown(shown);
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

function unknown(shown: string): UsageError {
  return new UsageError(`there is no option ${shown}`);
}
