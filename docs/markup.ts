/**
 * Turns the texts of the manual into troff and into Markdown. Their markup is
 * described in lib/cli/options/full.ts.
 *
 * @module
 */

/** Words that stand for what a user writes. */
const OPERANDS = [
  ...["ADDRESS", "MESSAGE", "OPTION", "FILE", "BYTES", "TIME", "MODE", "TEXT"],
  ...["N", "CMD", "FILTER", "FORMAT", "RULE", "PORT", "HOST", "SHELL", "TOPIC"],
  ...["USER", "PASSWORD", "GROUP", "UID", "NAME", "ID"],
].join("|");

/** Another chapter; a literal text; an option; a variable; an operand. */
const MARKUP = new RegExp(
  [
    /\bsee ([A-Z][A-Z -]+[A-Z])/,
    /"([^"]+)"/,
    /(?<![\w-])(--?[A-Za-z][a-z-]*)/,
    /\b(FIFOBUS_[A-Z_]+|XDG_RUNTIME_DIR|NO_COLOR)\b/,
    new RegExp(`\\b(${OPERANDS})\\b`),
  ].map(({ source }) => source).join("|"),
  "g",
);

/** A part of a text: words, or lines of commands. */
interface Part {
  text: string;
  isCommand: boolean;
}

function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  for (const line of text.split("\n")) {
    const isCommand = line.startsWith("  ");
    const last = parts.at(-1);
    const shown = line.trim();
    if (last?.isCommand === isCommand) last.text += `\n${shown}`;
    else parts.push({ text: shown, isCommand });
  }
  return parts;
}

/**
 * Writes text that is typed as it stands: the hyphens and quotes of a man page
 * are other characters than those of the keyboard, see groff_char(7).
 *
 * @param text The text.
 * @returns It in troff.
 */
export function literalTroff(text: string): string {
  const names: Record<string, string> = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
  };
  return text.replaceAll(/[\\'`^~-]/g, (it) => names[it]!)
    .replaceAll(/^\./gm, "\\&.");
}

/**
 * Writes a paragraph of a man page.
 *
 * @param text The paragraph, with our markup.
 * @returns It in troff.
 */
export function troff(text: string): string {
  return partsOf(text).map(({ text, isCommand }) =>
    isCommand
      ? `.RS\n.PP\n.EX\n${literalTroff(text)}\n.EE\n.RE`
      : markedUp(text, proseTroff, (kind, part) => {
        if (kind === "chapter") return `see ${whole(part)}`;
        const font = kind === "operand" ? "I" : "B";
        return `\\f${font}${whole(literalTroff(part))}\\fR`;
      }).replaceAll(/^[.']/gm, "\\&$&")
  ).join("\n");
}

/** Keeps words whole: a name that is hyphenated cannot be copied. */
function whole(text: string): string {
  return text.replaceAll(/(^|\s)(?=\S)/g, "$1\\%");
}

function proseTroff(text: string): string {
  return text.replaceAll("\\", "\\e")
    .replaceAll("^", "\\(ha").replaceAll("~", "\\(ti");
}

/**
 * Writes a paragraph of a page in Markdown.
 *
 * @param text The paragraph, with our markup.
 * @returns It in Markdown.
 */
export function markdown(text: string): string {
  return partsOf(text).map(({ text, isCommand }) =>
    isCommand ? `\n\`\`\`sh\n${text}\n\`\`\`\n` : markedUp(
      text.replaceAll("\n", " "),
      (it) => it.replaceAll(/[*_<>|$\\[\]]/g, "\\$&"),
      (kind, part) =>
        kind === "chapter"
          ? `see [${sentenceCase(part)}](#${anchor(part)})`
          : kind === "operand"
          ? part
          : `\`${part}\``,
    )
  ).join("\n");
}

/** Writes a heading in small letters: `Keys of --dashboard`. */
function sentenceCase(title: string): string {
  return title[0]! + title.slice(1).toLowerCase();
}

/** The anchor that code hosts give to a heading. */
function anchor(title: string): string {
  return title.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-");
}

type Kind = "chapter" | "literal" | "operand";

/** Marks up a text; what is between the marks goes through `plain`. */
function markedUp(
  text: string,
  plain: (text: string) => string,
  mark: (kind: Kind, part: string) => string,
): string {
  let result = "";
  let end = 0;
  for (const found of text.matchAll(MARKUP)) {
    const [all, chapter, literal, option, variable, operand] = found;
    result += plain(text.slice(end, found.index));
    end = found.index + all.length;
    result += chapter !== undefined
      ? mark("chapter", chapter)
      : operand !== undefined
      ? mark("operand", operand)
      : mark("literal", (literal ?? option ?? variable)!);
  }
  return result + plain(text.slice(end));
}
