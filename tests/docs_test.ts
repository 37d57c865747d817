/**
 * What is written about the options, wherever it is.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { manPage, reference } from "../docs/generate.ts";
import { MANUALS, REFERENCE_CHAPTERS } from "../docs/manual.ts";
import { permissions } from "./harness/programs.ts";
import { completionsFor, type Shell } from "../lib/cli/options/completions.ts";
import { usageText } from "../lib/cli/options/help.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SHELL_FUNCTIONS } from "../lib/cli/options/shell_functions.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import type { Usage } from "../lib/cli/options/usage.ts";
import { UPLOT_SCRIPT, UPLOT_STYLE } from "../lib/cli/web/uplot.ts";
import { Folder } from "./harness/folder.ts";
import { isThere, missingOf, testWithout } from "./harness/needs.ts";
import { finish, Process } from "./harness/process.ts";

const INSTALL = await Deno.readTextFile(
  new URL("../docs/install.md", import.meta.url),
);

const { name: NAME } = JSON.parse(
  await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
);

const REFERENCE = await Deno.readTextFile(
  new URL("../docs/reference.md", import.meta.url),
);

/** The part of docs/reference.md about a program. */
function chapter(name: string): string {
  return REFERENCE.split(/^## /m).find((it) => it.startsWith(`${name}\n`))!;
}

for (const usage of [PUB, SUB] as Usage[]) {
  const { name, options } = usage;
  const page = new URL(`../docs/${name}.1`, import.meta.url);

  Deno.test(`every option of ${name} is in its usage text, man page, completions and docs/reference.md`, () => {
    const texts: Record<string, string> = {
      usage: usageText(usage),
      man: manPage(usage).replaceAll("\\-", "-"),
      reference: chapter(name),
      bash: completionsFor("bash", usage),
      zsh: completionsFor("zsh", usage),
      fish: completionsFor("fish", usage).replaceAll(" -l ", " --"),
    };
    for (const [long, { short }] of Object.entries(options)) {
      for (const [where, text] of Object.entries(texts)) {
        assert(text.includes(`--${long}`), `--${long} in ${where}`);
        const letter = where === "fish" ? `-s ${short}` : `-${short}`;
        assert(!short || text.includes(letter), `-${short} in ${where}`);
      }
    }
  });

  Deno.test(`the man page of ${name} is up to date: deno task docs`, async () => {
    assertEquals(await Deno.readTextFile(page), manPage(usage));
  });

  Deno.test(`the usage text of ${name} fits a terminal of 80 columns`, () => {
    for (const line of usageText(usage).split("\n")) {
      assert([...line].length <= 80, line);
    }
  });

  // One of the topics is a command, which no shell may run.
  const list = "printf '%s\\t1\\t-\\n' door '$(touch ran)' 'a b' 'wild/#'";
  const topics = name === "pub" ? "" : "wild/#";
  const sources: Record<Shell, [script: string, printed: RegExp]> = {
    bash: [
      `sub() { ${list}; }; source "$1"; compopt() { :; }
       try() { COMP_WORDS=("$name" "$@") COMP_CWORD=$#; _$name
         printf '<%s>' "\${COMPREPLY[@]-}"; echo; }
       name=$2; try --ma; try --qos ''; try --qos = 1; try ''; try ./; try --ca ''
       complete -p "$2"`,
      new RegExp(
        `^<--max-size>\n<0><1><2>\n<1>\n<door><\\\\\\$\\\\\\(touch\\\\ ran\\\\\\)>` +
          `<a\\\\ b>${topics && "<wild/#>"}\n<>\n<>\n` +
          `complete -o bashdefault -o default -F _${name} ${name}\n$`,
      ),
    ],
    zsh: [
      `sub() { ${list} }; source "$1"; ` +
      "_arguments() { print -l -- $@ }; _alternative() { print -l -- $topics }; " +
      "_$2; print $_comps[$2]; _$2_addresses",
      new RegExp(
        `--max-size=\\[.*\\n_${name}\\ndoor\\n\\$\\(touch ran\\)\\na b\\n` +
          `${topics && "wild/#\\n"}$`,
        "s",
      ),
    ],
    fish: [
      `function sub; ${list}; end; source $argv[1]; ` +
      'complete -C "$argv[2] --ma"; cd (mktemp -d); complete -C "$argv[2] "',
      new RegExp(
        `^--max-size\t.*\n(?=[^]*\\$\\(touch ran\\)\ttopic\n)[^]*a b\ttopic\n` +
          `[^]*door\ttopic\n${topics && "[^]*wild/#\ttopic\n"}$`,
      ),
    ],
  };
  for (const [shell, [script, printed]] of Object.entries(sources)) {
    const absent = await isThere(shell, "-c", ":") ? [] : [shell];
    testWithout(
      absent,
      `${shell} sources the completions of ${name}`,
      async () => {
        await using folder = new Folder();
        const file = folder.file("completions");
        await Deno.writeTextFile(file, completionsFor(shell as Shell, usage));
        const args = shell === "fish" ? [file, name] : ["-", file, name];
        const command = [shell, "-c", script, ...args] as [string, ...string[]];
        const { code, stdout, stderr } = await finish(
          new Process(command, { HOME: folder.path }),
        );
        assertEquals([code, stderr], [0, ""]);
        assertMatch(stdout, printed);
        assertEquals(await isThere("test", "-e", folder.file("ran")), false);
      },
    );
  }
}

Deno.test("the tables of docs/reference.md are up to date: deno task docs", async () => {
  const text = reference(REFERENCE);
  await using formatter = new Process([
    ...[Deno.execPath(), "fmt", "--ext", "md", "-"],
  ] as [string, ...string[]]);
  const printed = formatter.ended();
  await formatter.write(text);
  await formatter.end();
  assertEquals((await printed).stdout, REFERENCE);
});

Deno.test("docs/reference.md has every chapter of the man pages", () => {
  const titles = REFERENCE_CHAPTERS.map(({ title }) => title);
  for (const [name, { chapters }] of Object.entries(MANUALS)) {
    for (const { title } of chapters) {
      const own = `${title} to ${name}`;
      assert(titles.includes(title) || titles.includes(own), title);
    }
  }
});

Deno.test("pub --init prints examples/shell/fifobus.sh: deno task docs", async () => {
  const file = new URL("../examples/shell/fifobus.sh", import.meta.url);
  assertEquals(SHELL_FUNCTIONS, await Deno.readTextFile(file));
});

Deno.test("the page has uPlot as it was published: deno task docs", async () => {
  await import("npm:uplot@1.6.32");
  const read = (name: string) =>
    Deno.readTextFile(
      new URL(import.meta.resolve(`npm:uplot@1.6.32/${name}`)),
    );
  const [script, style, license] = await Promise.all(
    ["dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"].map(read),
  );
  assertStringIncludes(UPLOT_SCRIPT, script!);
  assertStringIncludes(UPLOT_SCRIPT, license!);
  assertEquals(UPLOT_STYLE, style);
});

Deno.test("docs/install.md lists the permissions of both programs", () => {
  const text = INSTALL.replaceAll(/\s*\\\n\s*/g, " ").replaceAll("'", "");
  for (const program of ["pub", "sub"]) {
    const options = permissions(`${program}.ts`).join(" ");
    for (const address of [`$URL/${program}.ts`, `jsr:${NAME}/${program}`]) {
      assertStringIncludes(text, `deno run ${options} ${address}`);
      const install = `deno install --global --name ${program} ${options}`;
      assertStringIncludes(text, `${install} ${address}`);
    }
  }
});

for (const shell of ["zsh", "fish"]) {
  const absent = await missingOf(["bash", shell]);
  testWithout(
    absent,
    `the commands of docs/install.md for deno mean the same in ${shell}`,
    async () => {
      const scripts = [...INSTALL.matchAll(/^```sh\n([^]*?)^```/gm)]
        .filter(([, it]) => /^deno (?:run|install) /m.test(it!));
      assertEquals(scripts.length, 4);
      const script = scripts.map(([, it]) => it).join("").replaceAll(
        /^deno /gm,
        'printf "<%s>" ',
      );
      const run = (name: string) => finish(new Process([name, "-c", script]));
      const expected = (await run("bash")).stdout;
      assertStringIncludes(expected, "<--allow-env=FIFOBUS_*,XDG_RUNTIME_DIR>");
      assertEquals((await run(shell)).stdout, expected);
    },
  );
}

Deno.test("deno task install gives both programs their permissions", async () => {
  const { tasks } = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  );
  const command = tasks.install.command.replaceAll("'", "");
  for (const program of ["pub", "sub"]) {
    const options = permissions(`${program}.ts`).join(" ");
    assertStringIncludes(
      command,
      `--name=${program} ${options} ${program}.ts`,
    );
  }
});

