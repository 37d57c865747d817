/**
 * Man pages and the tables of reference.md, written from the same data as
 * usage text: `deno task docs`.
 *
 * @module
 */
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import {
  environmentOf,
  EXIT_SECTION,
  groupOptions,
} from "../lib/cli/options/help.ts";
import type { Section, Usage } from "../lib/cli/options/usage.ts";
import { VERSION } from "../lib/version.ts";

/** The man page of a program, see man(7). */
export function manPage(usage: Usage): string {
  const { name, purpose, operands, summary, examples } = usage;
  const [, ...paragraphs] = summary.split("\n\n");
  return [
    `.TH ${name.toUpperCase()} 1 "" "fifobus ${VERSION}" "User Commands"`,
    ".SH NAME",
    `${name} \\- ${roff(purpose)}`,
    ".SH SYNOPSIS",
    `.B ${name}`,
    `[\\fIOPTION\\fR]... ${roff(operands)}`,
    ".SH DESCRIPTION",
    paragraphs.map(roff).join("\n.PP\n"),
    ".SH OPTIONS",
    ...groupOptions(usage.options).map((group) => subsection(group)),
    ...(usage.sections ?? []).map((it) => section(it)),
    section(environmentOf(usage)),
    section(EXIT_SECTION),
    ".SH EXAMPLES",
    ".EX",
    ...examples.map(roff),
    ".EE",
    ".SH SEE ALSO",
    `.BR ${name === "pub" ? "sub" : "pub"} (1),`,
    ".BR mkfifo (1),",
    ".BR fifo (7)",
    "",
  ].join("\n");
}

function section({ title, rows }: Section): string {
  return [`.SH ${title.toUpperCase()}`, ...rows.flatMap(row)].join("\n");
}

function subsection({ title, rows }: Section): string {
  return [`.SS ${title}`, ...rows.flatMap(row)].join("\n");
}

function row([name, meaning]: readonly [string, string]): string[] {
  return [".TP", `.B ${roff(name)}`, roff(meaning)];
}

/** Text as roff has it: hyphens that can be copied, no requests by accident. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replaceAll(/^[.']/gm, "\\&$&");
}

/** reference.md, with the tables of options and exit codes as they are now. */
export function reference(text: string): string {
  const tables: Record<string, Section[]> = {
    pub: groupOptions(PUB.options),
    sub: groupOptions(SUB.options),
    format: SUB.sections!.slice(0, 1),
    environment: [environmentOf(PUB)],
    "exit codes": [EXIT_SECTION],
  };
  return Object.entries(tables).reduce((text, [name, sections]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const before = text.slice(0, text.indexOf(begin) + begin.length);
    return `${before}\n\n${markdown(sections)}\n\n${
      text.slice(text.indexOf(end))
    }`;
  }, text);
}

function markdown(sections: Section[]): string {
  const rows = sections.flatMap(({ title, rows }) => [
    [`**${title}**`, ""],
    ...rows.map(([name, meaning]) => [`\`${name}\``, meaning]),
  ]);
  const cells = rows.map((row) => row.map((it) => it!.replaceAll("|", "\\|")));
  const widths = [0, 1].map((i) =>
    Math.max(3, ...cells.map((it) => it[i]!.length))
  );
  const line = (row: string[]) =>
    `| ${row.map((it, i) => it.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...rest] = cells;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head!), rule, ...rest.map(line)].join("\n");
}

if (import.meta.main) {
  for (const usage of [PUB, SUB]) {
    const page = new URL(`${usage.name}.1`, import.meta.url);
    await Deno.writeTextFile(page, manPage(usage));
  }
  const file = new URL("reference.md", import.meta.url);
  await Deno.writeTextFile(file, reference(await Deno.readTextFile(file)));
}
