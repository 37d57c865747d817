/**
 * Makes binaries by `deno compile`.
 *
 * ```sh
 * deno task compile             # dist/pub and dist/sub, for this machine
 * deno task release             # a tarball for each target, with SHA-256 sums
 * deno task release TARGET...   # for these
 * ```
 *
 * `COMPILE_DENO` names another deno to compile with, and `DENORT_BIN` the
 * runtime of its version, where the host that deno fetches it from is not
 * reached.
 *
 * @module
 */
import { completionsFor } from "../lib/cli/options/completions.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import { SHELLS } from "../lib/cli/options/usage.ts";
import { VERSION } from "../lib/version.ts";
import { permissions } from "../tests/harness/programs.ts";
import { linesOf, ROOT, run } from "./_command.ts";

/** The targets of `deno compile` that have FIFOs. */
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
];

const DIST = `${ROOT}dist`;

/**
 * Compiles both programs.
 *
 * @param folder Where the binaries go.
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
  const bundles = await Deno.makeTempDir({ dir: DIST });
  try {
    const config = await bundleDependencies(bundles);
    for (const { name } of [PUB, SUB]) {
      await run([
        deno,
        "compile",
        "--quiet",
        "--no-prompt",
        `--config=${config}`,
        "--no-lock",
        // Without it deno compile fails: the bundles of the dependencies have no
        // types. `deno check` in .ci/run checks the same sources with types.
        "--no-check",
        // It would lie in /tmp under a name that any user can take.
        "--no-code-cache",
        ...permissions(`${name}.ts`).filter((it) =>
          !it.startsWith("--allow-run")
        ),
        // A list of names is looked up at the start, which fails without a PATH.
        "--allow-run",
        // What is loaded when it is needed cannot be seen in the sources.
        "--include=lib",
        `--target=${target}`,
        `--output=${folder}/${name}`,
        `${name}.ts`,
      ]);
    }
  } finally {
    await Deno.remove(bundles, { recursive: true });
  }
}

/**
 * Makes a module of each dependency, and a deno.json that maps to them. A binary
 * with an npm package in it starts 18 ms later, used or not.
 */
async function bundleDependencies(folder: string): Promise<string> {
  const imports: Record<string, string> = {};
  for (const [specifier, hasDefault] of await dependencies()) {
    const name = specifier.replaceAll(/[^\w.]+/g, "-");
    const all = [`export * from "${specifier}";`];
    if (hasDefault) all.push(`export { default } from "${specifier}";`);
    const entry = `${folder}/${name}.ts`;
    await Deno.writeTextFile(entry, all.join("\n"));
    await run([
      ...[Deno.execPath(), "bundle", "--quiet", "--platform=deno"] as const,
      ...[`--output=${folder}/${name}.js`, entry],
    ]);
    imports[specifier] = `./${name}.js`;
  }
  // Not before the last bundle: each takes @std as deno.json above says.
  const config = `${folder}/deno.json`;
  await Deno.writeTextFile(config, JSON.stringify({ imports }));
  return config;
}

/** What the sources import from registries, and whether by its default. */
async function dependencies(): Promise<Map<string, boolean>> {
  const found = new Map<string, boolean>();
  for (
    const path of await linesOf([
      "git",
      "ls-files",
      "-co",
      "--exclude-standard",
      "lib",
    ])
  ) {
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

/** Puts all that is installed into a tarball; returns its name. */
async function pack(target: string): Promise<string> {
  const name = `fifobus-${VERSION}-${target}`;
  const folder = `${DIST}/${name}`;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  for (const part of ["bin", "man/man1", "completions"]) {
    await Deno.mkdir(`${folder}/${part}`, { recursive: true });
  }
  await compile(`${folder}/bin`, target);
  for (const usage of [PUB, SUB]) {
    const page = `${usage.name}.1`;
    await Deno.copyFile(`${ROOT}docs/${page}`, `${folder}/man/man1/${page}`);
    for (const shell of SHELLS) {
      await Deno.writeTextFile(
        `${folder}/completions/${usage.name}.${shell}`,
        completionsFor(shell, usage),
      );
    }
  }
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) {
    await Deno.copyFile(ROOT + file, `${folder}/${file}`);
  }
  const tarball = `${name}.tar.gz`;
  // Who unpacks it as root should not find the files given to somebody.
  const owner = Deno.build.os === "linux"
    ? ["--owner=0", "--group=0"]
    : ["--uid=0", "--gid=0"];
  await run(["tar", "-czf", `${DIST}/${tarball}`, ...owner, name], DIST);
  await Deno.remove(folder, { recursive: true });
  return tarball;
}

async function sha256(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(hash).toHex();
}

async function release(targets: string[]): Promise<void> {
  const unknown = targets.find((target) => !TARGETS.includes(target));
  if (unknown) {
    throw new Error(`"${unknown}" is none of ${TARGETS.join(", ")}`);
  }
  const sums: string[] = [];
  for (const target of targets) {
    const tarball = await pack(target);
    // As sha256sum --check reads it.
    sums.push(`${await sha256(`${DIST}/${tarball}`)}  ${tarball}\n`);
    console.log(`dist/${tarball}`);
  }
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, sums.join(""));
  console.log("dist/SHA256SUMS");
}

if (import.meta.main) {
  const [what, ...targets] = Deno.args;
  try {
    await Deno.mkdir(DIST, { recursive: true });
    if (what === "release") {
      await release(targets.length > 0 ? targets : TARGETS);
    } else {
      await compile(DIST);
      console.log("dist/pub\ndist/sub");
    }
  } catch (error) {
    console.error(`${what}: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
