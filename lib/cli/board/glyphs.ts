/**
 * Says what a terminal can show.
 *
 * @module
 */
import type { World } from "../program.ts";

/** What a terminal can show. */
export interface Abilities {
  /** Whether it moves its cursor: all do but TERM=dumb. */
  hasScreen: boolean;
  /** Whether it shows more than ASCII. */
  hasUnicode: boolean;
}

/** The variables that name the character set: the first that is set counts. */
const LOCALE = ["LC_ALL", "LC_CTYPE", "LANG"];

/**
 * Reads what the terminal can show from the environment. Without the
 * permission to read a variable, it counts as not set; without any, a terminal
 * can show everything.
 *
 * @param env The environment.
 * @returns What it can show.
 */
export function abilitiesOf(env: World["env"]): Abilities {
  const read = (variable: string) => {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    return state === "granted" ? env.get(variable) : undefined;
  };
  const locale = LOCALE.map(read).find(Boolean);
  return {
    hasScreen: read("TERM") !== "dumb",
    hasUnicode: locale === undefined || /utf-?8/i.test(locale),
  };
}

const ASCII: Record<string, string> = {
  ...{ "…": "~", "▲": "^", "▼": "v", "█": "#", "▇": "#", "▆": "*", "▅": "+" },
  ...{ "▄": "=", "▃": "-", "▂": ".", "▁": "_", "●": "*", "○": "o", "▸": ">" },
  ...{ "▾": "v", "│": "|", "─": "-", "└": "+", "┤": "+", "↑": "^", "↓": "v" },
  ...{ "←": "<", "→": ">", "⠀": " ", "°": "'", "µ": "u", "·": ".", "⏎": "/" },
};

/**
 * Replaces what ASCII does not have.
 *
 * @param line A line for the terminal.
 * @returns The same in ASCII, as wide as before if its characters were narrow.
 */
export function toAscii(line: string): string {
  return line.replaceAll(
    /\P{ASCII}/gu,
    (it) => ASCII[it] ?? (/[\u2801-\u28ff]/.test(it) ? "*" : "?"),
  );
}
