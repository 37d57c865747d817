/**
 * Shows dashboards or alarms instead of printed messages.
 *
 * @module
 */
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { Publisher } from "../../publisher.ts";
import { visible, writeAll } from "../output.ts";
import { Printer } from "../printer.ts";
import { complain, type World } from "../program.ts";
import type { WebServer } from "../web/server.ts";
import { Board } from "../board/board.ts";
import { beginning } from "../board/content.ts";
import type { Dashboard } from "../board/dashboard.ts";
import { abilitiesOf } from "../board/glyphs.ts";
import type { Change } from "../board/topic.ts";
import { AlarmActions, lineOf } from "./alarm_actions.ts";
import type { Destination, ServeOptions } from "./plan.ts";

/** How often to look for alarms that time alone raises. */
const TICK_MS = 100;

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

/**
 * Counts messages, and shows them in the terminal, on a page, or both. Without
 * a dashboard it prints the alarms.
 */
export class BoardOutput implements AsyncDisposable {
  readonly #options: BoardOutputOptions;
  readonly #board: Board;
  #dashboard: Dashboard | undefined;
  #server: WebServer | undefined;
  #printer: Printer | undefined;
  #publisher: Promise<Publisher> | undefined;
  #finished: Promise<void> | undefined;
  readonly #actions: AlarmActions | undefined;
  #alarmLines: string[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(options: BoardOutputOptions) {
    const { alarms, values, command, address, mqtt, graceMs } = options;
    this.#options = options;
    this.#board = new Board({
      alarms,
      values,
      onAlarm: (change) => this.#tell(change),
    });
    if (command !== undefined || address !== undefined) {
      this.#actions = new AlarmActions({
        command,
        address,
        mqtt,
        graceMs,
        hasScreen: () => this.#dashboard !== undefined,
        say: (text) => this.notice(text),
      });
    }
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
      output.#startClock();
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
      this.#dashboard?.add(message, at);
    }
    this.#server?.changed();
    this.#dashboard?.changed();
    await this.#printer?.print(messages);
    await this.#printAlarms();
  }

  /** Tells the user something, on the dashboard if it has the screen. */
  notice(text: string): void {
    const { name, world } = this.#options;
    this.#dashboard?.notice(text);
    if (this.#dashboard && world.stderr.isTerminal()) return;
    complain(name, world, text);
  }

  /** Handles a signal that ends the program. */
  stop(): void {
    this.#actions?.stop();
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
    clearInterval(this.#timer);
    this.leave();
    this.#printer?.finish();
    await this.#server?.close();
    await (await this.#publisher?.catch(() => undefined))?.close();
    await this.#actions?.finish();
  }

  #tell(change: Change): void {
    const { isInTerminal, serve } = this.#options;
    this.#actions?.add(change);
    if (!isInTerminal && !serve) this.#alarmLines.push(lineOf(change));
  }

  async #printAlarms(): Promise<void> {
    if (this.#alarmLines.length === 0) return;
    const { stdout } = this.#options.world;
    const lines = this.#alarmLines.splice(0)
      .map((line) => stdout.isTerminal() ? visible(line) : line);
    const text = lines.map((line) => `${line}\n`).join("");
    await writeAll(stdout, new TextEncoder().encode(text));
  }

  /** Some alarms are raised while no message comes. */
  #startClock(): void {
    if (!this.#board.hasClock) return;
    const { onQuit } = this.#options;
    this.#board.tick(Date.now());
    this.#timer = setInterval(() => {
      const before = this.#board.alarms;
      this.#board.tick(Date.now());
      if (this.#board.alarms !== before) {
        this.#server?.changed();
        this.#dashboard?.changed();
      }
      // Whoever read our output has left.
      this.#printAlarms().catch(onQuit);
    }, TICK_MS);
  }

  /** Takes over the screen; prints lines if standard output has none. */
  async #show(): Promise<void> {
    const { print, world, source, onQuit } = this.#options;
    const { hasScreen, hasUnicode } = abilitiesOf(world.env);
    if (!world.stdout.isTerminal() || !hasScreen) {
      const say = (text: string) => this.notice(text);
      this.#printer = await Printer.open(world.stdout, print, say);
      return;
    }
    const { Dashboard } = await load<typeof import("../board/dashboard.ts")>(
      import.meta.resolve("../board/dashboard.ts"),
    );
    this.#dashboard = new Dashboard(this.#board, {
      terminal: world.stdout,
      keys: world.stdin.isTerminal(),
      color: print.color,
      unicode: hasUnicode,
      source,
      url: this.#server?.url,
      onQuit,
    });
  }

  async #serve(options: ServeOptions): Promise<void> {
    const { WebServer } = await load<typeof import("../web/server.ts")>(
      import.meta.resolve("../web/server.ts"),
    );
    this.#server = await WebServer.start(this.#board, {
      ...options,
      publish: options.isWritable
        ? (...message) => this.#publish(...message)
        : undefined,
      say: (text) => this.notice(text),
    });
  }

  /** Publishes on the bus what a page or a program sends. */
  async #publish(
    topic: string,
    message: Uint8Array,
    retain: boolean,
  ): Promise<number | undefined> {
    const { serve, print: { delimiter } } = this.#options;
    const { maxBytes } = serve!;
    this.#publisher ??= Publisher.open(`topic:${topic}`, {
      maxBytes,
      delimiter,
    }).catch((error) => {
      this.#publisher = undefined;
      throw error;
    });
    const publisher = await this.#publisher;
    return await publisher.publish(message, { topic, retain });
  }
}
