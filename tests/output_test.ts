/**
 * How `sub` prints a message.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { parseFormat } from "../lib/cli/format.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { terminalTest } from "./harness/needs.ts";
import {
  commandLine,
  finish,
  inTerminal,
  sh,
  TestBus,
} from "./harness/process.ts";
import { written } from "./harness/written.ts";

/** The output of `sub` for messages that were retained before it starts. */
async function printed(
  bus: TestBus,
  messages: Record<string, string>,
  ...args: string[]
): Promise<string> {
  for (const [topic, message] of Object.entries(messages)) {
    await finish(bus.pub("--retain", "--", topic, message));
  }
  const sub = await finish(bus.subOnce("--retained-only", ...args, "#"));
  assertEquals([sub.code, sub.stderr], [0, ""]);
  return sub.stdout;
}

Deno.test("sub --format prints the values of its directives", async () => {
  await using bus = new TestBus();
  const format = "%n %t: %p (%l) %x %b %r[%R] 100%%\\t\\\\ ü";
  assertEquals(
    await printed(bus, { "a/b": "21,5 °C" }, "-F", format),
    "1 a/b: 21,5 °C (9) 32312c3520c2b043 MjEsNSDCsEM= 1[] 100%\t\\ ü\n"
      .replace("(9)", "(8)"),
  );
  assertMatch(
    await printed(bus, {}, "--format=%I %U %@s %@F %@T"),
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+\.\d{3} \d+ [\d-]{10} [\d:]{8}\n$/,
  );
});

Deno.test("formats know the fields of strftime", async () => {
  const time = new Date(2026, 1, 3, 4, 5, 6, 7);
  const cases: Record<string, string> = {
    "%@Y-%@m-%@d": "2026-02-03",
    "%@H:%@M:%@S.%@N": "04:05:06.007000000",
    "%@I %@p|%@e|%@y": "04 AM| 3|26",
    "%@a %@A %@b %@B": "Tue Tuesday Feb February",
    "%@j %@u %@%": "034 2 %",
    "%@F %@T": "2026-02-03 04:05:06",
    "%@s": `${time.getTime() / 1000 | 0}`,
  };
  const message = new WireMessage("t", new Uint8Array());
  const text = (format: string) =>
    new TextDecoder().decode(
      written(parseFormat(format)!, { message, time, sequence: 1 }),
    );
  for (const [format, expected] of Object.entries(cases)) {
    assertEquals(text(format), expected);
  }
  const date = await finish(
    sh('date -d "2026-02-03 04:05:06" +%z 2>/dev/null'),
  );
  if (date.code === 0) assertEquals(`${text("%@z")}\n`, date.stdout);
});

Deno.test("sub refuses a format with an unknown directive", async () => {
  await using bus = new TestBus();
  for (const format of ["%y", "100%", "%@Q", "%@", "\\q", "a\\"]) {
    const { code, stderr } = await finish(bus.subOnce("-F", format, "t"));
    assertEquals(code, 2);
    assert(stderr.includes(`not "${format}"`), stderr);
  }
});

Deno.test("sub --json prints an object on a line, sub --parse puts JSON into it", async () => {
  await using bus = new TestBus();
  const values = {
    "a": '{"celsius": 21.5}',
    "b": "exit\u2028<b>",
    "c": "1e400",
  };
  const lines = (await printed(bus, values, "--json")).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertMatch(lines[0].time, /^\d{4}-.*Z$/);
  const common = { retained: true, time: lines[0].time };
  assertEquals(lines, [
    { ...common, topic: "a", sequence: 1, length: 17, message: values.a },
    { ...common, topic: "b", sequence: 2, length: 10, message: values.b },
    { ...common, topic: "c", sequence: 3, length: 5, message: values.c },
  ]);
  const parsed = await printed(bus, {}, "--json", "--parse");
  assertMatch(parsed, /"message":\{"celsius": 21\.5\}\}\n/);
  assertMatch(parsed, /"message":1e400\}\n/);
  assertMatch(parsed, /"message":"exit\\u2028<b>"\}\n/);
});

Deno.test("sub --json prints bytes that are not text as base64", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("--json", "-C", "1", "t");
  await finish(
    bus.sh('printf "\\377\\n" | "$@"', "sh", ...commandLine("pub", "t")),
  );
  const { base64, message } = JSON.parse(await subscriber.line());
  assertEquals([base64, message], ["/w==", undefined]);
});

