/**
 * Shows dashboards instead of printed messages.
 *
 * @module
 */
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { type OPTIONS, SUB } from "../options/sub.ts";
import type { Given } from "../options/table.ts";
import { Printer } from "../printer.ts";
import { complain, type World } from "../program.ts";
import type { WebServer } from "../web/server.ts";
import { beginning, Board } from "../board/board.ts";
import { Dashboard } from "../board/dashboard.ts";

/** How many messages a page shows when it opens, unless --history is given. */
const HISTORY = 1000;

/** What to show, and where. */
export interface BoardOutputOptions {
  /** The options of the program. */
  given: Given<typeof OPTIONS>;
  /** Its standard streams. */
  world: World;
  /** Whether to use color. */
  color: boolean;
  /** Called when the user wants to leave. */
  onQuit(): void;
}

/** Counts messages, and shows them in the terminal, on a page, or both. */
export class BoardOutput implements AsyncDisposable {
  readonly #options: BoardOutputOptions;
  readonly #board: Board;
  #dashboard: Dashboard | undefined;
  #server: WebServer | undefined;
  #printer: Printer | undefined;
  #finished: Promise<void> | undefined;

  private constructor(options: BoardOutputOptions) {
    this.#options = options;
    this.#board = new Board(options.given.alarm);
  }

  /**
   * Opens the dashboards.
   *
   * @param options What to show, and where.
   * @returns The output; the caller finishes it.
   * @throws {UsageError} If other machines could reach it without a token.
   * @throws {Error} If the server cannot start.
   */
  static async open(options: BoardOutputOptions): Promise<BoardOutput> {
    const output = new BoardOutput(options);
    try {
      if (options.given.serve) await output.#serve();
      if (options.given.dashboard) output.#show();
    } catch (error) {
      await output.finish();
      throw error;
    }
    return output;
  }

  /** Counts and shows messages. */
  async take(messages: Message[]): Promise<void> {
    const at = Date.now();
    for (const message of messages) {
      const text = beginning(message);
      this.#board.add(message, text, at);
      this.#server?.add(message, text, at);
    }
    this.#server?.changed();
    this.#dashboard?.changed();
    await this.#printer?.print(messages);
  }

  /** Tells the user something, on the dashboard if it has the screen. */
  notice(text: string): void {
    const { world } = this.#options;
    this.#dashboard?.notice(text);
    if (this.#dashboard && world.stderr.isTerminal()) return;
    complain(SUB.name, world, text);
  }

  /** Gives the screen back before the program is stopped. */
  suspend(): void {
    this.#dashboard?.suspend();
  }

  /** Takes over the screen again. */
  resume(): void {
    this.#dashboard?.resume();
  }

  /** Gives the screen back. */
  leave(): void {
    this.#dashboard?.[Symbol.dispose]();
    this.#dashboard = undefined;
  }

  /** Gives the screen back, and stops the server. */
  finish(): Promise<void> {
    return this.#finished ??= this.#finish();
  }

  /** Does the same as finish(), however the program ends. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.finish();
  }

  async #finish(): Promise<void> {
    this.leave();
    await this.#server?.close();
  }

  /** Takes over the screen; prints lines if standard output has none. */
  #show(): void {
    const { given, world, color, onQuit } = this.#options;
    if (world.stdout.isTerminal()) {
      this.#dashboard = new Dashboard(this.#board, {
        terminal: world.stdout,
        keys: world.stdin.isTerminal(),
        color,
        url: this.#server?.url,
        onQuit,
      });
      return;
    }
    this.#printer = new Printer(world.stdout, {
      delimiter: given.null ? "\0" : "\n",
      topics: true,
      color,
      format: undefined,
      json: false,
      raw: false,
    });
  }

  async #serve(): Promise<void> {
    const { given } = this.#options;
    const { WebServer } = await load<typeof import("../web/server.ts")>(
      import.meta.resolve("../web/server.ts"),
    );
    this.#server = WebServer.start(this.#board, {
      listener: given.serve!,
      token: given.token,
      history: given.history ?? HISTORY,
      say: (text) => this.notice(text),
    });
  }
}
