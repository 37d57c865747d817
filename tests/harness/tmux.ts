/**
 * A person's terminal, in tmux: tests send keys and read the screen.
 *
 * @module
 */
import { Folder } from "./folder.ts";
import { isThere } from "./needs.ts";
import { eventually } from "./process.ts";

/** The names of the programs that are missing to run a terminal. */
export const withoutTmux: string[] = await isThere("tmux", "-V")
  ? []
  : ["tmux"];

/** A shell in a terminal; it ends with the test. */
export class Terminal extends Folder {
  /** A server of its own, so that we leave the user's server alone. */
  readonly #socket = this.file("tmux");

  /**
   * Opens a terminal.
   *
   * @param env Variables to add to our environment.
   * @param columns Its width.
   * @param rows Its height.
   */
  static async open(
    env: Record<string, string>,
    columns = 100,
    rows = 12,
  ): Promise<Terminal> {
    const terminal = new Terminal();
    const variables = Object.entries(env)
      .flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    await terminal.#tmux(
      ...["-f", "/dev/null", "new-session", "-d"],
      ...["-x", `${columns}`, "-y", `${rows}`, ...variables, "sh"],
    );
    await terminal.until((screen) => /\S/.test(screen));
    return terminal;
  }

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  /** Presses keys that have a name, such as "Enter" or "C-c". */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Runs a line of shell. */
  async run(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** The file that is the terminal. */
  async device(): Promise<string> {
    return (await this.#tmux("display-message", "-p", "#{pane_tty}")).trim();
  }

  /** The text on the screen. */
  async screen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p");
  }

  /** The screen with the escape sequences for its style. */
  async styledScreen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p", "-e");
  }

  /** Waits until the screen is as it should be. */
  async until(condition: (screen: string) => boolean): Promise<string> {
    let screen = "";
    try {
      await eventually(async () => {
        screen = await this.screen();
        return condition(screen);
      });
    } catch (error) {
      throw new Error(`the screen is\n${screen}`, { cause: error });
    }
    return screen;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server");
    await super[Symbol.asyncDispose]();
  }

  async #tmux(...args: string[]): Promise<string> {
    const command = new Deno.Command("tmux", {
      args: ["-S", this.#socket, ...args],
    });
    const { success, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`tmux ${args[0]}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }
}
