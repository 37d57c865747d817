/**
 * The warehouse, as `deno task demo` and `deno task warehouse` run it.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { type Command, LANGUAGES, prepare, ROOT } from "../harness/programs.ts";
import { testWithout } from "../harness/needs.ts";
import { eventually, Process } from "../harness/process.ts";
import { Terminal, withoutTmux } from "../harness/tmux.ts";
import { languageTest } from "./_languages.ts";

const DEMO = `${ROOT}examples/warehouse/demo.ts`;

function demoCommand(...args: string[]): Command {
  return [Deno.execPath(), "run", "--allow-all", DEMO, ...args];
}

/** The rows of the summary: aisle, language, sent, received, lost. */
function summary(output: string): string[][] {
  return [...output.matchAll(/^(a\d) +(\S+) +(\d+) +(\d+) +(\d+)\r?$/gm)]
    .map((row) => row.slice(1));
}

/** The processes whose environment names this bus. */
function membersOf(bus: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name)
    .filter((pid) => {
      try {
        const environ = Deno.readTextFileSync(`/proc/${pid}/environ`);
        return environ.includes(`FIFOBUS_DIR=${bus}`);
      } catch {
        return false;
      }
    });
}

languageTest(
  "the warehouse loses no reading, and raises an alarm",
  LANGUAGES,
  async () => {
    await using demo = new Process(demoCommand("0.05", "16"));
    const { code, stdout, stderr } = await demo.ended();
    assertEquals([code, stderr], [0, ""]);
    const expected = LANGUAGES.map(({ name }, i) => [
      `a${i + 1}`,
      name,
      "16",
      "16",
      "0",
    ]);
    assertEquals(summary(stdout), expected, stdout);
    assertMatch(stdout, /^warehouse\/a1\/temperature\t2[012]\.\d$/m);
    assertMatch(
      stdout,
      /alarms: 1\nwarehouse\/a7\/alarm\t25\.2 °C, more than 25\n\nWhat next\? .*(?:\n {2}\S.*){3}\n$/,
    );
  },
);

Deno.test("the demo says in a line why a sensor cannot be built", async () => {
  // As a compiler that is too old for the source.
  const script =
    "echo compiling; echo 'error: too old' >&2; seq 99 >&2; exit 1";
  const error = await assertRejects(() =>
    prepare(
      {
        ...LANGUAGES.find(({ name }) => name === "Rust")!,
        // Nothing is built of it, so nothing is in the cache.
        extension: "py",
        build: () => ["sh", "-c", script],
      },
      new URL("../../examples/warehouse/", import.meta.url),
      "sensor",
    ), Error);
  const source = `${ROOT}examples/warehouse/sensor.py`;
  const said = `Cannot build "${source}" with Rust: error: too old`;
  assertEquals(error.message, said);
});

/** Waits until the bus and all processes on it are gone. */
async function left(bus: string): Promise<void> {
  await eventually(() => {
    try {
      Deno.statSync(bus);
      return false;
    } catch {
      return Deno.build.os !== "linux" || membersOf(bus).length === 0;
    }
  });
}

Deno.test("the warehouse ends on SIGINT, and leaves nothing behind", async () => {
  await using demo = new Process(demoCommand("0.05"));
  const bus = /FIFOBUS_DIR=(\S+)/.exec(await demo.until("sub.ts"))![1]!;
  for (let i = 0; i < 3; i++) await demo.until("warehouse/a7/temperature\t");
  assert(Deno.build.os !== "linux" || membersOf(bus).length > 3);
  demo.kill("SIGINT");
  const { code, stdout } = await demo.ended();
  assertEquals([code, summary(stdout).at(-1)![1]], [0, "sh"]);
  for (const [, , sent, received, lost] of summary(stdout)) {
    assertEquals([received, lost], [sent, "0"]);
  }
  await left(bus);
});

testWithout(
  withoutTmux,
  "the demo shows its dashboard at the end, and then what comes next",
  async () => {
    await using terminal = await Terminal.open({}, 110, 45);
    const [deno, ...args] = demoCommand("0.1", "16");
    await terminal.run([deno, ...args].join(" "));
    await terminal.until((it) => it.includes("TOPIC"));
    const screen = await terminal.until((it) => it.includes("What next?"));
    // The lines from before the dashboard are back.
    assertMatch(screen, /^warehouse\/a\d\/temperature\t? /m);
    for (const [, , sent, received, lost] of summary(screen)) {
      assertEquals([sent, received, lost], ["16", "16", "0"]);
    }
  },
);

for (const key of ["q", "C-c"]) {
  testWithout(
    withoutTmux,
    `the warehouse has a dashboard in a terminal, and a page, until ${key}`,
    async () => {
      await using terminal = await Terminal.open({}, 110, 30);
      const [deno, ...args] = demoCommand("--serve=0", "0.05");
      await terminal.run([deno, ...args].join(" "));
      const screen = await terminal.until((it) => it.includes("FIFOBUS_DIR="));
      const bus = /FIFOBUS_DIR=(\S+)/.exec(screen)![1]!;
      const shown = await terminal.until((it) =>
        /^. warehouse\/a7\/temperature +-?\d/m.test(it) && it.includes("http:")
      );
      const [url] = /http:\S+/.exec(shown)!;
      const response = await fetch(`${url}api/topics`);
      const topics: { topic: string }[] = await response.json();
      assert(topics.some((it) => it.topic === "warehouse/a7/temperature"));
      await terminal.press(key);
      await left(bus);
      await terminal.until((it) => !it.includes("TOPIC"));
    },
  );
}
