/**
 * Options as data.
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
