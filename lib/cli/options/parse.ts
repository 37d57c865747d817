/**
 * Parses the command line.
 *
 * @module
 */
import { UsageError } from "../exit_codes.ts";
import {
  type ForeignOptions,
  type Given,
  type OptionTable,
  read,
} from "./table.ts";

/** A number that starts with a dash is an argument: no option is a digit. */
const NUMBER = /^-\.?[0-9]/;

/**
 * Parses the arguments of a program, as getopt_long(3) does.
 *
 * parseArgs() of @std/cli is not good enough. It reads a missing value as "",
 * loses the dash of `--name -`, splits `-n5` into letters, makes an object of
 * `--name.x`, takes the word behind `--flag` as its value, and accepts unknown
 * flags.
 *
 * @param table The options of the program.
 * @param args The arguments.
 * @param foreign Options of other programs, with what to write instead.
 * @param takesCommand Whether what follows `--` behind an operand is a command.
 * @returns The options that were given, the other arguments, and the command.
 * @throws {UsageError} If an option is unknown or used in a wrong way.
 */
export function parseOptions<T extends OptionTable>(
  table: T,
  args: string[],
  foreign: ForeignOptions = {},
  takesCommand = false,
): { given: Given<T>; operands: string[]; command?: string[] } {
  const given: Record<string, unknown> = {};
  const operands: string[] = [];
  const rest = [...args];
  let command: string[] | undefined;
  /** Records an option and its value, which may be in the next argument. */
  const take = (shown: string, name: string, attached?: string): void => {
    const { takes, bare, many } = table[name]!;
    if (!takes) {
      if (attached !== undefined) {
        throw new UsageError(`option ${shown} takes no value`);
      }
      given[name] = true;
      return;
    }
    const text = attached ?? bare ?? rest.shift();
    if (text === undefined) {
      throw new UsageError(`option ${shown} takes ${takes.description}`);
    }
    const value = read(`option --${name}`, takes, text);
    given[name] = many ? [...given[name] as unknown[] ?? [], value] : value;
  };
  for (let arg; (arg = rest.shift()) !== undefined;) {
    const meant = Object.hasOwn(foreign, arg) ? foreign[arg] : undefined;
    if (meant?.before?.test(rest[0] ?? "") && operands.length === 0) {
      throw new UsageError(`${arg} ${rest[0]}: ${meant.hint}`);
    }
    if (arg === "--") {
      const isCommand = takesCommand && operands.length > 0 && rest.length > 0;
      if (isCommand) command = rest.splice(0);
      else operands.push(...rest.splice(0));
    } else if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const shown = equals < 0 ? arg : arg.slice(0, equals);
      const name = shown.slice(2);
      if (!Object.hasOwn(table, name)) {
        const near = nearest(name, Object.keys(table));
        throw unknown(shown, foreign, near && `did you mean --${near}?`);
      }
      take(shown, name, equals < 0 ? undefined : arg.slice(equals + 1));
    } else if (arg.startsWith("-") && arg !== "-" && !NUMBER.test(arg)) {
      for (let at = 1; at < arg.length; at++) {
        const shown = `-${arg[at]}`;
        const [name, option] = Object.entries(table)
          .find(([, { short }]) => short === arg[at]) ?? [];
        if (name === undefined) throw unknown(shown, foreign);
        const attached = option!.takes && arg.slice(at + 1) || undefined;
        take(shown, name, attached);
        if (option!.takes) break;
      }
    } else operands.push(arg);
  }
  for (const name of Object.keys(table)) check(table, name, given);
  return { given: given as Given<T>, operands, ...command && { command } };
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

function unknown(
  shown: string,
  foreign: ForeignOptions,
  near = "put -- before an argument that starts with -",
): UsageError {
  const hint = Object.hasOwn(foreign, shown) ? foreign[shown]!.hint : near;
  return new UsageError(`there is no option ${shown} (${hint})`);
}

/** Returns the name that the user most likely meant, if there is one. */
function nearest(typed: string, names: string[]): string | undefined {
  const beginning = names.filter((name) => name.startsWith(typed));
  if (typed.length > 1 && beginning.length === 1) return beginning[0];
  const [best] = names.map((name) => ({ name, edits: distance(typed, name) }))
    .toSorted((a, b) => a.edits - b.edits);
  return best && best.edits <= 0.4 * typed.length ? best.name : undefined;
}

/** Counts the letters to insert, remove or replace (Levenshtein distance). */
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
