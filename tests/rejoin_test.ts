/**
 * Subscribers whose names, FIFO or folder are removed join again, or end with an
 * error.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { FifobusError, Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { isThere } from "./harness/needs.ts";
import {
  eventually,
  finish,
  Process,
  repeatUntil,
  sh,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** Damages to the bus, as lines of shell that run in its folder. */
const LOSSES: Record<string, string> = {
  "a name": "rm -- ./*@*",
  "the hidden name": "rm .[!.]*",
  "all names": "rm -- .[!.]* ./*@*",
  "the folder": 'cd / && rm -r "$FIFOBUS_DIR"',
  "the folder, made again": 'cd / && rm -r "$FIFOBUS_DIR" && ' +
    'mkdir -m 700 "$FIFOBUS_DIR"',
};

for (const [what, line] of Object.entries(LOSSES)) {
  waiting.test(`a subscriber of a topic joins again when it loses ${what}`, async () => {
    await using bus = new TestBus();
    await using sub = await bus.sub("-v", "a/#", "b");
    await eventually(() => bus.names().length === 2);
    await using group = await bus.sub("$share/g/c");
    // They subscribed a while ago, so the publisher trusts its listing.
    await using publisher = bus.pub("-l", "--keyed");
    await publisher.write("a/1\tbefore\nb\tbefore\nc\tbefore\n");
    await sub.until("a/1\tbefore\nb\tbefore\n");
    await group.until("before\n");
    await finish(bus.sh(`cd "$FIFOBUS_DIR" && ${line}`));
    let sent = 0;
    const publish = () => {
      sent++;
      return publisher.write(`a/1\t${sent}\nb\t${sent}\nc\t${sent}\n`);
    };
    // The publisher has gone on all the time.
    await Promise.all([
      repeatUntil(publish, sub.until("b\t")),
      repeatUntil(publish, group.line()),
    ]);
    for (const process of [sub, group]) {
      process.kill("SIGTERM");
      const { stderr } = await process.ended();
      assertEquals(stderr, "");
    }
    await publisher.end();
    assertEquals((await publisher.ended()).code, 0);
    assertEquals(bus.names(), []);
  });
}

waiting.test("a subscriber whose folder cannot be made again ends with an error", async () => {
  await using bus = new TestBus();
  bus.env.FIFOBUS_DIR = bus.file("runtime/bus");
  await Deno.mkdir(bus.file("runtime"));
  await using sub = await bus.sub("t");
  await using group = await bus.sub("$share/g/t");
  // They have joined again.
  await repeatUntil(() => finish(bus.pub("t", "x")), group.line());
  await sub.line();
  await Deno.remove(bus.file("runtime"), { recursive: true });
  for (const process of [sub, group]) {
    const { code, stderr } = await process.ended();
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^sub: Cannot use ".*\/runtime\/bus" as the bus: .*\n$/,
    );
  }
});

waiting.test("a subscriber whose folder becomes a link ends with an error", async () => {
  await using bus = new TestBus();
  await using sub = await bus.sub("t");
  const path = bus.env.FIFOBUS_DIR!;
  await Deno.rename(path, `${path}.real`);
  await Deno.symlink(`${path}.real`, path);
  const { code, stderr } = await sub.ended();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^sub: Cannot use ".*" as the bus: it is not a folder\n$/,
  );
});

waiting.test("nothing is lost while a Subscriber joins again", async () => {
  await using bus = ownBus();
  const folder = bus.env.FIFOBUS_DIR!;
  await using subscriber = await Subscriber.open("t");
  await using publisher = await Publisher.open("t");
  // These are written to the FIFO that has no name afterwards.
  for (let i = 0; i < 100; i++) await publisher.publish(`${i}`);
  await Deno.remove(folder, { recursive: true });
  await eventually(() => bus.names().length === 1);
  for (let i = 100; i < 200; i++) await publisher.publish(`${i}`);
  const texts: string[] = [];
  while (texts.length < 200) {
    texts.push(...(await subscriber.read())!.map(({ text }) => text));
  }
  assertEquals(texts, Array.from({ length: 200 }, (_, i) => `${i}`));
});

waiting.test("sub makes a FIFO again that is removed, and ends if it cannot", async () => {
  await using bus = new TestBus();
  const path = bus.file("pipe");
  const isFifo = () => {
    try {
      return Deno.statSync(path).isFifo ?? false;
    } catch {
      return false;
    }
  };
  await using sub = bus.subOnce(path);
  await finish(bus.pub(path, "there"));
  await sub.line();
  await Deno.remove(path);
  await eventually(isFifo);
  await repeatUntil(() => finish(sh('echo again > "$0"', path)), sub.line());
  await Deno.remove(path);
  await Deno.writeTextFile(path, "a regular file now");
  const { code, stderr } = await sub.ended();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^sub: Cannot use ".*" as a FIFO: it is a regular file\n$/,
  );
});

