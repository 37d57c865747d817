/**
 * The man pages, and the full texts of options in them.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { manPage } from "../docs/generate.ts";
import { MANUALS } from "../docs/manual.ts";
import { markdown, troff } from "../docs/markup.ts";
import { EXIT } from "../lib/cli/exit_codes.ts";
import { environmentOf } from "../lib/cli/options/help.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import type { Option } from "../lib/cli/options/table.ts";
import type { Usage } from "../lib/cli/options/usage.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import { Process } from "./harness/process.ts";

const noGroff = await isThere("groff", "--version") ? [] : ["groff"];

/** The terms of a man page's chapter. */
function terms(page: string, title: string): string[] {
  const chapter = page.split(/^\.SH /m)
    .find((it) => it.startsWith(`${title}\n`))!;
  return [...chapter.matchAll(/^\.TP\n\.B (.*)$/gm)]
    .map(([, term]) => term!.replaceAll("\\-", "-"));
}

for (const usage of [PUB, SUB] as Usage[]) {
  const { name, options } = usage;
  const manual = MANUALS[name]!;
  const page = manPage(usage);

  Deno.test(`each option of ${name} has a full text of sentences, with its default`, () => {
    assertEquals(Object.keys(manual.options), Object.keys(options));
    for (const [long, { help, env }] of Object.entries<Option>(options)) {
      const text = manual.options[long]!;
      const prose = text.replaceAll(/^ {2}.*\n?/gm, "").trimEnd();
      assertMatch(prose, /^[A-Z][^]*\.$/, `--${long}`);
      const defaults = Array.from(
        help.matchAll(/ \[([^\]]+)\](?!\w)/g),
        ([, it]) => it!,
      );
      for (const wanted of [...defaults, ...env ? [env] : []]) {
        assertStringIncludes(prose.replaceAll(/\s+/g, " "), wanted, long);
      }
    }
  });

  Deno.test(`the man page of ${name} names only options that there are`, () => {
    const text = page.replaceAll("\\-", "-").replaceAll(/\\f.|\\%/g, "");
    for (const [, long] of text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
      const isOurs = [PUB, SUB].some((it) => Object.hasOwn(it.options, long!));
      assert(isOurs, `--${long}`);
    }
  });

  Deno.test(`the man page of ${name} has each exit code and environment variable, explained`, () => {
    assertEquals(
      terms(page, "EXIT STATUS"),
      Object.values(EXIT).map((code) => `${code}`),
    );
    assertEquals(
      terms(page, "ENVIRONMENT"),
      environmentOf(usage).rows.map(([name]) => name),
    );
    assert(!page.includes("undefined"));
  });

  Deno.test(`the man page of ${name} has each example of its usage text, with a sentence before it`, () => {
    assertEquals(manual.examples.map(([, it]) => it), usage.examples);
    for (const [sentence] of manual.examples) {
      assertMatch(sentence, /^[A-Z].*:$/);
    }
  });

  for (const device of ["utf8", "ascii"]) {
    testWithout(
      noGroff,
      `groff has nothing to say about the man page of ${name} in ${device}`,
      async () => {
        await using groff = new Process([
          "groff",
          "-man",
          `-T${device}`,
          "-ww",
        ]);
        const ended = groff.ended();
        await groff.write(page);
        await groff.end();
        const { code, stdout, stderr } = await ended;
        assertEquals([code, stderr], [0, ""]);
        assertStringIncludes(stdout, "User Commands");
      },
    );
  }
}

Deno.test("no run of a program loads the full texts", () => {
  const root = new URL("../", import.meta.url);
  const loaded: string[] = [];
  const visit = (folder: string): void => {
    for (
      const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))
    ) {
      if (isDirectory) visit(`${folder}${name}/`);
      else if (name.endsWith(".ts") && !name.endsWith("full.ts")) {
        const text = Deno.readTextFileSync(new URL(folder + name, root));
        if (/full\.ts"/.test(text)) loaded.push(folder + name);
      }
    }
  };
  visit("lib/");
  assertEquals(loaded, []);
});

Deno.test("markup is the same in troff and in Markdown", () => {
  const text =
    "Needs --wait, \"a 'b'\" and FIFOBUS_DIR for FILE; see EXIT WORD.\n  pub -n it";
  assertEquals(
    troff(text),
    "Needs \\fB\\%\\-\\-wait\\fR, \\fB\\%a \\%\\(aqb\\(aq\\fR and " +
      "\\fB\\%FIFOBUS_DIR\\fR for \\fI\\%FILE\\fR; see \\%EXIT \\%WORD.\n" +
      ".RS\n.PP\n.EX\npub \\-n it\n.EE\n.RE",
  );
  assertEquals(
    markdown(text),
    "Needs `--wait`, `a 'b'` and `FIFOBUS_DIR` for FILE; " +
      "see [Exit word](#exit-word).\n\n```sh\npub -n it\n```\n",
  );
  assertEquals(troff(".so is text\n'so too"), "\\&.so is text\n\\&'so too");
});
