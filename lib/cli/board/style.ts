/**
 * Styles of text in a terminal.
 *
 * @module
 */

const RESET = "\x1b[0m";

/** The styles that need no color. */
export const BOLD = "\x1b[1m";
export const DIM = "\x1b[2m";
export const REVERSE = "\x1b[7m";

/** Colors; with NO_COLOR they are not used. */
export const RED = "\x1b[31m";
export const GREEN = "\x1b[32m";
export const CYAN = "\x1b[36m";

/** The size of a terminal. */
export interface Size {
  columns: number;
  rows: number;
}

/** Gives a text a style, if there is one. */
export function styled(text: string, style: string): string {
  return style === "" || text === "" ? text : style + text + RESET;
}
