/**
 * `sub ADDRESS -- COMMAND`, which subscribes first, and `sub --ready`.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { Folder } from "./harness/folder.ts";
import {
  commandLine,
  eventually,
  finish,
  quoted,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A command line of our publisher, for the shell. */
const PUB = quoted(commandLine("pub"));

/** Runs a line of shell behind `--`, to its end. */
async function run(bus: TestBus, args: string[], line: string) {
  const process = bus.subOnce(...args, "--", "sh", "-c", line);
  return await finish(process);
}

waiting.test("sub -- COMMAND listens before the command starts; messages alone are its output", async () => {
  await using bus = new TestBus();
  const line = `echo printed; ${PUB} --no-wait answer 42; echo failed >&2`;
  const { code, stdout, stderr } = await run(
    bus,
    ["-C1", "-W60", "answer"],
    line,
  );
  assertEquals([code, stdout], [0, "42\n"]);
  assertEquals(stderr, "printed\nfailed\n");
});

waiting.test("the command has the standard input of sub, and its own options", async () => {
  await using bus = new TestBus();
  await using subscriber = bus.subOnce(
    ...["-C1", "t", "--", ...commandLine("pub"), "--no-wait", "-s", "t"],
  );
  await subscriber.write("from standard input\n");
  await subscriber.end();
  const { code, stdout } = await subscriber.ended();
  assertEquals([code, stdout], [0, "from standard input\n"]);
});

waiting.test("what ends sub -- COMMAND, and its exit code", async () => {
  const cases: [args: string[], line: string, code: number, out: string][] = [
    // A command that fails ends the wait, with its code.
    [["-C1", "t"], "exit 7", 7, ""],
    [["-C1", "-W60", "t"], "kill -TERM $$", 143, ""],
    // The message counts more than the command.
    [["-C1", "t"], `${PUB} t 1; exit 7`, 0, "1\n"],
    // Without an end of its own, sub ends with the command.
    [["t"], `${PUB} t 1; ${PUB} t 2`, 0, "1\n2\n"],
    [["t"], `${PUB} t 1; exit 3`, 3, "1\n"],
    // A command that succeeds is no answer.
    [["-C1", "-W0.1", "t"], "true", 124, ""],
    // The time is over: the command ends, too.
    [["-C1", "-W0.1", "t"], "exec sleep 1000", 124, ""],
  ];
  await using bus = new TestBus();
  for (const [args, line, code, stdout] of cases) {
    const ended = await run(bus, args, line);
    assertEquals([ended.code, ended.stdout], [code, stdout], line);
  }
  const missing = await finish(bus.subOnce("t", "--", "no-such-command"));
  assertEquals(missing.code, 127);
  assertStringIncludes(missing.stderr, "no-such-command");
});

waiting.test("sub waits for a command that still runs when the messages are there", async () => {
  await using bus = new TestBus();
  const path = await bus.fifo("go");
  await using subscriber = bus.subOnce(
    ...["-C1", "t", "--", "sh", "-c"],
    `${PUB} t 1; cat '${path}' > /dev/null; echo done >&2`,
  );
  assertEquals(await subscriber.line(), "1");
  await eventually(() => bus.names().length === 0);
  await finish(bus.sh('echo > "$0"', path));
  const { code, stderr } = await subscriber.ended();
  assertEquals([code, stderr], [0, "done\n"]);
});

waiting.test("a signal that ends sub ends the command, and sub waits for it", async () => {
  await using bus = new TestBus();
  const line = `trap 'echo ended >&2; exit 0' TERM
    ${PUB} t started; while :; do sleep 0.01; done`;
  for (const [name, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    await using subscriber = bus.subOnce("t", "--", "sh", "-c", line);
    assertEquals(await subscriber.line(), "started");
    subscriber.kill(name);
    const ended = await subscriber.ended();
    assertEquals([ended.code, ended.stderr], [code, "ended\n"]);
    assertEquals(bus.names(), []);
  }
});

waiting.test("-- before the addresses starts no command, and lists take none", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C1", "--", "-odd");
  await finish(bus.pub("--", "-odd", "1"));
  assertEquals((await subscriber.ended()).stdout, "1\n");
  for (const option of ["--list", "--topics", "--dashboard", "--publishers"]) {
    const ended = await finish(bus.subOnce(option, "t", "--", "true"));
    assertEquals(ended.code, 2, option);
    assertStringIncludes(
      ended.stderr,
      `COMMAND and ${option} exclude each other`,
    );
  }
});

waiting.test("sub --ready FILE tells a script that it listens", async () => {
  await using bus = new TestBus();
  const ready = await bus.fifo("ready");
  await using script = bus.sh(
    'a="$1" b="$2"; shift 2; "$@" > "$b" & read -r line < "$a"; ' +
      `${PUB} --no-wait t 1; wait $!; cat "$b"`,
    "sh",
    ready,
    bus.file("out"),
    ...commandLine("sub", "-C1", "--ready", ready, "t"),
  );
  const { code, stdout, stderr } = await script.ended();
  assertEquals([code, stdout, stderr], [0, "1\n", ""]);
});

waiting.test("sub --ready makes a file, adds to one, and writes to a descriptor", async () => {
  await using bus = new TestBus();
  const file = bus.file("ready");
  for (const expected of ["\n", "\n\n"]) {
    const ended = await finish(bus.subOnce("-W0", "--ready", file, "t"));
    assertEquals(ended.code, 124, ended.stderr);
    assertEquals(await Deno.readTextFile(file), expected);
  }
  const descriptor = bus.sh(
    '{ "$0" "$@" 3>&1 >&4 | od -An -c; } 4>&1',
    ...commandLine("sub", "-W0", "--ready", "/dev/fd/3", "t"),
  );
  assertEquals((await finish(descriptor)).stdout.trim(), "\\n");
  const wrong = await finish(
    bus.subOnce("--ready", `${file}/x`, "-C1", "t"),
  );
  assertEquals([wrong.code, wrong.stdout], [1, ""]);
  assertStringIncludes(wrong.stderr, `Cannot write to --ready "${file}/x"`);
  assertEquals(bus.names(), []);
});

waiting.test("a signal ends sub that waits for the reader of --ready", async () => {
  await using folder = new Folder();
  await using bus = new TestBus();
  const ready = await folder.fifo();
  await using subscriber = await bus.sub("--ready", ready, "t");
  subscriber.kill("SIGTERM");
  const { code } = await subscriber.ended();
  assert(code === 143);
  assertEquals(bus.names(), []);
});