Deno.test("sub --json and --parse keep a byte order mark", async () => {
  await using bus = new TestBus();
  const values = { "a": '\ufeff{"celsius": 21.5}' };
  for (const args of [["--json"], ["--json", "--parse"]]) {
    const line = JSON.parse(await printed(bus, values, ...args));
    assertEquals([line.message, line.length], [values.a, 20]);
  }
});

Deno.test("sub --parse quotes JSON that is nested too deeply for other programs", async () => {
  await using bus = new TestBus();
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const brackets = JSON.stringify("[".repeat(300) + '\\"{'.repeat(300));
  const values = {
    a: nested(250),
    b: nested(251),
    c: nested(50_000),
    d: brackets,
    e: `[${Array(300).fill("[]")}]`,
  };
  const lines = await printed(bus, values, "--json", "--parse");
  const found = lines.trimEnd().split("\n").map((line) =>
    line.slice(line.indexOf('"message":') + '"message":'.length, -1)
  );
  assertEquals(found, [
    values.a,
    JSON.stringify(values.b),
    JSON.stringify(values.c),
    brackets,
    values.e,
  ]);
});

Deno.test("sub --raw prints bytes and nothing else", async () => {
  await using bus = new TestBus();
  const values = { "a": "one", "b": "two" };
  assertEquals(await printed(bus, values, "--raw"), "onetwo");
});

Deno.test("sub --filter-out leaves topics out, and does not count their messages", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-v", "-C2", "-Ta/#", "-Tb", "#");
  await using publisher = bus.pub("--keyed");
  await publisher.write("a/x\texit\nb\t2\nc\t3\na\t4\nb/c\t5\nc\t6\n");
  await publisher.end();
  assertEquals((await subscriber.ended()).stdout, "c\t3\nb/c\t5\n");
});

Deno.test("sub --stats counts on standard error", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("--exit-word=exit", "--stats", "t");
  await using publisher = bus.pub("t");
  await publisher.write("one\ntwo\nexit\n");
  await publisher.end();
  const { stdout, stderr } = await subscriber.ended();
  assertEquals(stdout, "one\ntwo\n");
  assertMatch(
    stderr,
    /sub: 2 messages, 6 B in \d+\.\d s: \d+ messages\/s, [\d.]+ k?B\/s\n$/,
  );
});

Deno.test("sub --color prints colors if asked to", async () => {
  await using bus = new TestBus();
  const values = { "a": "one" };
  const colored = "\x1b[36ma\x1b[39m\tone\n";
  assertEquals(await printed(bus, values, "-v"), "a\tone\n");
  assertEquals(await printed(bus, {}, "-v", "--color=always"), colored);
  assertEquals(await printed(bus, {}, "-v", "--color", "never"), "a\tone\n");
});

terminalTest(
  "sub on a terminal colors topics, and shows control characters in all it prints",
  async () => {
    await using bus = new TestBus();
    await printed(bus, { "t": "a\x1b[2Jb\x9b" });
    const plain = "t\ta^[[2Jb<U+009B>\r\n";
    const outputs: [args: string[], expected: string, noColor?: string][] = [
      [["-v"], plain, "1"],
      [["-v"], "\x1b[36mt\x1b[39m\ta^[[2Jb<U+009B>\r\n"],
      [["-v", "--color=never"], plain],
      [["-F", "\\e[1m%p\\e[m"], "\x1b[1ma^[[2Jb<U+009B>\x1b[m\r\n"],
      [["-F", "%j"], '"message":"a\\u001b[2Jb\\u009b"}\r\n'],
      [["--json"], '"message":"a\\u001b[2Jb\\u009b"}\r\n'],
    ];
    for (const [args, expected, noColor = ""] of outputs) {
      await using subscriber = inTerminal(
        ...["env", `NO_COLOR=${noColor}`, `FIFOBUS_DIR=${bus.env.FIFOBUS_DIR}`],
        ...commandLine("sub", "--retained-only", ...args, "#"),
      );
      const { stdout } = await subscriber.ended();
      assert(stdout.endsWith(expected), stdout);
    }
  },
);
