/**
 * Man pages and most of reference.md, written from the same data as usage
 * text, and the modules of `pub --init` and of the charts: `deno task docs`.
 *
 * @module
 */
import { EXIT_CODES } from "../lib/cli/exit_codes.ts";
import { COMMON_FULL } from "../lib/cli/options/full.ts";
import {
  environmentOf,
  groupOptions,
  optionNames,
} from "../lib/cli/options/help.ts";
import { MQTT_OPTIONS } from "../lib/cli/options/mqtt.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import type { Option, OptionTable } from "../lib/cli/options/table.ts";
import type { Section, Usage } from "../lib/cli/options/usage.ts";
import { VERSION } from "../lib/version.ts";
import {
  type Block,
  type Chapter,
  ENVIRONMENT_TEXTS,
  EXIT_TEXTS,
  FILES,
  type Manual,
  MANUALS,
  REFERENCE_CHAPTERS,
} from "./manual.ts";
import { literalTroff, markdown, troff } from "./markup.ts";

/** The man page of a program, see man(7) and man-pages(7). */
export function manPage(usage: Usage): string {
  const { name, purpose, options } = usage;
  const manual = MANUALS[name]!;
  const other = name === "pub" ? "sub" : "pub";
  const environment = environmentOf(usage).rows
    .map(([name]) => [name, ENVIRONMENT_TEXTS[name]!] as const);
  return [
    `.TH ${name.toUpperCase()} 1 "" "fifobus ${VERSION}" "User Commands"`,
    ".ad l",
    ".SH NAME",
    `${name} \\- ${troff(purpose)}`,
    ".SH SYNOPSIS",
    manual.synopsis.map((it) => `.B ${name}\n${troff(it)}`).join("\n.br\n"),
    chapter({ title: "Description", body: manual.description }),
    ".SH OPTIONS",
    ...groupOptions(options).map(({ title }) => group(title, options, manual)),
    ...manual.chapters.map(chapter),
    ...(usage.sections ?? []).map((it) => section(it, manual)),
    chapter({ title: "Exit status", body: exitBlocks() }),
    chapter({ title: "Environment", body: environment }),
    chapter(FILES),
    ".SH EXAMPLES",
    ...manual.examples.map(example),
    ".SH SEE ALSO",
    `.BR ${other} (1),`,
    ".BR mkfifo (1),",
    ".BR flock (2),",
    ".BR fifo (7),",
    ".BR pipe (7)",
    "",
  ].join("\n");
}

function chapter({ title, body }: Chapter): string {
  return [`.SH ${literalTroff(title.toUpperCase())}`, ...blocks(body)]
    .join("\n");
}

/** Only a paragraph behind another block needs a request before it. */
function blocks(body: readonly Block[]): string[] {
  return body.map((block, i) =>
    typeof block === "string"
      ? `${i > 0 ? ".PP\n" : ""}${troff(block)}`
      : `.TP\n.B ${literalTroff(block[0])}\n${troff(block[1])}`
  );
}

function group(title: string, options: OptionTable, manual: Manual): string {
  const rows = Object.entries(options)
    .filter(([, option]) => option.group === title)
    .map(([name, option]) =>
      `.TP\n${optionTroff(name, option)}\n${troff(manual.options[name]!)}`
    );
  return [`.SS ${title}`, ...rows].join("\n");
}

/** `-C, --count N`, with the names in bold and the operand in italics. */
function optionTroff(name: string, option: Option): string {
  return optionNames(name, option)
    .replace(/(?<=[ =])[A-Z]+/, "\\fI$&\\fR")
    .replaceAll(/--?[A-Za-z-]+/g, (it) => `\\fB${literalTroff(it)}\\fR`);
}

function section({ title, rows }: Section, manual: Manual): string {
  const introduction = manual.introductions[title];
  const body = rows.map(([name, meaning]) =>
    `.TP\n.B ${literalTroff(name)}\n${literalTroff(meaning)}`
  );
  return [
    `.SH ${literalTroff(title.toUpperCase())}`,
    ...introduction === undefined ? [] : [troff(introduction)],
    ...body,
  ].join("\n");
}

function exitBlocks(): Block[] {
  return EXIT_CODES.map(([code]) => [`${code}`, EXIT_TEXTS[code]!]);
}

function example(
  [sentence, command]: readonly [string, string],
  i: number,
): string {
  const text = `${troff(sentence)}\n.PP\n.RS\n.EX\n${
    literalTroff(command)
  }\n.EE\n.RE`;
  return i > 0 ? `.PP\n${text}` : text;
}

