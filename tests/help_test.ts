/**
 * `--help`, as the programs print it.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { EXIT_CODES } from "../lib/cli/exit_codes.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import type { OptionTable } from "../lib/cli/options/table.ts";
import { commandLine, finish, Process } from "./harness/process.ts";

const PROGRAMS: ["pub" | "sub", OptionTable][] = [
  ["pub", PUB.options],
  ["sub", SUB.options],
];

for (const [name, options] of PROGRAMS) {
  Deno.test(`${name} -h fits on a screen, and says what has it all`, async () => {
    const brief = commandLine(name, "-h");
    const { code, stdout, stderr } = await finish(new Process(brief));
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.split("\n");
    assert(lines.length <= 25, stdout);
    assertEquals(lines.filter((it) => it.length > 80), []);
    assertMatch(stdout, /^Usage: (pub|sub) /);
    assertMatch(stdout, /^ +--help +print/m);
    for (const [, long] of stdout.matchAll(/--([a-z-]+)/g)) {
      assert(Object.hasOwn(options, long!), long);
    }
  });

  Deno.test(`${name} --help names every option and exit code, and no other`, async () => {
    const help = commandLine(name, "--help");
    const { code, stdout, stderr } = await finish(new Process(help));
    assertEquals([code, stderr], [0, ""]);
    const named = [...stdout.matchAll(/^ +(?:-(.), )?--([a-z-]+)/gm)]
      .map(([, short, long]) => [long, short]);
    const expected = Object.entries(options)
      .map(([long, { short }]) => [long, short]);
    assertEquals(named.toSorted(), expected.toSorted());
    const codes = stdout.split("\nExit codes:\n")[1]!.split("\n\n")[0]!;
    assertEquals(
      [...codes.matchAll(/^ +(\d+)/gm)].map(([, code]) => Number(code)),
      EXIT_CODES.map(([code]) => code),
    );
  });
}
