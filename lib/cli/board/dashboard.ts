/**
 * The dashboard in the terminal: `sub --dashboard`.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { OutputClosed } from "../output.ts";
import type { Board } from "./board.ts";
import { Keyboard } from "./keyboard.ts";
import { Screen, type Terminal } from "./screen.ts";
import { drawFrame, pageRowsOf } from "./frame.ts";
import { Recent } from "./recent.ts";
import { freeze, lookAt, type Snapshot } from "./snapshot.ts";
import { View } from "./view.ts";

/** At most ten frames a second, whatever arrives, and at least one. */
const MIN_FRAME_MS = 100;
const MAX_FRAME_MS = 1000;

/** To draw takes at most a quarter of the time, with very many topics, too. */
const PAUSE_PER_DRAWING = 3;

/** How long the dashboard shows a notice. */
const NOTICE_MS = 10_000;

/** Ctrl-L. */
const REDRAW = "\f";

/** How to show a board. */
export interface DashboardOptions {
  /** The terminal to draw on. */
  terminal: Terminal;
  /** Whether standard input is a terminal, so that its keys are commands. */
  keys: boolean;
  /** Whether to use color. */
  color: boolean;
  /** Whether the terminal shows more than ASCII. */
  unicode: boolean;
  /** Where messages come from, in words, for the empty screen. */
  source: string;
  /** The URL of the same dashboard in a browser, if it is served. */
  url: string | undefined;
  /** Called when the user wants to leave, or when the terminal is gone. */
  onQuit(): void;
}

/** Shows a board until the dashboard is disposed of. */
export class Dashboard implements Disposable {
  readonly #board: Board;
  readonly #options: DashboardOptions;
  readonly #view = new View();
  readonly #recent = new Recent();
  readonly #screen: Screen;
  readonly #keyboard: Keyboard | undefined;
  readonly #idle: ReturnType<typeof setInterval>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #drawnAt = 0;
  #pauseMs = 0;
  #isDrawing = false;
  #notice = { text: "", at: 0 };
  /** What the screen shows while it is paused. */
  #still: Snapshot | undefined;

  /**
   * Takes over the screen.
   *
   * @param board What to show.
   * @param options How to show it.
   */
  constructor(board: Board, options: DashboardOptions) {
    this.#board = board;
    this.#options = options;
    this.#screen = new Screen(options.terminal);
    if (options.keys) this.#keyboard = new Keyboard((key) => this.#press(key));
    // Covers every end of the program but a signal that cannot be caught.
    for (const event of ["unload", "error", "unhandledrejection"]) {
      globalThis.addEventListener(event, this.#restore);
    }
    Deno.addSignalListener("SIGWINCH", this.changed);
    this.#idle = setInterval(this.changed, MAX_FRAME_MS);
    this.changed();
  }

  /** Draws what has changed, soon. */
  changed = (): void => {
    if (this.#timer !== undefined) return;
    const since = performance.now() - this.#drawnAt;
    const least = Math.max(MIN_FRAME_MS, this.#pauseMs);
    const wait = Math.max(0, Math.min(least, MAX_FRAME_MS) - since);
    this.#timer = setTimeout(() => this.#draw(), wait);
  };

  /**
   * Keeps a message for those who want to see it whole.
   *
   * @param message The message, which the board has just counted.
   * @param at When it arrived, in milliseconds since 1970.
   */
  add(message: Message, at: number): void {
    this.#recent.add(message, at, this.#board.total);
  }

  /**
   * Shows a line of text for some seconds.
   *
   * @param text The text.
   */
  notice(text: string): void {
    this.#notice = { text, at: Date.now() };
    this.changed();
  }

  /** Gives the screen back. */
  [Symbol.dispose](): void {
    clearInterval(this.#idle);
    clearTimeout(this.#timer);
    Deno.removeSignalListener("SIGWINCH", this.changed);
    for (const event of ["unload", "error", "unhandledrejection"]) {
      globalThis.removeEventListener(event, this.#restore);
    }
    this.#keyboard?.[Symbol.dispose]();
    this.#screen.leave();
  }

  async #draw(): Promise<void> {
    // A slow terminal gets the next frame only when it has taken this one.
    this.#timer = undefined;
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    this.#drawnAt = performance.now();
    try {
      const { size } = this.#screen;
      const snapshot = this.#still ?? this.#look();
      const { color, unicode, keys, url, source } = this.#options;
      const notice = this.#notice.at > Date.now() - NOTICE_MS
        ? this.#notice.text
        : undefined;
      const lines = drawFrame(snapshot, this.#view, size, {
        color,
        unicode,
        cursor: keys,
        url,
        notice,
        source,
      });
      this.#pauseMs = PAUSE_PER_DRAWING *
        (performance.now() - this.#drawnAt);
      await this.#screen.show(lines, size);
    } catch (error) {
      if (!(error instanceof OutputClosed)) throw error;
      this.#options.onQuit();
    } finally {
      this.#isDrawing = false;
    }
  }

  #look(): Snapshot {
    return lookAt(this.#board, this.#recent, Date.now());
  }

  #press(key: string): void {
    const wasPaused = this.#view.isPaused;
    const pageRows = pageRowsOf(this.#screen.size);
    if (this.#view.press(key, pageRows)) return this.#options.onQuit();
    if (key === REDRAW) this.#screen.forget();
    const { isPaused } = this.#view;
    if (isPaused !== wasPaused) {
      this.#still = isPaused
        ? freeze(this.#look(), this.#view.span)
        : undefined;
    }
    this.changed();
  }

  /** Gives the screen back before the program is stopped. */
  suspend(): void {
    this.#restore();
  }

  /** Takes over the screen again. */
  resume(): void {
    this.#keyboard?.listen();
    this.#screen.enter();
    this.changed();
  }

  #restore = (): void => {
    this.#keyboard?.rest();
    this.#screen.leave();
  };
}
