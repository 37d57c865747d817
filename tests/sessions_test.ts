/**
 * The examples in the documentation, run in a shell as they stand there.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { checkAddresses } from "../lib/cli/options/given.ts";
import { parseOptions } from "../lib/cli/options/parse.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import { MOSQUITTO_OPTIONS, type Usage } from "../lib/cli/options/usage.ts";
import { Folder } from "./harness/folder.ts";
import { freePort, Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { missingOf, testWithout } from "./harness/needs.ts";
import {
  type Block,
  commandsOf,
  pages,
  scriptOf,
  stepsOf,
} from "./harness/pages.ts";
import { finish, Process } from "./harness/process.ts";
import { ROOT } from "./harness/programs.ts";
import { Shell } from "./harness/shell.ts";
import * as waiting from "./harness/waiting.ts";

const PAGES = pages();
const BLOCKS = PAGES.flatMap(({ blocks }) => blocks);
const SCRIPTS = BLOCKS.filter(({ language }) =>
  language === "sh" || language === "console"
);
const PROGRAMS: Record<string, Usage> = { pub: PUB, sub: SUB } as Record<
  string,
  Usage
>;

const absent = await missingOf(["bash", "setsid"]);

/** What differs in each run: processes, times, which folder, which worker. */
function normalized(lines: string[], flags: string[]): string[] {
  const same = lines.map((line) =>
    line.replaceAll(/\d{4}-?\d\d-?\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(/\/\S+\/(?:fifo)?bus\b/g, "BUS")
      .replaceAll(/\t\d+(?=\t)/g, "\tPID")
  );
  if (!flags.includes("any-order")) return same;
  return same.map((line) => line.replace(/^worker \d/, "worker N")).toSorted();
}

async function runSession(
  block: Block,
  stand: [string, string][] = [],
): Promise<void> {
  await using shell = await Shell.start({ cwd: ROOT, stand });
  const { flags, place } = block;
  for (const { command, printed } of stepsOf(block)) {
    const lines = await shell.run(command, printed.length);
    assertEquals(
      normalized(lines, flags),
      normalized(printed, flags),
      `${place}: ${command}`,
    );
  }
  assertEquals(await shell.end(), [], `${place} prints more`);
}

for (const block of BLOCKS.filter(({ language }) => language === "console")) {
  const { place, heading, flags } = block;
  const name = `${place} (${heading}) prints what it says`;
  const needed = flags.filter((it) => it.startsWith("needs:"))
    .map((it) => it.slice("needs:".length));
  const missing = [...absent, ...await missingOf(needed)];
  if (flags.includes("broker")) {
    waiting.testWithout([...missing, ...withoutMosquitto], name, async () => {
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder);
      const { port } = broker;
      await runSession(block, [
        ["mqtt://localhost/", `mqtt://localhost:${port}/`],
        ["mosquitto_pub ", `mosquitto_pub -p ${port} `],
      ]);
    });
  } else {
    const port: [string, string] = ["8080", `${freePort()}`];
    testWithout(missing, name, () => runSession(block, [port]));
  }
}

Deno.test("every page of docs/ starts with an example that runs", () => {
  // Lists, which are made from the options; and what is for other programs.
  const others = ["docs/reference.md", "docs/protocol.md"];
  const none = PAGES
    .filter(({ path }) => !others.includes(path) && path !== "CHANGELOG.md")
    .filter(({ blocks: [first] }) => {
      const { language = "", flags = [] } = first ?? {};
      return !["console", "ts"].includes(language) || flags.includes("ignore");
    })
    .map(({ path }) => path);
  assertEquals(none, []);
});

waiting.testWithout(absent, "the shell understands every example", async () => {
  for (const block of SCRIPTS) {
    const bash = new Process(["bash", "-n", "-c", scriptOf(block)]);
    const { code, stderr } = await finish(bash);
    assertEquals([code, stderr], [0, ""], block.place);
  }
});

Deno.test("commandsOf() finds commands in loops, quotes and substitutions", () => {
  const script = `tail -F "a b" | pub -l t >> log &   # pub not
while job=$(sub -C 1 /tmp/p); do work "$job"; done
(crontab -l; echo '* * * * * pub \\
  load "$(uptime)"') | crontab - && sub --exec 'pub x "$(cat)"' '#'
`;
  assertEquals(
    commandsOf(script).filter((words) =>
      words.some((it) => it === "pub" || it === "sub")
    ),
    [
      ["pub", "-l", "t"],
      ["sub", "--exec", 'pub x "$(cat)"', "#"],
      ["sub", "-C", "1", "/tmp/p"],
      ["*", "*", "*", "*", "*", "pub", "load", "$(uptime)"],
      ["pub", "x", "$(cat)"],
    ],
  );
});

Deno.test("pub and sub understand every example", () => {
  const used = new Set<string>();
  for (const block of SCRIPTS) {
    for (const words of commandsOf(scriptOf(block))) {
      const isOurs = (it: string) => /^(.*\/)?(pub|sub)(\.ts)?$/.test(it);
      // `deno install --name pub --allow-read … pub.ts`
      const at = words[0] === "deno"
        ? words.findLastIndex(isOurs)
        : words.findIndex(isOurs);
      if (at < 0) continue;
      const name = /(pub|sub)(\.ts)?$/.exec(words[at]!)![1]!;
      const { options, addresses } = PROGRAMS[name]!;
      const line = words.join(" ");
      try {
        const { given, operands } = parseOptions(
          options,
          words.slice(at + 1),
          MOSQUITTO_OPTIONS,
        );
        checkAddresses(options, given, operands.slice(0, addresses));
        for (const option of Object.keys(given)) used.add(`${name} ${option}`);
      } catch (error) {
        throw new Error(`${block.place}: ${line}`, { cause: error });
      }
    }
  }
  // It has found them, inside of quotes and substitutions as well.
  for (const it of ["pub lines", "sub count", "pub from", "pub retain"]) {
    assert(used.has(it), it);
  }
});

/** Options of other programs that the pages mention by themselves. */
const FOREIGN = /^--(?:allow-|import-map|seconds|seed|line-buffered|dry-run)/;

Deno.test("what the pages mention is there: options, tasks, files", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  const wrong: string[] = [];
  for (const { path, text } of PAGES) {
    if (path === "CHANGELOG.md") continue;
    for (const [, code = ""] of text.matchAll(/`([^`\n]+)`/g)) {
      const [option] = /^--[a-z-]+/.exec(code) ?? [];
      if (option && !FOREIGN.test(option) && !isOption(option.slice(2))) {
        wrong.push(`${path}: ${code}`);
      }
      const [file] =
        /^(?:tests|docs|examples|lib|\.ci)\/[\w./-]+$/.exec(code) ??
          [];
      if (file && !exists(file)) wrong.push(`${path}: ${file}`);
    }
    for (const [, task = ""] of text.matchAll(/deno task ([a-z:]+)/g)) {
      if (!Object.hasOwn(tasks, task)) wrong.push(`${path}: deno task ${task}`);
    }
  }
  assertEquals(wrong, []);
});

function isOption(name: string): boolean {
  return Object.values(PROGRAMS).some(({ options }) =>
    Object.hasOwn(options, name)
  );
}

function exists(path: string): boolean {
  try {
    Deno.statSync(ROOT + path);
    return true;
  } catch {
    return false;
  }
}