/** reference.md, with its tables, lists and chapters as they are now. */
export function reference(text: string): string {
  const [format, ...others] = SUB.sections!;
  const parts: Record<string, string> = {
    "usage of pub": synopsis(PUB),
    "usage of sub": synopsis(SUB),
    pub: table(groupOptions(PUB.options)),
    "pub in full": options(PUB),
    sub: table(groupOptions(SUB.options)),
    "sub in full": options(SUB),
    "MQTT in full": optionList(MQTT_OPTIONS, MANUALS.pub!.options),
    format: table([format!]),
    "further tables": others.map((it) => `## ${it.title}\n\n${table([it])}`)
      .join("\n\n"),
    environment: list(Object.entries(ENVIRONMENT_TEXTS)),
    "exit codes": list(exitBlocks()),
    chapters: REFERENCE_CHAPTERS
      .map(({ title, body }) => `## ${title}\n\n${list(body)}`).join("\n\n"),
  };
  return Object.entries(parts).reduce((text, [name, part]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const before = text.slice(0, text.indexOf(begin) + begin.length);
    return `${before}\n\n${part}\n\n${text.slice(text.indexOf(end))}`;
  }, text);
}

/** All forms of a command line. */
function synopsis({ name }: Usage): string {
  const lines = MANUALS[name]!.synopsis.map((it) => `${name} ${it}\n`);
  return `\`\`\`text\n${lines.join("")}\`\`\``;
}

/** The options that only this program has, with their full texts. */
function options({ name, options }: Usage): string {
  const own = Object.entries(options).filter(([name]) =>
    !Object.hasOwn(MQTT_OPTIONS, name) && !Object.hasOwn(COMMON_FULL, name)
  );
  return optionList(Object.fromEntries(own), MANUALS[name]!.options);
}

function optionList(options: OptionTable, texts: Manual["options"]): string {
  return list(
    Object.entries(options)
      .map(([name, option]) => [optionNames(name, option), texts[name]!]),
  );
}

/** Paragraphs, and items with their terms. */
function list(body: readonly Block[]): string {
  return body.map((block) =>
    typeof block === "string"
      ? `\n${markdown(block)}\n`
      : `- **\`${block[0]}\`** ${markdown(block[1]).replaceAll("\n", "\n  ")}`
  ).join("\n");
}

function table(sections: Section[]): string {
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

/** The module of `pub --init`, made from examples/shell/fifobus.sh. */
export function functionsModule(script: string): string {
  const text = script.replaceAll(/[\\`]|\$\{/g, "\\$&");
  return `/**
 * examples/shell/fifobus.sh as a module, so that it is there however pub is
 * started. \`deno task docs\` writes it.
 *
 * @module
 */

/** What \`pub --init\` prints. */
export const SHELL_FUNCTIONS =
  \`${text}\`;
`;
}

/** uPlot as a module of text, so that the page is whole however sub is started. */
export async function uplotModule(): Promise<string> {
  // The import has Deno download the package, and the other names its files.
  await import("npm:uplot@1.6.32");
  const read = (name: string) => {
    const url = import.meta.resolve(`npm:uplot@1.6.32/${name}`);
    return Deno.readTextFile(new URL(url));
  };
  const [license, script, style] = await Promise.all(
    ["LICENSE", "dist/uPlot.iife.min.js", "dist/uPlot.min.css"].map(read),
  );
  const text = (it: string) => "`" + it.replaceAll(/[\\`]|\$\{/g, "\\$&") + "`";
  return `/**
 * uPlot 1.6.32, which draws the charts of the page, as text. \`deno task docs\`
 * writes it.
 *
 * @module
 */

/** Its license, and its script as a module. */
export const UPLOT_SCRIPT =
  ${text(`/*\n${license}*/\n${script}\nexport default uPlot;\n`)};

/** Its style sheet. */
export const UPLOT_STYLE =
  ${text(style!)};
`;
}

if (import.meta.main) {
  await Deno.writeTextFile(
    new URL("../lib/cli/web/uplot.ts", import.meta.url),
    await uplotModule(),
  );
  const script = new URL("../examples/shell/fifobus.sh", import.meta.url);
  await Deno.writeTextFile(
    new URL("../lib/cli/options/shell_functions.ts", import.meta.url),
    functionsModule(await Deno.readTextFile(script)),
  );
  for (const usage of [PUB, SUB]) {
    const page = new URL(`${usage.name}.1`, import.meta.url);
    await Deno.writeTextFile(page, manPage(usage));
  }
  const file = new URL("reference.md", import.meta.url);
  await Deno.writeTextFile(file, reference(await Deno.readTextFile(file)));
}
