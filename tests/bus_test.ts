/**
 * Topics, by real processes.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { withoutPython } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  type Process,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

const EXAMPLES = new URL("../examples/topics/", import.meta.url).pathname;

waiting.test("every subscriber gets every message that one of its filters matches", async () => {
  await using bus = new TestBus();
  await using one = await bus.sub(
    "--exit-word=exit",
    "-v",
    "warehouse/+/temperature",
    "alarm/#",
  );
  await using two = await bus.sub(
    "--exit-word=exit",
    "warehouse/#",
    "warehouse/a1/+",
    "#",
  );
  await finish(bus.pub("warehouse/a1/temperature", "21.5"));
  await finish(bus.pub("alarm", "hot"));
  await finish(bus.pub("warehouse/a1/humidity", "40"));
  await finish(bus.pub("alarm/a1", "exit"));
  assertEquals(
    (await one.ended()).stdout,
    "warehouse/a1/temperature\t21.5\nalarm\thot\n",
  );
  assertEquals((await two.ended()).stdout, "21.5\nhot\n40\n");
  await eventually(() => bus.names().length === 0);
});

waiting.test("a publish to nobody is dropped with code 0, and -v says so", async () => {
  await using bus = new TestBus();
  const quiet = { code: 0, signal: null, stdout: "", stderr: "" };
  assertEquals(await finish(bus.pub("nobody", "x")), quiet);
  const { code, stderr } = await finish(bus.pub("-v", "nobody", "x"));
  assertEquals([code, stderr], [
    0,
    `pub: the bus is ${bus.env.FIFOBUS_DIR}\n` +
    "pub: 1 message published, heard by nobody\n",
  ]);
});

waiting.test("pub --wait=N waits for N subscribers, and --timeout limits the wait", async () => {
  await using bus = new TestBus();
  await using publisher = bus.pub("--wait=2", "news", "hello");
  await using one = await bus.sub("news");
  await using two = await bus.sub("#");
  assertEquals(await one.line(), "hello");
  assertEquals(await two.line(), "hello");
  assertEquals((await publisher.ended()).code, 0);
  const late = await finish(
    bus.pub("--wait", "--timeout", "30ms", "other/topic", "x"),
  );
  // The subscriber to "#" counts, too.
  assertEquals(late.code, 0);
  const none = await finish(bus.pub("--wait=2", "--timeout=30ms", "z", "x"));
  assertEquals([none.code, none.stderr], [
    124,
    'pub: Cannot publish to "z": 1 of 2 subscribers are there, waited 30 ms\n',
  ]);
});

waiting.test("a long-lived pub sees subscribers come and go", async () => {
  await using bus = new TestBus();
  await using publisher = bus.pub("-l", "t");
  let round = 0;
  for (; round < 3; round++) {
    await using subscriber = await bus.sub("-C", "1", "t");
    // pub sees it after 10 ms at most; earlier messages are dropped.
    let seen = false;
    const line = subscriber.line().finally(() => seen = true);
    while (!seen) await publisher.write(`${round}\n`);
    assertEquals(await line, `${round}`);
    await subscriber.ended();
  }
  await publisher.end();
  assertEquals((await publisher.ended()).code, 0);
});

waiting.test("large messages and NUL framing go to topics too", async () => {
  await using bus = new TestBus();
  await using lines = await bus.sub("-C", "2", "t");
  await using nuls = await bus.sub("--null", "-C", "3", "t");
  const large = "x".repeat(300_000);
  await Deno.writeTextFile(bus.file("large"), large);
  assertEquals(
    (await finish(bus.pub("--file", bus.file("large"), "t"))).code,
    0,
  );
  const { code, stderr } = await finish(bus.pub("--null", "t", "two\nlines"));
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /subscriber [0-9a-z-]+: it takes no messages that hold a/,
  );
  await finish(bus.pub("--null", "t", "last"));
  assertEquals((await lines.ended()).stdout, `${large}\nlast\n`);
  assertEquals((await nuls.ended()).stdout, `${large}\0two\nlines\0last\0`);
});

waiting.test("four publishers reach ten subscribers, of which one is killed and one is stopped", async () => {
  await using bus = new TestBus();
  const count = 2000;
  const subscribers: Process[] = [];
  await using _all = disposing(subscribers);
  for (let i = 0; i < 10; i++) {
    subscribers.push(await bus.sub("--exit-word=exit", "load/#"));
  }
  const [killed, stopped, ...healthy] = subscribers as [
    Process,
    Process,
    ...Process[],
  ];
  const ended = healthy.map((subscriber) => subscriber.ended());
  const publishers = ["a", "b", "c", "d"].map(async (name) => {
    const lines = Array.from({ length: count }, (_, i) => `${name} ${i}`);
    const file = bus.file(name);
    await Deno.writeTextFile(file, lines.join("\n"));
    return await finish(
      bus.pub("--slow-timeout", "3", "--file", file, `load/${name}`),
    );
  });
  stopped.kill("SIGSTOP");
  killed.kill("SIGKILL");
  await killed.ended();
  for (const { code } of await Promise.all(publishers)) assertEquals(code, 0);
  // This publisher removes the names of the killed subscriber.
  await finish(bus.pub("load/end", "exit"));
  for (const { code, stdout } of await Promise.all(ended)) {
    assertEquals(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.length, 4 * count);
    for (const name of ["a", "b", "c", "d"]) {
      assertEquals(
        lines.filter((line) => line.startsWith(name)),
        Array.from({ length: count }, (_, i) => `${name} ${i}`),
      );
    }
  }
  await eventually(() => bus.names().length === 1);
  stopped.kill("SIGCONT");
});

waiting.test("only a stopped subscriber loses messages, and the publisher counts and reports them", async () => {
  await using bus = new TestBus();
  await using stopped = await bus.sub("--no-exit-word", "t");
  await using healthy = await bus.sub("-C", "5000", "t");
  stopped.kill("SIGSTOP");
  const lines = Array.from({ length: 5000 }, (_, i) => `message number ${i}`);
  await Deno.writeTextFile(bus.file("lines"), lines.join("\n"));
  const printed = healthy.ended();
  const { code, stderr } = await finish(
    bus.pub("--slow-timeout", "2", "--file", bus.file("lines"), "t"),
  );
  assertEquals(code, 0);
  assertEquals((await printed).stdout.trimEnd().split("\n"), lines);
  const [first, last] = stderr.trimEnd().split("\n");
  assertMatch(
    first!,
    /^pub: dropping messages for subscriber \d+-[0-9a-z-]+: it does not read$/,
  );
  const dropped = Number(/^pub: (\d+) messages dropped for/.exec(last!)![1]);
  stopped.kill("SIGCONT");
  const kept = lines.slice(0, lines.length - dropped);
  const rest = await stopped.until(`${kept.at(-1)}\n`);
  assertEquals(rest.trimEnd().split("\n"), kept);
});

waiting.test("subscribers that join and leave during a stream get runs without a gap", async () => {
  await using bus = new TestBus();
  await using publisher = bus.pub("-l", "t");
  let stop = false;
  const feeding = (async () => {
    for (let i = 0; !stop; i++) await publisher.write(`${i}\n`);
    await publisher.end();
  })().catch(() => "the test has failed");
  for (let round = 0; round < 4; round++) {
    const joining = Array.from(
      { length: 20 },
      () => finish(bus.subOnce("-C", "20", "t")),
    );
    for (const { code, stdout, stderr } of await Promise.all(joining)) {
      const numbers = stdout.trimEnd().split("\n").map(Number);
      assertEquals([code, numbers.length], [0, 20], stderr);
      assertEquals(numbers, numbers.map((_, i) => numbers[0]! + i));
    }
  }
  stop = true;
  await feeding;
  assertEquals((await publisher.ended()).code, 0);
});

waiting.test("the next publisher notices a killed subscriber, and removes its names", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("a", "b/+");
  subscriber.kill("SIGKILL");
  await subscriber.ended();
  assertEquals(bus.names().length, 2);
  assertEquals((await finish(bus.subOnce("--list"))).stdout, "");
  assertEquals(await finish(bus.pub("a", "x")), {
    code: 0,
    signal: null,
    stdout: "",
    stderr: "",
  });
  assertEquals([...Deno.readDirSync(bus.env.FIFOBUS_DIR!)], []);
});

waiting.test("the FIFO of a subscriber that died before it had a name is removed", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("t", "makes the folder"));
  const orphan = `${bus.env.FIFOBUS_DIR}/.123-dead`;
  const young = `${bus.env.FIFOBUS_DIR}/.124-young`;
  await finish(bus.sh('mkfifo "$0" "$1"', orphan, young));
  await Deno.utime(orphan, new Date(0), new Date(0));
  await using subscriber = await bus.sub("--exit-word=exit", "t");
  await finish(bus.pub("t", "exit"));
  assertEquals((await subscriber.ended()).code, 0);
  const left = [...Deno.readDirSync(bus.env.FIFOBUS_DIR!)];
  assertEquals(left.map(({ name }) => name), [".124-young"]);
});

waiting.test("a message over the limit of a subscriber ends only that subscriber", async () => {
  await using bus = new TestBus();
  await using strict = await bus.sub("--max-size=10", "t");
  await using other = await bus.sub("t");
  await finish(bus.pub("t", "0123456789"));
  await finish(bus.pub("t", "0123456789A"));
  const { code, stdout, stderr } = await strict.ended();
  assertEquals([code, stdout], [1, "0123456789\n"]);
  assertEquals(
    stderr,
    'sub: Cannot read a message to "t": the message is 11 bytes, ' +
      "the limit is 10\n",
  );
  await other.until("A\n");
});

waiting.test("last values come first to a new subscriber, until they are cleared", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("--retain", "w/a", "1"));
  await finish(bus.pub("-r", "w/a", "2"));
  await finish(bus.pub("-r", "w/b", "3"));
  await finish(bus.pub("-r", "x", "4"));
  const retained = await finish(bus.subOnce("-v", "--retained-only", "w/#"));
  assertEquals([retained.code, retained.stdout], [0, "w/a\t2\nw/b\t3\n"]);
  await using all = await bus.sub("--exit-word=exit", "w/#");
  await using fresh = await bus.sub("--exit-word=exit", "-R", "w/#");
  await finish(bus.pub("w/b", "live"));
  await finish(bus.pub("-r", "w/a", ""));
  await finish(bus.pub("w/a", "exit"));
  assertEquals((await all.ended()).stdout, "2\n3\nlive\n\n");
  assertEquals((await fresh.ended()).stdout, "live\n\n");
  const after = await finish(bus.subOnce("-v", "--retained-only", "#"));
  assertEquals(after.stdout, "w/b\t3\nx\t4\n");
});

waiting.test("sub --list shows the subscribers and their filters", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("b/#", "a");
  const { stdout } = await finish(bus.subOnce("--list"));
  const rows = stdout.trimEnd().split("\n").map((row) => row.split("\t"));
  assertEquals(rows.map(([filter]) => filter), ["a", "b/#"]);
  assertEquals(rows.map(([, pid]) => pid), Array(2).fill(`${subscriber.pid}`));
  for (const [, , since] of rows) assert(Date.parse(since!) <= Date.now());
  const json = await finish(bus.subOnce("--list", "--json", "a"));
  const { filter, pid } = JSON.parse(json.stdout);
  assertEquals([filter, pid], ["a", subscriber.pid]);
});

waiting.test("plain shell tools rewire topics: sub --keyed, a filter, pub --keyed", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-v", "out/#");
  const [from, to] = [["sub", "--exit-word=exit", "--keyed", "in/#"], [
    "pub",
    "-l",
    "--keyed",
  ]]
    .map(([name, ...args]) =>
      commandLine(name as "pub" | "sub", ...args).map((it) => `'${it}'`).join(
        " ",
      )
    );
  await using pipeline = bus.sh(`${from} | sed -u 's|^in/|out/|' | ${to}`);
  await eventually(() => bus.names().length === 2);
  await finish(bus.pub("in/a", "1"));
  await finish(bus.pub("in/b/c", "two words"));
  assertEquals(await subscriber.line(), "out/a\t1");
  assertEquals(await subscriber.line(), "out/b/c\ttwo words");
  await finish(bus.pub("in/a", "exit"));
  assertEquals((await pipeline.ended()).code, 0);
  const { code, stderr } = await (async () => {
    await using bad = bus.pub("--keyed");
    await bad.write("a\t1\nno tab\n");
    await bad.end();
    return await bad.ended();
  })();
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    'there is no tab between topic and message: "no',
  );
});

waiting.testWithout(
  withoutPython,
  "plain programs join: a publisher in shell, a subscriber in Python",
  async () => {
    await using bus = new TestBus();
    await using ours = await bus.sub("warehouse/+/temperature");
    await using rest = await bus.sub("--exit-word=exit", "warehouse/#");
    await using other = await bus.sub("--exit-word=exit", "alarm");
    await using python = bus.sh(
      'exec python3 "$0" sub "$1"',
      `${EXAMPLES}fifobus.py`,
      "+/a1/#",
    );
    await eventually(() => bus.names().length === 4);
    const publish = (...args: string[]) =>
      finish(bus.sh('sh "$0" "$@"', `${EXAMPLES}publish.sh`, ...args));
    assertEquals((await publish("warehouse/a1/temperature", "21.5")).code, 0);
    assertEquals(await ours.line(), "21.5");
    assertEquals(await rest.line(), "21.5");
    assertEquals(await python.line(), "warehouse/a1/temperature\t21.5");
    await finish(bus.pub("warehouse/a1", "from pub"));
    assertEquals(await python.line(), "warehouse/a1\tfrom pub");
    await publish("alarm", "exit");
    assertEquals((await other.ended()).stdout, "");
    await finish(bus.pub("warehouse/a1", "exit"));
    assertEquals(await python.line(), "warehouse/a1\texit");
    python.kill("SIGTERM");
    assertEquals((await python.ended()).code, 143);
    assertEquals((await rest.ended()).stdout, "from pub\n");
  },
);

waiting.test("the programs refuse a bus that others could change, or that is a symbolic link", async () => {
  await using bus = new TestBus();
  const folder = bus.env.FIFOBUS_DIR!;
  await Deno.mkdir(folder);
  await Deno.chmod(folder, 0o777);
  const open = await finish(bus.pub("t", "x"));
  assertEquals([open.code, open.stderr], [
    1,
    `pub: Cannot use "${folder}" as the bus: others may write to it (mode 777); ` +
    "chmod go-w it, or allow that with --mode 777\n",
  ]);
  assertEquals((await finish(bus.pub("--mode", "777", "t", "x"))).code, 0);
  await Deno.remove(folder);
  await Deno.mkdir(bus.file("elsewhere"));
  await Deno.symlink(bus.file("elsewhere"), folder);
  const link = await finish(bus.subOnce("t"));
  assertEquals([link.code, link.stderr], [
    1,
    `sub: Cannot use "${folder}" as the bus: it is not a folder\n`,
  ]);
});

waiting.test("--keyed -v counts the messages of each topic that nobody heard", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C", "2", "heard");
  await using publisher = bus.pub("--keyed", "-v");
  await publisher.write("heard\t1\nunheard\t2\nunheard\t3\nheard\t4\n");
  await publisher.end();
  assertEquals(
    (await publisher.ended()).stderr,
    `pub: the bus is ${bus.env.FIFOBUS_DIR}\n` +
      "pub: 4 messages published to 1 subscriber, 2 of them " +
      "heard by nobody\n",
  );
  assertEquals((await subscriber.ended()).stdout, "1\n4\n");
});

waiting.test("a symbolic link in the place of a FIFO is not followed", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("t", "makes the folder"));
  const victim = await bus.fifo("victim");
  const file = Deno.openSync(victim, { read: true, write: true });
  await Deno.symlink(victim, `${bus.env.FIFOBUS_DIR}/t@1`);
  assertEquals(
    (await finish(bus.pub("-v", "t", "x"))).stderr,
    `pub: the bus is ${bus.env.FIFOBUS_DIR}\n` +
      "pub: 1 message published, heard by nobody\n",
  );
  file.close();
});

function disposing(processes: Process[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      for (const process of processes) await process[Symbol.asyncDispose]();
    },
  };
}
