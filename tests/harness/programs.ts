/**
 * How programs are run: ours, and those in seven languages, with what has to
 * be installed for one and how it is built. The tests use it too.
 *
 * @module
 */
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";

/** Where pub.ts and sub.ts are. */
export const ROOT: string = fromFileUrl(new URL("../..", import.meta.url));

/** A folder beside the examples, which git ignores. */
const CACHE = fromFileUrl(new URL("../../examples/.cache", import.meta.url));

/** A program and its arguments. */
export type Command = [string, ...string[]];

/**
 * Returns the permissions of one of our scripts, from its first line. A user
 * who starts the script by its name grants the same.
 *
 * @param script Its path from the root.
 * @returns The options of `deno run`.
 */
export function permissions(script: string): string[] {
  const [firstLine] = Deno.readTextFileSync(ROOT + script).split("\n", 1);
  return firstLine!.split(" run ")[1]!.split(" ");
}

/**
 * Returns the command that runs one of our scripts.
 *
 * @param script Its path from the root.
 * @param args Its arguments.
 * @returns The command.
 */
export function fifobus(script: string, ...args: string[]): Command {
  const options = ["--no-prompt", ...permissions(script)];
  return [Deno.execPath(), "run", ...options, ROOT + script, ...args];
}

/** A language of the examples. */
export interface Language {
  /** Its name. */
  name: string;
  /** The folder of its examples. */
  folder: string;
  /** The ending of their file names. */
  extension: string;
  /** A command that succeeds if the language is installed. */
  toolchain: Command;
  /** Builds the source into a folder. */
  build?(source: string, folder: string): Command;
  /** Runs the source or the built program. */
  run(source: string, folder: string): Command;
}

/** The languages of the examples. */
export const LANGUAGES: Language[] = [
  {
    name: "Go",
    folder: "go",
    extension: "go",
    toolchain: ["go", "version"],
    build: (source, folder) => ["go", "build", "-o", `${folder}/main`, source],
    run: (_, folder) => [`${folder}/main`],
  },
  {
    name: "Python",
    folder: "python",
    extension: "py",
    toolchain: ["python3", "--version"],
    run: (source) => ["python3", source],
  },
  {
    name: "Rust",
    folder: "rust",
    extension: "rs",
    toolchain: ["rustc", "--version"],
    build: (source, folder) => ["rustc", "-O", "-o", `${folder}/main`, source],
    run: (_, folder) => [`${folder}/main`],
  },
  {
    name: "Java",
    folder: "java",
    extension: "java",
    toolchain: ["javac", "-J-XX:-UsePerfData", "-version"],
    build: (
      source,
      folder,
    ) => ["javac", "-J-XX:-UsePerfData", "-d", folder, source],
    run: (source, folder) => [
      "java",
      // Makes no file in /tmp/hsperfdata_USER.
      "-XX:-UsePerfData",
      "-cp",
      folder,
      source.replace(/.*\/(.*)\.java$/, "$1"),
    ],
  },
  {
    name: "Node.js",
    folder: "node",
    extension: "mjs",
    // Deno can replace a missing node, but its Socket does not accept a FIFO.
    toolchain: ["node", "-e", "process.exit(process.versions.deno ? 1 : 0)"],
    run: (source) => ["node", source],
  },
  {
    name: "C",
    folder: "c",
    extension: "c",
    toolchain: ["cc", "--version"],
    build: (source, folder) => ["cc", "-O2", "-o", `${folder}/main`, source],
    run: (_, folder) => [`${folder}/main`],
  },
  {
    name: "sh",
    folder: "sh",
    extension: "sh",
    toolchain: ["sh", "-c", ":"],
    run: (source) => ["sh", source],
  },
];

/** Tells whether a language is installed. */
export async function isInstalled({ toolchain }: Language): Promise<boolean> {
  const [command, ...args] = toolchain;
  try {
    return (await new Deno.Command(command, { args }).output()).success;
  } catch {
    return false;
  }
}

/**
 * Builds an example, unless it is built already.
 *
 * @param language Its language, which must be installed.
 * @param folder Its folder.
 * @param program Its name, without the ending: "publisher".
 * @returns The command that runs it.
 * @throws {Error} If it cannot be built; its cause is what the compiler prints.
 */
export async function prepare(
  { name, extension, build, run }: Language,
  folder: URL,
  program: string,
): Promise<Command> {
  // Java wants a file to have the name of its class.
  const file = extension === "java"
    ? program.replace(/^./, (first) => first.toUpperCase())
    : program;
  const source = fromFileUrl(new URL(`${file}.${extension}`, folder));
  if (!build) return run(source, "");
  const built = `${CACHE}/${extension}-${await digest(source)}`;
  if (!exists(built)) {
    await Deno.mkdir(CACHE, { recursive: true });
    // Built aside, then renamed: other tests may be building the same now.
    const aside = await Deno.makeTempDir({ dir: CACHE });
    const [command, ...args] = build(source, aside);
    const env = { GOTOOLCHAIN: "local" };
    const { success, stderr } = await new Deno.Command(command, { args, env })
      .output();
    if (!success) {
      await Deno.remove(aside, { recursive: true });
      const output = new TextDecoder().decode(stderr).trim();
      const reason = /^.*error.*$/m.exec(output)?.[0] ?? `${command} fails`;
      throw new Error(`Cannot build "${source}" with ${name}: ${reason}`, {
        cause: output,
      });
    }
    try {
      await Deno.rename(aside, built);
    } catch (error) {
      await Deno.remove(aside, { recursive: true });
      if (!exists(built)) throw error;
    }
  }
  return run(source, built);
}

async function digest(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", await Deno.readFile(path));
  return new Uint8Array(hash).toHex().slice(0, 12);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