for (
  const [file, heading] of [
    ["SECURITY.md", "## What was tried"],
    ["docs/promises.md", "# What fifobus promises"],
  ] as const
) {
  Deno.test(`${file} names tests that there are`, async () => {
    const url = new URL(`../${file}`, import.meta.url);
    const text = (await Deno.readTextFile(url)).split(heading)[1]!;
    const names = [...text.matchAll(/\| `([^`]+)` +\|$/gm)]
      .map(([, it]) => it!);
    assertEquals(names.length, text.match(/^\|/gm)!.length - 2);
    const files = [...Deno.readDirSync(import.meta.dirname!)]
      .filter(({ name }) => name.endsWith("_test.ts"))
      .map(({ name }) => new URL(name, import.meta.url));
    const tests = files.map((file) => Deno.readTextFileSync(file)).join("");
    for (const name of names) assertStringIncludes(tests, `"${name}"`);
  });
}

/** The pages for people. */
function pages(): URL[] {
  const root = new URL("../", import.meta.url);
  return [root, new URL("docs/", root)].flatMap((folder) =>
    [...Deno.readDirSync(folder)]
      .filter(({ name }) => name.endsWith(".md"))
      .map(({ name }) => new URL(name, folder))
  );
}

Deno.test("the links between the pages lead somewhere", () => {
  const dead: string[] = [];
  for (const page of pages()) {
    const text = Deno.readTextFileSync(page);
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const to = new URL(link!, page);
      if (to.protocol !== "file:") continue;
      if (!leads(to)) dead.push(`${page.pathname}: ${link}`);
    }
  }
  assertEquals(dead, []);
});

Deno.test("no page has a chapter twice", () => {
  for (const page of pages()) {
    const text = Deno.readTextFileSync(page).replaceAll(/^```[^]*?^```/gm, "");
    const headings = text.match(/^#+ .*$/gm) ?? [];
    assertEquals(headings, [...new Set(headings)], page.pathname);
  }
});

/** Tells whether a file is there, with the heading that a link may name. */
function leads(to: URL): boolean {
  const anchor = to.hash.slice(1);
  to.hash = "";
  try {
    if (anchor === "") return Deno.statSync(to) !== undefined;
    const headings = Deno.readTextFileSync(to).matchAll(/^#+ (.*)$/gm);
    return Array.from(
      headings,
      ([, it]) =>
        it!.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-"),
    )
      .includes(anchor);
  } catch {
    return false;
  }
}
