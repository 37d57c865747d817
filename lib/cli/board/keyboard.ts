/**
 * The keys of a terminal, one by one.
 *
 * @module
 */
import process from "node:process";

/** What terminals send for keys without a character. */
const KEYS: Record<string, string> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
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
  "\x7f": "backspace",
  "\b": "backspace",
};

/** A sequence as terminals send it, or a character. */
const KEY = new RegExp("\x1b(?:\\[[0-9;]*[A-Za-z~]|O[A-Z])?|.", "gsu");

/**
 * Tells keys apart in what a terminal sends.
 *
 * @param text What it sends.
 * @returns Characters, or names of keys such as "up".
 */
export function keysOf(text: string): string[] {
  return Array.from(text.matchAll(KEY), ([key]) => KEYS[key] ?? key);
}

/**
 * Hands out the keys that are pressed, without waiting for the end of a line.
 * Ctrl-C and Ctrl-Z still are signals.
 *
 * It reads by node:process: a read of Deno.stdin that is under way cannot be
 * called off before Deno 2.8, and keeps the program from ending.
 */
export class Keyboard implements Disposable {
  readonly #decoder = new TextDecoder();
  readonly #onKey: (key: string) => void;

  /**
   * Starts to listen.
   *
   * @param onKey Is given each key.
   */
  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
    this.listen();
    process.stdin.on("data", this.#take);
  }

  /** Has the terminal send keys at once. */
  listen(): void {
    Deno.stdin.setRaw(true, { cbreak: true });
  }

  /** Has the terminal wait for the end of a line, as a shell wants it. */
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
