/**
 * A shell with `pub` and `sub`, as somebody who follows the documentation has
 * it: a home, a bus and a /tmp of its own.
 *
 * @module
 */
import { Folder } from "./folder.ts";
import { finish, Process, quoted } from "./process.ts";
import { fifobus, ROOT } from "./programs.ts";

/** Marks the end of a command in the output. No program prints it. */
const DONE = "\x1edone\x1e";

/** A command must have printed what it should after this time. */
const DEADLINE_MS = 60_000;

/** What `kill` makes the shell say. */
const KILLED = /^\S*bash: line \d+: +\d+ (?:Terminated|Killed|Hangup)/;

/** A running bash. */
export class Shell implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #bash: Process;
  /** What stands for words of the documentation: ports, hosts. */
  readonly #stand: [string, string][];

  private constructor(
    folder: Folder,
    cwd: string,
    stand: [string, string][],
    env: Record<string, string>,
  ) {
    this.#folder = folder;
    this.#stand = [...stand, ["/tmp/", `${folder.path}/tmp/`]];
    // A session of its own, so that its end is that of all it has started.
    this.#bash = new Process(
      ["setsid", "bash", "--noprofile", "--norc"],
      {
        HOME: `${folder.path}/home`,
        FIFOBUS_DIR: `${folder.path}/bus`,
        PATH: `${folder.path}/bin:${Deno.env.get("PATH")}`,
        NO_COLOR: "1",
        ...env,
      },
    );
    this.#bash.write(`exec 2>&1; cd ${quoted([cwd || folder.path])}\n`);
  }

  /**
   * Starts one.
   *
   * @param options Where it starts: in its own folder, if nothing is said;
   * further variables; further programs, by their names; and replacements in
   * the commands.
   */
  static async start(
    { cwd = "", env = {}, programs = {}, stand = [] }: {
      cwd?: string;
      env?: Record<string, string>;
      programs?: Record<string, string>;
      stand?: [string, string][];
    } = {},
  ): Promise<Shell> {
    const folder = new Folder();
    for (const name of ["home", "bin", "tmp"]) {
      await Deno.mkdir(folder.file(name));
    }
    await Deno.symlink(`${ROOT}examples`, folder.file("examples"));
    const all: Record<string, string> = {
      deno: `exec ${quoted([Deno.execPath()])} "$@"`,
      pub: `exec ${quoted(fifobus("pub.ts"))} "$@"`,
      sub: `exec ${quoted(fifobus("sub.ts"))} "$@"`,
      ...programs,
    };
    for (const [name, script] of Object.entries(all)) {
      const path = folder.file(`bin/${name}`);
      await Deno.writeTextFile(path, `#!/bin/bash\n${script}\n`);
      await Deno.chmod(path, 0o755);
    }
    const { stdout } = await finish(
      new Process([Deno.execPath(), "info", "--json"]),
    );
    const { denoDir } = JSON.parse(stdout);
    return new Shell(folder, cwd, stand, { DENO_DIR: denoDir, ...env });
  }

  /**
   * Runs commands, and waits until they have ended.
   *
   * @param command The commands, as they are in the documentation.
   * @param lines How many lines they print, programs in the background too.
   * @returns The lines that were printed until then.
   * @throws {Error} If they do not end, or print less.
   */
  async run(command: string, lines = 0): Promise<string[]> {
    await this.#bash.write(`${this.#local(command)}\necho ${DONE}\n`);
    return await this.#read((printed, isDone) =>
      isDone && printed.length >= lines
    );
  }

  /** Ends everything; returns what was still printed. */
  async end(): Promise<string[]> {
    // The shell and all that it has started are one group of processes.
    await this.#bash.write(`trap : TERM; kill 0; wait; echo ${DONE}\n`);
    return await this.#read((_, isDone) => isDone);
  }

  async #read(
    isEnough: (printed: string[], isDone: boolean) => boolean,
  ): Promise<string[]> {
    const printed: string[] = [];
    let isDone = false;
    const late = setTimeout(() => this.#kill(), DEADLINE_MS);
    try {
      while (!isEnough(printed, isDone)) {
        const line = await this.#bash.line();
        if (line === DONE) isDone = true;
        else if (!KILLED.test(line)) printed.push(this.#shown(line));
      }
    } catch (error) {
      throw new Error(`printed only ${JSON.stringify(printed)}`, {
        cause: error,
      });
    } finally {
      clearTimeout(late);
    }
    return printed;
  }

  /** Replaces what is another one here. */
  #local(command: string): string {
    return this.#stand.reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      command,
    );
  }

  /** The same in an output, the other way round. */
  #shown(line: string): string {
    return this.#stand.toReversed().reduce(
      (text, [from, to]) => text.replaceAll(to, from),
      line,
    );
  }

  #kill(): void {
    try {
      Deno.kill(-this.#bash.pid, "SIGKILL");
    } catch {
      // All of them have ended.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await this.#bash[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}
