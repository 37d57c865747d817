/**
 * Writes the usage text of a program: `--help`.
 *
 * @module
 */
import { EXIT_CODES } from "../exit_codes.ts";
import type { Option, OptionTable } from "./table.ts";
import type { Section, Usage } from "./usage.ts";

/**
 * Writes an option as usage text shows it: `-C, --count N`.
 *
 * @param name Its long name.
 * @param option The option.
 * @returns Its names and the placeholder of its value.
 */
export function optionNames(name: string, option: Option): string {
  const letter = option.short ? `-${option.short}, ` : "";
  return `${letter}--${name}${optionValue(option)}`;
}

function optionValue({ takes, bare }: Option): string {
  if (!takes) return "";
  return bare === undefined
    ? ` ${takes.placeholder}`
    : `[=${takes.placeholder}]`;
}

/**
 * Groups options under their headings.
 *
 * @param options The options.
 * @returns The headings, in order, each with its options.
 */
export function groupOptions(options: OptionTable): Section[] {
  const groups = new Map<string, [string, string][]>();
  for (const [name, option] of Object.entries(options)) {
    const rows = groups.get(option.group) ?? [];
    groups.set(option.group, rows);
    rows.push([optionNames(name, option), option.help]);
  }
  return [...groups].map(([title, rows]) => ({ title, rows }));
}

/**
 * Lists all environment variables of a program.
 *
 * @param usage The program.
 * @returns Their names and meanings.
 */
export function environmentOf({ environment, options }: Usage): Section {
  const defaults = Object.entries(options)
    .filter(([, { env }]) => env !== undefined)
    .map(([name, { env }]) => [env!, `the default of --${name}`] as const);
  return { title: "Environment", rows: [...environment, ...defaults] };
}

/** The exit codes. */
export const EXIT_SECTION: Section = {
  title: "Exit codes",
  rows: EXIT_CODES.map(([code, meaning]) => [`${code}`, meaning]),
};

/** As many examples as fit: `-h` is to fit on a terminal of 24 lines. */
const BRIEF_EXAMPLES = 4;

/**
 * Writes the text that `-h` prints.
 *
 * @param usage The program.
 * @returns The text, of at most 23 lines.
 */
export function briefText(usage: Usage): string {
  const { name, operands, purpose, options, common, examples } = usage;
  const rows = [...common, "help"].map((it) =>
    [optionNames(it, options[it]!), options[it]!.help] as const
  );
  const lines = examples.slice(0, BRIEF_EXAMPLES).map((it) => `  ${it}\n`);
  return `Usage: ${name} [OPTION]... ${operands}
${name} - ${purpose}

An ADDRESS is a topic such as warehouse/door, a named pipe such as /tmp/pipe,
or a topic of an MQTT broker such as mqtt://localhost/warehouse/door.

${sectionText({ title: "Options", rows }, widest(rows))}
Examples:
${lines.join("")}`;
}

/**
 * Writes the text that `--help` prints.
 *
 * @param usage The program.
 * @returns The text.
 */
export function usageText(usage: Usage): string {
  const groups = groupOptions(usage.options);
  const others = [
    ...usage.sections ?? [],
    environmentOf(usage),
    EXIT_SECTION,
  ];
  const width = widest(groups.flatMap(({ rows }) => rows));
  const sections = [
    ...groups.map((group) => sectionText(group, width)),
    ...others.map((section) => sectionText(section, widest(section.rows))),
  ];
  return `Usage: ${usage.name} [OPTION]... ${usage.operands}
${usage.summary}

${sections.join("\n")}
Examples:
${usage.examples.map((line) => `  ${line}\n`).join("")}`;
}

function sectionText({ title, rows }: Section, width: number): string {
  const lines = rows.map(([name, meaning]) =>
    `  ${indented(name).padEnd(width)}  ${meaning}\n`
  );
  return `${title}:\n${lines.join("")}`;
}

/** Indents a long name without a letter, so that all long names line up. */
function indented(name: string): string {
  return name.startsWith("--") ? `    ${name}` : name;
}

function widest(rows: Section["rows"]): number {
  return Math.max(...rows.map(([name]) => indented(name).length));
}
