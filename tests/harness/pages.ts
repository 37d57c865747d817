/**
 * The pages of the documentation, and the blocks of code in them.
 *
 * @module
 */
import { ROOT } from "./programs.ts";

/** A fenced block of code. */
export interface Block {
  /** The page and the line of its fence: "docs/topics.md:7". */
  place: string;
  /** What it is: sh, console, ts. */
  language: string;
  /** The words behind the language. */
  flags: string[];
  /** The heading that it is under. */
  heading: string;
  text: string;
}

/** A page. */
export interface Page {
  /** Its path from the root. */
  path: string;
  text: string;
  blocks: Block[];
}

/** All pages: those of the root, and those of docs/. */
export function pages(): Page[] {
  return ["", "docs/"].flatMap((folder) =>
    [...Deno.readDirSync(ROOT + folder)]
      .filter(({ name }) => name.endsWith(".md"))
      .map(({ name }) => page(folder + name))
  );
}

/** One page. */
export function page(path: string): Page {
  const text = Deno.readTextFileSync(ROOT + path);
  return { path, text, blocks: blocksOf(path, text) };
}

function blocksOf(path: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  let heading = "";
  for (const [index, line] of text.split("\n").entries()) {
    if (line.startsWith("```")) {
      if (open) {
        blocks.push(open);
        open = undefined;
      } else {
        const [language = "", ...flags] = line.slice(3).split(" ");
        const place = `${path}:${index + 1}`;
        open = { place, language, flags, heading, text: "" };
      }
    } else if (open) open.text += `${line}\n`;
    else if (line.startsWith("#")) heading = line.replace(/^#+ /, "");
  }
  return blocks;
}

/** A command of a session, and what it prints. */
export interface Step {
  command: string;
  printed: string[];
}

/** The steps of a session: `$ command`, `> more of it`, then its output. */
export function stepsOf({ place, text }: Block): Step[] {
  const steps: Step[] = [];
  for (const line of text.trimEnd().split("\n")) {
    const last = steps.at(-1);
    if (line.startsWith("$ ")) {
      steps.push({ command: line.slice(2), printed: [] });
    } else if (!last) throw new Error(`${place} starts without "$ "`);
    else if (line.startsWith("> ") && last.printed.length === 0) {
      last.command += `\n${line.slice(2)}`;
    } else last.printed.push(line);
  }
  return steps;
}

/** The commands of a block of shell, or of a session. */
export function scriptOf(block: Block): string {
  if (block.language !== "console") return block.text;
  return stepsOf(block).map(({ command }) => `${command}\n`).join("");
}

/**
 * The words of each simple command in a script, quotes removed. It knows as
 * much of the shell as the documentation uses. A substitution is a word of its
 * own, and what is in it or in quotes counts as a script as well.
 */
export function commandsOf(script: string): string[][] {
  const commands: string[][] = [];
  const inner: string[] = [];
  let command: string[] = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) command.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (command.length > 0) commands.push(command);
    command = [];
  };
  for (let at = 0; at < script.length; at++) {
    const char = script[at]!;
    const rest = script.slice(at);
    const quoted = /^'([^']*)'|^"((?:[^"\\]|\\.|\$\((?:[^)"]|"[^"]*")*\))*)"/s
      .exec(rest);
    const substituted = /^\$\(((?:[^()]|\([^()]*\))*)\)/.exec(rest);
    if (quoted) {
      const text = quoted[1] ?? quoted[2]!;
      inner.push(
        ...text.includes("$(") && quoted[2] !== undefined
          ? [...text.matchAll(/\$\((.*?)\)/gs)].map(([, it]) => it!)
          : [text],
      );
      word = (word ?? "") + text;
      at += quoted[0].length - 1;
    } else if (substituted) {
      inner.push(substituted[1]!);
      word = (word ?? "") + substituted[0];
      at += substituted[0].length - 1;
    } else if (rest.startsWith("\\\n")) at++;
    else if (char === "\\") word = (word ?? "") + script[++at];
    else if (char === "#" && word === undefined) {
      at += rest.search(/\n|$/) - 1;
    } else if (/[\s<>]/.test(char)) {
      endWord();
      if (char === "\n") endCommand();
      // A redirection is no argument.
      const target = /^(?:<<<|>>|[<>])\s*[^\s;&|)]+/.exec(rest);
      if (target) at += target[0].length - 1;
    } else if (/[|&;()]/.test(char)) endCommand();
    else word = (word ?? "") + char;
  }
  endCommand();
  const isProgram = /(?:^|[\s/])(?:pub|sub)(?:\.ts)?\s/;
  return [
    ...commands,
    ...inner.filter((it) => isProgram.test(it)).flatMap(commandsOf),
  ];
}
