/**
 * Makes a release in dist/: `deno task release`, `deno task release TARGET...`.
 *
 * For each target a tarball, for Linux a .deb and an .rpm as well, which takes
 * Go; a tarball for where deno is, and recipes that install it by Homebrew, on
 * Arch Linux and by Nix; a Dockerfile; a bill of materials; and the SHA-256 sums
 * of them all. The same commit gives the same bytes.
 *
 * @module
 */
import { sourceDate } from "./_command.ts";
import { compile, DIST } from "./binaries.ts";
import { bill } from "./packages/bill.ts";
import {
  ABOUT,
  contents,
  contentsForDeno,
  type Entry,
  type Target,
  TARGETS,
} from "./packages/contents.ts";
import { nativePackages } from "./packages/nfpm.ts";
import { recipes } from "./packages/recipes.ts";
import { tarball } from "./packages/tarball.ts";

const NAME = `${ABOUT.name}-${ABOUT.version}`;

/** Makes a tarball; returns its name. */
async function pack(suffix: string, entries: Entry[]): Promise<string> {
  const name = `${NAME}-${suffix}`;
  const data = tarball(name, entries, await sourceDate());
  await Deno.writeFile(`${DIST}/${name}.tar.gz`, data);
  return `${name}.tar.gz`;
}

/** Makes what is for one target; returns the names of the files. */
async function make(target: Target): Promise<string[]> {
  const folder = await Deno.makeTempDir({ dir: DIST });
  try {
    await compile(folder, target.triple);
    const binary = await Deno.readFile(`${folder}/pub`);
    const entries = await contents(target.os, binary);
    const file = await pack(target.triple, entries);
    if (target.os !== "linux") return [file];
    return [file, ...await nativePackages(target, entries, await sourceDate())];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function makeForDeno(): Promise<string[]> {
  const file = await pack("deno", await contentsForDeno());
  const texts = recipes({ file, sha256: await sha256(`${DIST}/${file}`) });
  texts.set(`${NAME}.cdx.json`, await bill(await sourceDate()));
  for (const [name, text] of texts) {
    await Deno.writeTextFile(`${DIST}/${name}`, text);
  }
  return [file, ...texts.keys()];
}

async function sha256(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(hash).toHex();
}

async function release(triples: string[]): Promise<void> {
  const targets = triples.map((triple) => {
    const target = TARGETS.find((it) => it.triple === triple);
    if (target) return target;
    const all = TARGETS.map(({ triple }) => triple).join(", ");
    throw new Error(`"${triple}" is none of ${all}`);
  });
  await Deno.mkdir(DIST, { recursive: true });
  const files = await makeForDeno();
  for (const target of targets) files.push(...await make(target));
  const sums = await Promise.all(files.map(async (file) =>
    // As sha256sum --check reads it.
    `${await sha256(`${DIST}/${file}`)}  ${file}\n`
  ));
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, sums.join(""));
  for (const file of [...files, "SHA256SUMS"]) console.log(`dist/${file}`);
}

if (import.meta.main) {
  try {
    const all = TARGETS.map(({ triple }) => triple);
    await release(Deno.args.length > 0 ? Deno.args : all);
  } catch (error) {
    console.error(`release: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
