/**
 * Reads the keys of a terminal, one by one.
 *
 * @module
 */
import process from "node:process";

/** What terminals send for keys that have no character. */
const KEYS: Record<string, string> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\x1b[C": "right",
  "\x1bOC": "right",
  "\x1b[D": "left",
  "\x1bOD": "left",
  "\x1b[5~": "page up",
  "\x1b[6~": "page down",
  "\x1b[H": "home",
  "\x1bOH": "home",
  "\x1b[1~": "home",
  "\x1b[F": "end",
  "\x1bOF": "end",
  "\x1b[4~": "end",
  "\x1b": "escape",
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
};

/** An escape sequence as terminals send it, or one character. */
const KEY = new RegExp("\x1b(?:\\[[0-9;]*[A-Za-z~]|O[A-Z])?|.", "gsu");

/**
 * Splits the input from a terminal into keys.
 *
 * @param text The input.
 * @returns Characters, or names of keys such as "up".
 */
export function keysOf(text: string): string[] {
  return Array.from(text.matchAll(KEY), ([key]) => KEYS[key] ?? key);
}

/**
 * Hands out each key as the user presses it, without waiting for the end of a
 * line. Ctrl-C and Ctrl-Z still send signals.
 *
 * It reads with node:process. Before Deno 2.8, a pending read of Deno.stdin
 * cannot be cancelled, and keeps the program from ending.
 */
export class Keyboard implements Disposable {
  readonly #decoder = new TextDecoder();
  readonly #onKey: (key: string) => void;

  /**
   * Starts to listen.
   *
   * @param onKey Called with each key.
   */
  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
    this.listen();
    process.stdin.on("data", this.#take);
  }

  /** Makes the terminal send each key at once. */
  listen(): void {
    Deno.stdin.setRaw(true, { cbreak: true });
  }

  /** Makes the terminal wait for the end of a line, as a shell expects. */
  rest(): void {
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal is gone.
    }
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    process.stdin.off("data", this.#take);
    process.stdin.pause();
    process.stdin.unref();
    this.rest();
  }

  #take = (chunk: Uint8Array): void => {
    const text = this.#decoder.decode(chunk, { stream: true });
    for (const key of keysOf(text)) this.#onKey(key);
  };
}
