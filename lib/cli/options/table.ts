/**
 * Describes options as data.
 *
 * @module
 */
import type { Address } from "../../address.ts";
import { UsageError } from "../exit_codes.ts";
import type { ValueKind } from "./values.ts";

type Kind = Address["kind"];

/** One option of a program. */
export interface Option {
  /** Its one-letter name. */
  short?: string;
  /** The kind of value it takes; none if undefined. */
  takes?: ValueKind<unknown>;
  /** Its value if none is given; if set, a value needs a `=` before it. */
  bare?: string;
  /** Whether a user can repeat it, each time with another value. */
  many?: true;
  /** The environment variable that holds its default. */
  env?: string;
  /** The kinds of address that it is for; all if undefined. */
  only?: Kind | readonly Kind[];
  /** The schemes of a broker's address that it is for; all if undefined. */
  schemes?: readonly string[];
  /** Whether `only` checks just the operands, no addresses in options. */
  isForOperands?: true;
  /** The same, and `only` checks each of them: by default, one is enough. */
  isForAll?: true;
  /** Whether its values are addresses, to which other options apply, too. */
  isAddress?: true;
  /** Whether it makes the operands names of files: none of them is an address. */
  takesFiles?: true;
  /** The option that has to be given too; of several, one is enough. */
  needs?: string | string[];
  /** Options that it contradicts. */
  excludes?: string[];
  /** Its heading in the usage text. */
  group: string;
  /** One line of usage text. */
  help: string;
}

/** The options of a program, by their long names. */
export type OptionTable = Record<string, Option>;

/** An option that people type who are used to another program. */
export interface ForeignOption {
  /**
   * Matches the next argument. It is needed if we have an option of that name
   * with another meaning. It applies only before the first operand.
   */
  before?: RegExp;
  /** What to write instead. */
  hint: string;
}

/** The options of other programs, as people type them. */
export type ForeignOptions = Record<string, ForeignOption>;

/** The value that was given for each option. */
export type Given<T extends OptionTable> = {
  [Name in keyof T]?: T[Name] extends { takes: ValueKind<infer V> }
    ? T[Name] extends { many: true } ? V[] : V
    : true;
};

/**
 * Reads a value.
 *
 * @param shown The option or variable that has the value, for the error.
 * @param takes The kind of value that is expected.
 * @param value The text of the value.
 * @returns The value.
 * @throws {UsageError} If the text is not of that kind.
 */
export function read<T>(shown: string, takes: ValueKind<T>, value: string): T {
  const result = takes.read(value);
  if (result !== undefined) return result;
  throw new UsageError(`${shown} takes ${takes.description}, not "${value}"`);
}
