/**
 * Standard output, and what may go to a terminal.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";

/** What moves the cursor, ends a line or turns text around; tabs do not. */
const CONTROLS = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Whoever read our output has left: the program ends, and all is well. */
export class OutputClosed extends Error {
  /** How many bytes were written before. */
  readonly written: number;
  /** How many messages were printed before. */
  printed = 0;

  /**
   * Creates the error.
   *
   * @param written How many bytes were written before.
   */
  constructor(written = 0) {
    super("the output is closed");
    this.written = written;
  }
}

/** Standard output. */
export type Stdout = Pick<typeof Deno.stdout, "write" | "isTerminal">;

/**
 * Writes all bytes.
 *
 * @param stdout Where.
 * @param bytes What.
 * @throws {OutputClosed} If nobody reads it any more.
 */
export async function writeAll(
  stdout: Stdout,
  bytes: Uint8Array,
): Promise<void> {
  let written = 0;
  try {
    while (written < bytes.length) {
      written += await stdout.write(bytes.subarray(written));
    }
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) {
      throw new OutputClosed(written);
    }
    const text = `Cannot write to standard output: ${reasonOf(error)}`;
    throw new Error(text, { cause: error });
  }
}

/**
 * Writes to standard error, as far as that can be written to: on a full disk, or
 * with nobody to read it, a program goes on.
 *
 * @param stderr Where.
 * @param text What.
 */
export function writeError(
  stderr: Pick<typeof Deno.stderr, "writeSync">,
  text: string,
): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stderr.writeSync(rest));
  } catch {
    // The exit code has to do.
  }
}

/**
 * Shows control characters instead of obeying them: those of ASCII in caret
 * notation as cat -v does, others by their code point. So a message can neither
 * move the cursor nor turn text around. Tabs stay.
 *
 * @param text What came from elsewhere.
 * @returns What can be printed.
 */
export function visible(text: string): string {
  return text.replaceAll(CONTROLS, (it) => {
    const code = it.charCodeAt(0);
    return code < 0x80
      ? `^${String.fromCharCode(code ^ 0x40)}`
      : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/**
 * Shows control characters in JSON, where it has a way to write them.
 *
 * @param json One line of JSON.
 * @returns The same JSON.
 */
export function visibleJson(json: string): string {
  return json.replaceAll(
    CONTROLS,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
