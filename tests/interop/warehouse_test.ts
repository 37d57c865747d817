/**
 * The warehouse, as `deno task demo` and `deno task warehouse` run it.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { type Command, LANGUAGES, ROOT } from "../../examples/_programs.ts";
import { eventually, inTerminal, Process } from "../_process.ts";
import { terminalTest } from "../_needs.ts";
import { languageTest } from "./_languages.ts";

const DEMO = `${ROOT}examples/warehouse/demo.ts`;

function demoCommand(...args: string[]): Command {
  return [Deno.execPath(), "run", "--allow-all", DEMO, ...args];
}

/** What the summary says: aisle, language, sent, received, lost. */
function summary(output: string): string[][] {
  return [...output.matchAll(/^(a\d) +(\S+) +(\d+) +(\d+) +(\d+)\r?$/gm)]
    .map((row) => row.slice(1));
}

/** The processes that were given this bus. */
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
    assertEquals(summary(stdout), expected);
    assertMatch(stdout, /^warehouse\/a1\/temperature\t2[012]\.\d$/m);
    assertMatch(
      stdout,
      /alarms: 1\nwarehouse\/a7\/alarm\t25\.2 °C, more than 25\n$/,
    );
  },
);

terminalTest(
  "the warehouse ends on Ctrl-C, and leaves nothing behind",
  async () => {
    await using demo = inTerminal(...demoCommand("0.05"));
    const bus = /FIFOBUS_DIR=(\S+)/.exec(await demo.until("sub.ts"))![1]!;
    for (let i = 0; i < 3; i++) {
      await demo.until("warehouse/a7/temperature\t");
    }
    assert(Deno.build.os !== "linux" || membersOf(bus).length > 3);
    await demo.write("\x03");
    const { code, stdout } = await demo.ended();
    assertEquals([code, summary(stdout).at(-1)![1]], [0, "sh"]);
    for (const [, , sent, received, lost] of summary(stdout)) {
      assertEquals([received, lost], [sent, "0"]);
    }
    await eventually(() => {
      try {
        Deno.statSync(bus);
        return false;
      } catch {
        return Deno.build.os !== "linux" || membersOf(bus).length === 0;
      }
    });
  },
);
