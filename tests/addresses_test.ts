/**
 * Addresses, as the programs take them.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { ROOT } from "./harness/programs.ts";
import { publish, request, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { terminalTest } from "./harness/needs.ts";
import { commandLine, finish, inTerminal, TestBus } from "./harness/process.ts";

Deno.test("the prefix topic: is for topics that look like another kind of address", async () => {
  await using bus = new TestBus();
  for (const topic of ["/a/b", "fifo:a", "tcp://host/a", "topic:a"]) {
    await using subscriber = await bus.sub("-v", "-C2", `topic:${topic}`);
    assertEquals((await finish(bus.pub(`topic:${topic}`, "1"))).code, 0);
    const list = await finish(bus.subOnce("--list", `topic:${topic}`));
    assertEquals(list.stdout.split("\t")[0], topic);
    // In lines of --keyed, a topic needs no prefix.
    await using keyed = bus.pub("--keyed");
    await keyed.write(`${topic}\t2\n`);
    await keyed.end();
    assertEquals((await keyed.ended()).code, 0);
    const { stdout } = await subscriber.ended();
    assertEquals(stdout, `${topic}\t1\n${topic}\t2\n`);
  }
});

Deno.test("the library takes the prefix topic:, too", async () => {
  await using _bus = ownBus();
  for (const topic of ["/a", "./a"]) {
    await using subscriber = await Subscriber.open(`topic:${topic}`);
    const asked = request(`topic:${topic}`, "?");
    const [question] = (await subscriber.read())!;
    assertEquals(question!.topic, topic);
    await question!.reply("!");
    assertEquals((await asked).text, "!");
    await publish(`topic:${topic}`, "1");
    assertEquals((await subscriber.read())![0]!.text, "1");
  }
});

Deno.test("a URL of another scheme is an error, not a topic", async () => {
  await using bus = new TestBus();
  const uses = [
    bus.pub("tcp://host/a", "x"),
    bus.pub("-v", "--timeout", "1", "tcp://host/a", "x"),
    bus.pub("--from", "tcp://host/a", "b"),
    bus.subOnce("tcp://host/a"),
    bus.subOnce("--list", "tcp://host/a"),
  ];
  for (const use of uses) {
    const { code, stderr } = await finish(use);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^(pub|sub): [^\n]*did you mean mqtt:\/\/[^\n]*\n$/);
  }
});

Deno.test("no report shows the password of an address", async () => {
  await using bus = new TestBus();
  const secret = "mqtt://ada:s3cret@127.0.0.1:1";
  const uses = [
    bus.pub(`${secret}/a`, "x"),
    bus.pub(`${secret}/a/#`, "x"),
    bus.pub("--wait", `${secret}/a`, "x"),
    bus.pub("--mode=600", `${secret}/a`, "x"),
    bus.pub("--reply", "--timeout=50ms", `${secret}/a`, "x"),
    bus.pub("--null", "--max-size=1", `${secret}/a`, "xyz"),
    bus.pub("--from", `${secret}/#`, "b"),
    bus.pub("mqtt://ada:s3cret/x@127.0.0.1/a", "x"),
    bus.pub("mqtt://ada:12#s3cret@127.0.0.1/a", "x"),
    bus.subOnce(`${secret}/a`),
    bus.subOnce("--list", `${secret}/a`),
    bus.subOnce(`${secret}/a/#/b`),
  ];
  for (const use of uses) {
    const { code, stderr } = await finish(use);
    assert(code !== 0, stderr);
    assert(!stderr.includes("s3cret"), stderr);
  }
});

Deno.test("a topic that is also the name of a FIFO gets a hint, and nothing else does", async () => {
  await using bus = new TestBus();
  await bus.fifo("mypipe");
  await Deno.mkdir(bus.file("a"));
  await bus.fifo("a/b");
  await Deno.writeTextFile(bus.file("regular"), "");
  // Deno resolves the paths of permissions from the working folder.
  const run = (name: "pub" | "sub", ...args: string[]) => {
    const [deno, ...rest] = commandLine(name, ...args);
    return finish(bus.sh('cd "$0" && exec "$@"', bus.path, deno, ...rest));
  };
  const hint = (name: string, topic: string) =>
    `${name}: "${topic}" is a topic; the FIFO of that name is ./${topic}\n`;
  const cases: [name: "pub" | "sub", args: string[], stderr: string][] = [
    ["pub", ["mypipe", "x"], hint("pub", "mypipe")],
    ["pub", ["a/b", "x"], hint("pub", "a/b")],
    ["sub", ["-W10ms", "#", "mypipe"], hint("sub", "mypipe")],
    ["pub", ["-q", "mypipe", "x"], ""],
    ["pub", ["topic:mypipe", "x"], ""],
    ["pub", ["regular", "x"], ""],
    ["pub", ["other", "x"], ""],
    ["sub", ["-W10ms", "./mypipe"], ""],
  ];
  for (const [name, args, stderr] of cases) {
    assertEquals((await run(name, ...args)).stderr, stderr, args.join(" "));
  }
});

terminalTest("a hint asks for no permission", async () => {
  await using bus = new TestBus();
  await bus.fifo("mypipe");
  const args = [
    ...["run", "--quiet", "--allow-env", "--allow-sys=uid"],
    ...["--allow-run=mkfifo", `--allow-write=${bus.env.FIFOBUS_DIR}`],
    `--allow-read=${bus.env.FIFOBUS_DIR},${ROOT}`,
    ...[`--config=${ROOT}deno.json`, `${ROOT}pub.ts`, "mypipe", "x"],
  ];
  const line = 'cd "$0" && FIFOBUS_DIR=$0/bus exec "$@"';
  const { code, stdout } = await finish(
    inTerminal("sh", "-c", line, bus.path, Deno.execPath(), ...args),
  );
  assertEquals([code, stdout], [0, ""]);
});

Deno.test("pub -v and sub --list say which folder is the bus", async () => {
  await using bus = new TestBus();
  const said = (name: string) => `${name}: the bus is ${bus.env.FIFOBUS_DIR}\n`;
  const list = await finish(bus.subOnce("--list"));
  assertEquals([list.stdout, list.stderr], ["", said("sub")]);
  const path = await bus.fifo();
  assertEquals((await finish(bus.subOnce("--list", path))).stderr, "");
  const verbose = await finish(bus.pub("-v", "t", "x"));
  assert(verbose.stderr.startsWith(said("pub")), verbose.stderr);
  assertEquals((await finish(bus.pub("-q", "t", "x"))).stderr, "");
});
