/**
 * The full texts of options, for the man pages and docs/reference.md. They are
 * not in the tables of options: every run with an option loads those, and 20 kB
 * of text take 0.15 ms.
 *
 * In a text, option names, environment variables and what stands between double
 * quotes are printed as they are typed. A line that starts with two spaces is an
 * example of a command.
 *
 * @module
 */
import type { COMMON_OPTIONS } from "./usage.ts";

/** One text for each option of a table. */
export type FullTexts<T> = { readonly [Name in keyof T]: string };

/** The texts of the options that every program has. */
export const COMMON_FULL: FullTexts<typeof COMMON_OPTIONS> = {
  completions: `Prints a script that completes options and topics in SHELL,
which is bash, zsh or fish. The shell reads it when it starts.`,
  usage: `Prints the most used options and some examples, on one screen.`,
  help: `Prints all options, one on a line.`,
  version: `Prints the version of fifobus.`,
};
