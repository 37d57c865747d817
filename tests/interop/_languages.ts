/**
 * Tests that need a language.
 *
 * @module
 */
import {
  isInstalled,
  type Language,
  LANGUAGES,
  prepare,
} from "../harness/programs.ts";
import { testWithout } from "../harness/needs.ts";
import { Process } from "../harness/process.ts";

const FOLDER = new URL("../../examples/languages/", import.meta.url);

const missing = new Set<Language>();
for (const language of LANGUAGES) {
  if (!await isInstalled(language)) missing.add(language);
}

/** Starts the example of a language. */
export async function example(
  language: Language,
  program: "publisher" | "subscriber",
  ...args: string[]
): Promise<Process> {
  const folder = new URL(`${language.folder}/`, FOLDER);
  return new Process([...await prepare(language, folder, program), ...args]);
}

/** Declares a test that needs languages. */
export function languageTest(
  name: string,
  languages: Language[],
  test: () => Promise<void>,
): void {
  const absent = languages.filter((language) => missing.has(language));
  testWithout([...new Set(absent)].map(({ name }) => name), name, test);
}