waiting.test("an inbox that has failed is not joined again", async () => {
  await using bus = ownBus();
  const options = { maxBytes: 10 };
  await using first = await Subscriber.open("t", options);
  await using _held = await Subscriber.open("other", options);
  const [name] = bus.names().filter((it) => it.startsWith("t@"));
  const failed = assertRejects(() => first.read(), FifobusError, "no end");
  const line = '{ printf "t\\t"; head -c 300000 /dev/zero; } > "$0"';
  await finish(sh(line, `${bus.env.FIFOBUS_DIR}/${name}`));
  await failed;
  // Nobody is held up by the names of a process that does not read any more.
  assertEquals(bus.names(), []);
  await using second = await Subscriber.open("t", options);
  await using publisher = await Publisher.open("t");
  assertEquals(await publisher.publish("heard"), 1);
  assertEquals((await second.read())!.map(({ text }) => text), ["heard"]);
});

waiting.test("a failed Subscriber.open() leaves nothing behind, and disturbs nobody", async () => {
  await using bus = ownBus();
  const long = "x".repeat(300);
  const [failed, opened] = await Promise.allSettled([
    Subscriber.open(["a", long]),
    Subscriber.open("t"),
  ]);
  assertEquals(
    failed.status === "rejected" && failed.reason.code,
    "bad_address",
  );
  if (opened.status === "rejected") throw opened.reason;
  await using _subscriber = opened.value;
  assertEquals(bus.names().map((it) => it.split("@")[0]), ["t"]);
});

waiting.test("a member whose name was gone for a moment gets its messages in order", async () => {
  await using bus = ownBus();
  await using sub = await bus.sub("t");
  const [name] = bus.names();
  const path = `${bus.env.FIFOBUS_DIR}/${name}`;
  sub.kill("SIGSTOP");
  await using publisher = await Publisher.open("t", {
    slowTimeoutMs: Infinity,
  });
  const text = "x".repeat(1000);
  // More than its pipe takes: some of them wait here.
  const sent = Array.from({ length: 200 }, (_, i) => i);
  const publish = (i: number) => publisher.publish(`${i} ${text}`);
  const published = sent.slice(0, 150).map(publish);
  await published[0];
  await Deno.rename(path, `${bus.path}/away`);
  // It lists the folder again for a topic that it has not sent to yet.
  assertEquals(await publisher.subscribers("new"), 0);
  await Deno.rename(`${bus.path}/away`, path);
  await eventually(async () => await publisher.subscribers() === 1);
  published.push(...sent.slice(150).map(publish));
  sub.kill("SIGCONT");
  const lines = await sub.until(`199 ${text}\n`);
  await Promise.all(published);
  const numbers = lines.trimEnd().split("\n").map((line) => parseInt(line));
  assertEquals(numbers, sent);
});

waiting.test("a publisher that closes waits for messages to a member that was gone for a moment", async () => {
  await using bus = ownBus();
  await using sub = await bus.sub("t");
  const [name] = bus.names();
  const path = `${bus.env.FIFOBUS_DIR}/${name}`;
  sub.kill("SIGSTOP");
  const publisher = await Publisher.open("t", { slowTimeoutMs: Infinity });
  const text = "x".repeat(1000);
  const published = Array.from(
    { length: 150 },
    (_, i) => publisher.publish(`${i} ${text}`),
  );
  await published[0];
  await Deno.rename(path, `${bus.path}/away`);
  assertEquals(await publisher.subscribers("new"), 0);
  await Deno.rename(`${bus.path}/away`, path);
  await eventually(async () => await publisher.subscribers() === 1);
  const closed = publisher.close();
  sub.kill("SIGCONT");
  await closed;
  assertEquals(new Set(await Promise.all(published)), new Set([1]));
  await sub.until(`149 ${text}\n`);
});

waiting.test("a publisher finds a member by any of its names", async () => {
  await using bus = ownBus();
  for (const filters of [["a/+", "a/#"], ["a/#", "a/+"]]) {
    const subscribers = [];
    for (const filter of filters) {
      subscribers.push(await Subscriber.open(filter));
    }
    await using publisher = await Publisher.open("a/b");
    assertEquals(await publisher.subscribers(), 1);
    await subscribers[0]!.close();
    assertEquals(await publisher.publish("x"), 1);
    assertEquals((await subscribers[1]!.read())!.length, 1);
    await subscribers[1]!.close();
  }
  assertEquals(bus.names(), []);
});

waiting.testWithout(
  await isThere("systemd-tmpfiles", "--version") ? [] : ["systemd-tmpfiles"],
  "systemd-tmpfiles leaves the names of a subscriber alone",
  async () => {
    await using bus = new TestBus();
    await using sub = await bus.sub("-C1", "t");
    const before = bus.names();
    const config = bus.file("tmpfiles.conf");
    // The rule for /tmp, but with an age of zero.
    await Deno.writeTextFile(config, `d ${bus.path} - - - 0\n`);
    const cleaned = await finish(
      new Process(["systemd-tmpfiles", "--clean", config]),
    );
    assertEquals(cleaned.code, 0, cleaned.stderr);
    assertEquals(bus.names(), before);
    await finish(bus.pub("t", "heard"));
    assertEquals((await sub.ended()).stdout, "heard\n");
  },
);
