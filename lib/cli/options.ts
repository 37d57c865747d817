/**
 * Options as data.
 *
 * @module
 */
import { type Address, parseAddress, shownAddress } from "../address.ts";
import { load } from "../load.ts";
import { UsageError } from "./exit_codes.ts";
import type { ValueKind } from "./values.ts";

type Kind = Address["kind"];

/** What kinds of address are, in words. */
const KINDS: Record<Kind, { many: string; one: string }> = {
  fifo: { many: "a FIFO", one: "a FIFO" },
  topic: { many: "topics", one: "a topic" },
  mqtt: { many: "MQTT", one: "a topic of a broker" },
};

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
  /** The kinds of address for which it means something; all if undefined. */
  only?: Kind | readonly Kind[];
  /** The schemes of a broker's address for which it means something. */
  schemes?: readonly string[];
  /** Whether only the addresses count that messages are sent to. */
  isForTarget?: true;
  /** Whether messages come from the addresses that it takes. */
  isSource?: true;
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

/** What people write who are used to another program. */
export interface ForeignOption {
  /**
   * What follows it, if it is one of ours with another meaning; only before all
   * operands.
   */
  before?: RegExp;
  /** What to write instead. */
  hint: string;
}

/** The options of other programs, as they are typed. */
export type ForeignOptions = Record<string, ForeignOption>;

/** What was given of each option. */
export type Given<T extends OptionTable> = {
  [Name in keyof T]?: T[Name] extends { takes: ValueKind<infer V> }
    ? T[Name] extends { many: true } ? V[] : V
    : true;
};

/** The environment, as options read it. */
export type Env = Pick<Deno.Env, "get">;

/**
 * Parses the arguments of a program.
 *
 * @param table Its options.
 * @param args The arguments.
 * @param foreign What the options of other programs are called here.
 * @returns The options that were given, and the other arguments.
 * @throws {UsageError} If an option is not known, or not given as it must be.
 */
export async function parseOptions<T extends OptionTable>(
  table: T,
  args: string[],
  foreign?: ForeignOptions,
): Promise<{ given: Given<T>; operands: string[] }> {
  // The parser takes 3 ms to load, which `pub ADDRESS MESSAGE` need not wait for.
  if (!args.some((arg) => arg.startsWith("-"))) {
    return { given: {}, operands: args };
  }
  const { parseArguments } = await load<typeof import("./arguments.ts")>(
    import.meta.resolve("./arguments.ts"),
  );
  return parseArguments(table, args, foreign);
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
  if (Object.keys(given).length === 0) return;
  const others = Object.entries(table)
    .filter(([, { isSource }]) => isSource)
    .flatMap(([name]) => given[name] as string[] | undefined ?? []);
  const kinds = [...addresses, ...others].map((it) => parseAddress(it).kind);
  const [first = "topic"] = kinds;
  const schemes = [...addresses, ...others].map(schemeOf);
  for (const [name, option] of Object.entries(table)) {
    if (given[name] === undefined) continue;
    const { only, isForTarget, schemes: wanted } = option;
    if (!only) continue;
    const allowed = [only].flat();
    const all = isForTarget ? [first] : [first, ...kinds];
    if (all.some((kind) => allowed.includes(kind))) {
      if (!wanted || schemes.some((it) => wanted.includes(it))) continue;
      const names = wanted.map((it) => `${it}://`).join(" and ");
      throw new UsageError(`option --${name} is for ${names}`);
    }
    const which = addresses.length > 0
      ? `, and "${shownAddress(parseAddress(addresses[0]!))}" is ${
        KINDS[first].one
      }`
      : "";
    const what = KINDS[allowed[0]!].many;
    throw new UsageError(`option --${name} is for ${what}${which}`);
  }
}

/** What stands before `://` in the address of a broker; else nothing. */
function schemeOf(text: string): string {
  const address = parseAddress(text);
  return address.kind === "mqtt" ? address.broker.split(":")[0]! : "";
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

/**
 * Reads a value.
 *
 * @param shown Where it was given, for the error.
 * @param takes What it is to be.
 * @param value What it is.
 * @returns What it means.
 * @throws {UsageError} If it is something else.
 */
export function read<T>(shown: string, takes: ValueKind<T>, value: string): T {
  const result = takes.read(value);
  if (result !== undefined) return result;
  throw new UsageError(`${shown} takes ${takes.description}, not "${value}"`);
}
