/**
 * Tests that need a language: ignored by name where it is not installed, and
 * failing there if everything has to be tested.
 *
 * @module
 */
import {
  isInstalled,
  type Language,
  LANGUAGES,
  prepare,
} from "../../examples/_programs.ts";
import { Process } from "../_process.ts";

const FOLDER = new URL("../../examples/languages/", import.meta.url);

const EVERYTHING = Boolean(Deno.env.get("FIFOBUS_TEST_EVERYTHING"));

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
  const absent = languages.filter((language) => missing.has(language))
    .map(({ name }) => name);
  if (absent.length === 0) return Deno.test(name, test);
  const reason = `${absent.join(" and ")} not installed`;
  if (!EVERYTHING) {
    return Deno.test({ name: `${name} (${reason})`, ignore: true, fn: test });
  }
  Deno.test(name, () => {
    throw new Error(`FIFOBUS_TEST_EVERYTHING is set, and ${reason}`);
  });
}
