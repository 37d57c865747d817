/**
 * Shows dashboards instead of printed messages.
 *
 * @module
 */
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { Printer } from "../printer.ts";
import { complain, type World } from "../program.ts";
import type { WebServer } from "../web/server.ts";
import { beginning, Board } from "../board/board.ts";
import { Dashboard } from "../board/dashboard.ts";
import type { Destination, ServeOptions } from "./plan.ts";

/** What to show, and where. */
export interface BoardOutputOptions
  extends Omit<Extract<Destination, { kind: "boards" }>, "kind"> {
  /** The program's name. */
  name: string;
  /** Its standard streams. */
  world: World;
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
    this.#board = new Board(options.alarms);
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
      if (options.serve) await output.#serve(options.serve);
      if (options.isInTerminal) await output.#show();
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
    const { name, world } = this.#options;
    this.#dashboard?.notice(text);
    if (this.#dashboard && world.stderr.isTerminal()) return;
    complain(name, world, text);
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
    this.#printer?.finish();
    await this.#server?.close();
  }

  /** Takes over the screen; prints lines if standard output has none. */
  async #show(): Promise<void> {
    const { print, world, onQuit } = this.#options;
    if (world.stdout.isTerminal()) {
      this.#dashboard = new Dashboard(this.#board, {
        terminal: world.stdout,
        keys: world.stdin.isTerminal(),
        color: print.color,
        url: this.#server?.url,
        onQuit,
      });
      return;
    }
    const say = (text: string) => this.notice(text);
    this.#printer = await Printer.open(world.stdout, print, say);
  }

  async #serve(options: ServeOptions): Promise<void> {
    const { WebServer } = await load<typeof import("../web/server.ts")>(
      import.meta.resolve("../web/server.ts"),
    );
    this.#server = WebServer.start(this.#board, {
      ...options,
      say: (text) => this.notice(text),
    });
  }
}
