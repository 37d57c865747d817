/**
 * What a program says of itself.
 *
 * @module
 */
import type { OptionTable } from "./options.ts";
import { choice } from "./values.ts";

/** A table of usage text. */
export interface Section {
  /** Its heading. */
  title: string;
  /** What there is, and what it means. */
  rows: readonly (readonly [name: string, meaning: string])[];
}

/** What a program says of itself. */
export interface Usage<T extends OptionTable = OptionTable> {
  /** The program's name. */
  name: string;
  /** What it is for, in a few words. */
  purpose: string;
  /** What follows the options on the command line. */
  operands: string;
  /** How many of the operands are addresses, from the first. */
  addresses: number;
  /** What it does. */
  summary: string;
  /** What else there is to know. */
  sections?: Section[];
  /** Command lines to try. */
  examples: string[];
  /** Environment variables, beside those that are defaults of options. */
  environment: Section["rows"];
  /** Its options. */
  options: T;
}

const COMMON = "Help";

/** The shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** The options of every program. */
export const COMMON_OPTIONS = {
  completions: {
    takes: choice("SHELL", SHELLS),
    group: COMMON,
    help: "print completions for a shell: bash, zsh or fish",
  },
  help: { short: "h", group: COMMON, help: "print this text" },
  version: { short: "V", group: COMMON, help: "print the version" },
} satisfies OptionTable;

/** The environment variables that say where the bus is. */
export const BUS_ENVIRONMENT: Section["rows"] = [
  ["FIFOBUS_DIR", "the folder of the bus"],
  ["XDG_RUNTIME_DIR", "without that, the folder that fifobus is in"],
];
