/**
 * Makes the binary, which is both programs, by `deno compile`: `deno task
 * compile` puts it into dist/.
 *
 * `COMPILE_DENO` names another deno to compile with, and `DENORT_BIN` the
 * runtime of its version, where the host that deno fetches it from is not
 * reached.
 *
 * @module
 */
import { permissions } from "../tests/harness/programs.ts";
import { known, ROOT, run, sourceDate } from "./_command.ts";

/** Where what is made goes. */
export const DIST = `${ROOT}dist`;

/**
 * Compiles both programs into one file. The same commit gives the same bytes.
 *
 * @param folder Where `pub` goes, and `sub`, a link to it.
 * @param target What they are for.
 */
export async function compile(
  folder: string,
  target: string = Deno.build.target,
): Promise<void> {
  if (Deno.env.get("DENORT_BIN") && target !== Deno.build.target) {
    throw new Error(`DENORT_BIN is no runtime for ${target}`);
  }
  const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
  await Deno.mkdir(DIST, { recursive: true });
  const tree = await Deno.makeTempDir({ dir: DIST });
  try {
    const entry = await Deno.readTextFile(`${ROOT}.ci/programs.ts`);
    const files = await wholeSources();
    files.set("programs.ts", entry.replaceAll("../", "./"));
    await write(tree, files);
    await run([
      deno,
      "compile",
      "--quiet",
      "--no-prompt",
      "--no-lock",
      // Without it deno compile fails: the bundles of the dependencies have no
      // types. `deno check` in .ci/run checks the same sources with types.
      "--no-check",
      // It would lie in /tmp under a name that any user can take.
      "--no-code-cache",
      // sub needs what pub needs, and more.
      ...permissions("sub.ts").filter((it) => !it.startsWith("--allow-run")),
      // A list of names is looked up at the start, which fails without a PATH.
      "--allow-run",
      // What is loaded when it is needed cannot be seen in the sources.
      "--include=lib",
      `--target=${target}`,
      `--output=${await Deno.realPath(folder)}/pub`,
      "programs.ts",
    ], tree);
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
  await Deno.remove(`${folder}/sub`).catch(() => {});
  await Deno.symlink("pub", `${folder}/sub`);
}

/**
 * Collects the sources, with a module of its own for each dependency: they need
 * no network, and a binary with npm packages in it starts 18 ms later, used or
 * not.
 *
 * @returns The texts of the files, by their paths.
 */
export async function wholeSources(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const imports: Record<string, string> = {};
  for (const [specifier, hasDefault] of await dependencies()) {
    const name = specifier.replaceAll(/[^\w.]+/g, "-");
    imports[specifier] = `./modules/${name}.js`;
    files.set(`modules/${name}.js`, await bundle(specifier, hasDefault));
  }
  files.set("deno.json", `${JSON.stringify({ imports }, null, 2)}\n`);
  for (const path of await known("lib", "pub.ts", "sub.ts")) {
    files.set(path, await Deno.readTextFile(ROOT + path));
  }
  return files;
}

/** Makes one module of a dependency and all that it imports. */
async function bundle(specifier: string, hasDefault: boolean): Promise<string> {
  await Deno.mkdir(DIST, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: DIST });
  try {
    const all = [`export * from "${specifier}";`];
    if (hasDefault) all.push(`export { default } from "${specifier}";`);
    const entry = `${folder}/entry.ts`;
    await Deno.writeTextFile(entry, all.join("\n"));
    const output = `${folder}/module.js`;
    await run([
      ...[Deno.execPath(), "bundle", "--quiet", "--platform=deno"] as const,
      ...[`--output=${output}`, entry],
    ]);
    // Without the paths of this machine, in comments and in names of modules.
    return (await Deno.readTextFile(output))
      .replaceAll(/^\/\/ .*\n/gm, "")
      .replaceAll(/(?<=^ *")[^"\n]*\/npm\/[^"/]+\//gm, "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Lists what the sources import from registries.
 *
 * @returns The specifiers, and whether the default of the module is imported.
 */
export async function dependencies(): Promise<Map<string, boolean>> {
  const found = new Map<string, boolean>();
  for (const path of await known("lib")) {
    const text = await Deno.readTextFile(ROOT + path);
    const imports = text.matchAll(
      /^import (\w+|)[^;]*? ?from "((?:jsr|npm):[^"]+)";/gm,
    );
    for (const [, name, specifier] of imports) {
      if (name === "type") continue;
      found.set(specifier!, Boolean(name) || found.get(specifier!) === true);
    }
  }
  return found;
}

/** Writes files; their time is in the binary. */
async function write(tree: string, files: Map<string, string>): Promise<void> {
  const time = await sourceDate();
  for (const [path, text] of files) {
    const file = `${tree}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
    await Deno.utime(file, time, time);
  }
}

if (import.meta.main) {
  try {
    await compile(DIST);
    console.log("dist/pub\ndist/sub");
  } catch (error) {
    console.error(`compile: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
