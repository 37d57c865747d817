/**
 * Prints what the changelog says about a release: `deno task notes v0.1.0`.
 *
 * @module
 */
import { VERSION } from "../lib/version.ts";
import { ROOT } from "./_command.ts";

/**
 * Finds the section of a version.
 *
 * @param changelog The text of the changelog.
 * @param version The version, without a "v".
 * @returns What is below its heading.
 * @throws {Error} If it has none, or nothing is in it.
 */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m);
  const found = sections.find((it) => /^\S+/.exec(it)?.[0] === version);
  const notes = found?.replace(/^.*\n/, "").trim();
  if (notes) return `${notes}\n`;
  throw new Error(
    `Cannot release ${version}: CHANGELOG.md has no section "## ${version}", ` +
      'which is "## Unreleased" until then',
  );
}

if (import.meta.main) {
  const [tag] = Deno.args;
  try {
    if (tag !== `v${VERSION}`) {
      throw new Error(
        `Cannot release ${tag}: lib/version.ts says ${VERSION}, which has the ` +
          `tag v${VERSION}`,
      );
    }
    const changelog = await Deno.readTextFile(`${ROOT}CHANGELOG.md`);
    await Deno.stdout.write(
      new TextEncoder().encode(notesOf(changelog, VERSION)),
    );
  } catch (error) {
    console.error(`notes: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
