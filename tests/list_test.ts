/**
 * `sub --list` and `--publishers`: who talks to whom.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { testWithout } from "./harness/needs.ts";
import { eventually, finish, Process, TestBus } from "./harness/process.ts";
import { permissions, ROOT } from "./harness/programs.ts";

const absent = Deno.build.os === "linux" ? [] : ["/proc"];

/** The rows that a list prints. */
async function rows(bus: TestBus, ...args: string[]): Promise<string[][]> {
  const { code, stdout } = await finish(bus.subOnce(...args));
  assertEquals(code, 0);
  return stdout.split("\n").slice(0, -1).map((line) => line.split("\t"));
}

Deno.test("sub --list TOPIC lists the filters that a message would reach, with the commands", async () => {
  await using bus = new TestBus();
  await using one = await bus.sub("w/+/t", "w/#", "other");
  await using two = await bus.sub("w/a/t");
  await using group = await bus.sub("$share/g/w/a/+");
  const list = async (address: string) =>
    (await rows(bus, "--list", address))
      .map(([filter, pid, , command]) => [filter, pid, command]);
  const ones = [`${one.pid}`, "sub w/+/t w/# other"];
  assertEquals(await list("w/a/t"), [
    ["$share/g/w/a/+", `${group.pid}`, "sub $share/g/w/a/+"],
    ["w/#", ...ones],
    ["w/+/t", ...ones],
    ["w/a/t", `${two.pid}`, "sub w/a/t"],
  ]);
  assertEquals(await list("w/b/x"), [["w/#", ...ones]]);
  // A filter is not a topic: only the same filter is listed.
  assertEquals(await list("w/+/t"), [["w/+/t", ...ones]]);
  assertEquals(await list("nobody"), []);
  const json = await finish(bus.subOnce("--list", "--json", "other"));
  const { filter, pid, command } = JSON.parse(json.stdout);
  assertEquals([filter, pid, command], ["other", one.pid, ones[1]]);
});

testWithout(
  absent,
  "sub --publishers lists the programs that have published and still run",
  async () => {
    await using bus = new TestBus();
    const path = await bus.fifo();
    await using subscriber = await bus.sub("w/#", "x");
    await using reader = bus.subOnce(path);
    assertEquals(await rows(bus, "--publishers"), []);
    await using publisher = bus.pub("-l", "w/t");
    await publisher.write("one\n");
    assertEquals(await subscriber.line(), "one");
    await using writer = bus.pub("-l", path);
    await writer.write("two\n");
    assertEquals(await reader.line(), "two");
    const ends = [`${subscriber.pid}`, `${publisher.pid}`, "pub -l w/t"];
    assertEquals(await rows(bus, "--publishers", "w/t"), [["w/#", ...ends]]);
    assertEquals(await rows(bus, "--publishers"), [
      ["w/#", ...ends],
      ["x", ...ends],
    ]);
    assertEquals(await rows(bus, "--publishers", "w/other/#"), []);
    assertEquals(await rows(bus, "--publishers", path), [
      [path, "-", `${writer.pid}`, `pub -l ${path}`],
    ]);
    const json = await finish(bus.subOnce("--publishers", "--json", "x"));
    assertEquals(JSON.parse(json.stdout), {
      filter: "x",
      subscriber: subscriber.pid,
      publisher: publisher.pid,
      command: "pub -l w/t",
    });
    await finish(publisher);
    await eventually(async () =>
      (await rows(bus, "--publishers")).length === 0
    );
  },
);

Deno.test("without a permission to run sh, lists have no commands, and --publishers says why", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("t");
  const options = permissions("sub.ts").filter((it) =>
    !it.startsWith("--allow-run")
  );
  const run = (...args: string[]) =>
    finish(
      new Process([
        ...[Deno.execPath(), "run", "--no-prompt", ...options] as const,
        ...[`${ROOT}sub.ts`, ...args],
      ], bus.env),
    );
  const [filter, pid, , command] = (await run("--list")).stdout.trimEnd()
    .split("\t");
  assertEquals([filter, pid, command], ["t", `${subscriber.pid}`, "-"]);
  const { code, stderr } = await run("--publishers");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "that needs /proc, and --allow-run=sh");
});
