/**
 * Publishes the package: `deno task publish`, `deno task publish --dry-run`.
 *
 * `deno publish` would write the import map of deno.json into the modules, and
 * with it the npm copies of @std. So what git knows of goes into a folder, with
 * a deno.json that has none, and has the version. Where JSR is not reached, a
 * dry run keeps the map.
 *
 * @module
 */
import { VERSION } from "../lib/version.ts";
import { known, linesOf, ROOT, run } from "./_command.ts";

const isDryRun = Deno.args.includes("--dry-run");

/** Lays out the package. */
async function stage(folder: string, mapped: boolean): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  delete config.tasks;
  if (!mapped) delete config.imports;
  for (const path of await known()) {
    const to = `${folder}/${path}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(ROOT + path, to);
  }
  await Deno.remove(`${folder}/deno.lock`);
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    `${JSON.stringify({ ...config, version: VERSION }, null, 2)}\n`,
  );
}

/** Tells whether the registry of the dependencies answers. */
async function isJsrReached(): Promise<boolean> {
  try {
    const url = "https://jsr.io/@std/cli/meta.json";
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(url, { signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

const folder = await Deno.makeTempDir({ prefix: "fifobus-package-" });
try {
  const changed = await linesOf(["git", "status", "--porcelain"]);
  if (!isDryRun && changed.length > 0) {
    throw new Error(`there are changes that are not committed:\n${changed[0]}`);
  }
  const mapped = isDryRun && !await isJsrReached();
  if (mapped) console.error("jsr.io is not reached: @std is checked as on npm");
  await stage(folder, mapped);
  await run([Deno.execPath(), "publish", ...Deno.args], folder);
} catch (error) {
  console.error(`publish: ${(error as Error).message}`);
  Deno.exitCode = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
