/**
 * Usage text, written from the table of options.
 *
 * @module
 */
import { EXIT_CODES } from "./exit_codes.ts";
import type { OptionTable } from "./options.ts";

/** What usage text says beside the options. */
export interface Usage {
  /** The program's name. */
  name: string;
  /** What follows the options on the command line. */
  operands: string;
  /** What the program does. */
  summary: string;
  /** Command lines to try. */
  examples: string[];
}

/**
 * Writes the text that `--help` prints.
 *
 * @param usage What the program is.
 * @param table Its options.
 * @returns The text.
 */
export function usageText(usage: Usage, table: OptionTable): string {
  const options = Object.entries(table).map(([name, option]) => {
    const letter = option.short ? `-${option.short}, ` : "    ";
    const placeholder = option.takes?.placeholder;
    const value = !placeholder
      ? ""
      : option.bare === undefined
      ? ` ${placeholder}`
      : `[=${placeholder}]`;
    return [`${letter}--${name}${value}`, option.help] as const;
  });
  return `Usage: ${usage.name} [OPTION]... ${usage.operands}
${usage.summary}

Options:
${columns(options)}

Exit codes:
${columns(EXIT_CODES)}

Examples:
${usage.examples.map((line) => `  ${line}\n`).join("")}`;
}

function columns(rows: (readonly [left: string | number, right: string])[]) {
  const width = Math.max(...rows.map(([left]) => `${left}`.length));
  return rows.map(([left, right]) => `  ${`${left}`.padEnd(width)}  ${right}`)
    .join("\n");
}
