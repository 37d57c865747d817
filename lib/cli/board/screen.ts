/**
 * Takes over the screen of a terminal, and restores the one before.
 *
 * @module
 */
import { OutputClosed } from "../output.ts";
import type { Size } from "./style.ts";

/** The alternate screen, beside the shell's; no cursor, no wrapped lines. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** A terminal that knows these two shows the output between them at once. */
const BEGIN_UPDATE = "\x1b[?2026h";
const END_UPDATE = "\x1b[?2026l";

const encoder = new TextEncoder();

/** The methods of the terminal that the screen uses. */
export type Terminal = Pick<typeof Deno.stdout, "write" | "writeSync">;

/** A screen that is drawn line by line. */
export class Screen {
  readonly #terminal: Terminal;
  #lines: string[] = [];
  #size: Size = { columns: 0, rows: 0 };
  #isOpen = false;

  /**
   * Takes over the screen.
   *
   * @param terminal The terminal.
   */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.enter();
  }

  /** Takes over the screen, if it was given back. */
  enter(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.forget();
    this.#writeSync(ENTER);
  }

  /** Forces a full redraw: another program may have written on the screen. */
  forget(): void {
    this.#size = { columns: 0, rows: 0 };
  }

  /** Gives the screen back as it was before. */
  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writeSync(LEAVE);
  }

  /** The terminal's size; a pty of a program may have none: then 80 by 24. */
  get size(): Size {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || 80, rows: rows || 24 };
  }

  /**
   * Shows lines. It draws only the lines that have changed.
   *
   * @param lines All lines, from the top.
   * @param size The terminal size that they were made for.
   * @throws {OutputClosed} If the terminal is gone.
   */
  async show(lines: string[], size: Size): Promise<void> {
    const isResized = size.columns !== this.#size.columns ||
      size.rows !== this.#size.rows;
    const before = isResized ? [] : this.#lines;
    const changes = lines.flatMap((line, i) =>
      line === before[i] ? [] : [`\x1b[${i + 1};1H\x1b[0m\x1b[2K${line}`]
    );
    if (changes.length === 0 || !this.#isOpen) return;
    this.#lines = lines;
    this.#size = size;
    const clear = isResized ? "\x1b[2J" : "";
    let rest = encoder.encode(
      BEGIN_UPDATE + clear + changes.join("") + END_UPDATE,
    );
    try {
      while (rest.length > 0) {
        rest = rest.subarray(await this.#terminal.write(rest));
      }
    } catch {
      throw new OutputClosed();
    }
  }

  #writeSync(text: string): void {
    try {
      for (let rest = encoder.encode(text); rest.length > 0;) {
        rest = rest.subarray(this.#terminal.writeSync(rest));
      }
    } catch {
      // The terminal is gone, so nothing has to be restored.
    }
  }
}
