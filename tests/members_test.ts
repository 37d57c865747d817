/**
 * Topics through the library: one process is one member of the bus.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import {
  type Dropped,
  FifobusError,
  publish,
  Publisher,
  Subscriber,
} from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import { finish, Process, sh } from "./harness/process.ts";

async function take(subscriber: Subscriber, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const messages = await subscriber.read();
    if (!messages) break;
    texts.push(...messages.map(({ topic, text }) => `${topic} ${text}`));
  }
  return texts;
}

Deno.test("300 Subscribers are one member, and leave the file system usable", async () => {
  await using bus = ownBus();
  const subscribers = await Promise.all(
    Array.from({ length: 300 }, (_, i) => Subscriber.open(`t/${i}`)),
  );
  const all = await Subscriber.open(["t/#", "t/+", "t/7"]);
  const fifos = [...Deno.readDirSync(bus.env.FIFOBUS_DIR!)]
    .map(({ name }) => Deno.statSync(`${bus.env.FIFOBUS_DIR}/${name}`).ino);
  assertEquals([fifos.length, new Set(fifos).size], [303, 1]);
  const reading = subscribers.map((subscriber) => take(subscriber, 1));
  await Deno.stat(bus.path);
  await using publisher = await Publisher.open("t");
  const sent = subscribers.map((_, i) => `t/${i} ${i}`);
  for (let i = 0; i < 300; i++) publisher.publish(`${i}`, { topic: `t/${i}` });
  assertEquals((await Promise.all(reading)).flat(), sent);
  // Its filters match each message, one of them three times; it comes once.
  assertEquals(await take(all, 300), sent);
  for (const subscriber of [...subscribers, all]) await subscriber.close();
  assertEquals([...Deno.readDirSync(bus.env.FIFOBUS_DIR!)], []);
});

Deno.test("a publisher with 40 stopped subscribers leaves the file system usable", async () => {
  await using bus = ownBus();
  await publish("t", "makes the folder");
  // Open for reading, but never read.
  const inboxes = Array.from(
    { length: 40 },
    (_, i) => `${bus.env.FIFOBUS_DIR}/t@${i}`,
  );
  await finish(sh('mkfifo "$0" "$@"', ...inboxes as [string]));
  const readers = inboxes.map((path) =>
    Deno.openSync(path, { read: true, write: true })
  );
  await using healthy = await Subscriber.open("t");
  const drops: Dropped[] = [];
  const publisher = await Publisher.open("t", {
    slowTimeoutMs: 200,
    onDropped: (dropped) => drops.push(dropped),
  });
  const received = take(healthy, 100);
  for (let i = 0; i < 100; i++) publisher.publish("x".repeat(2000));
  await Deno.stat(bus.path);
  assertEquals((await received).length, 100);
  await publisher.close();
  assertEquals(new Set(drops.map(({ member }) => member)).size, 40);
  const counts = new Map<string, number>();
  for (const { member, count, reason } of drops) {
    assertEquals(reason, "it does not read");
    counts.set(member, (counts.get(member) ?? 0) + count);
  }
  for (const count of counts.values()) assert(count > 50 && count < 100);
  for (const reader of readers) reader.close();
});

Deno.test("a publisher with slowTimeoutMs 0 never waits, with Infinity never drops", async () => {
  await using bus = ownBus();
  await publish("t", "makes the folder");
  const inbox = `${bus.env.FIFOBUS_DIR}/t@1`;
  await finish(sh('mkfifo "$0"', inbox));
  const reader = Deno.openSync(inbox, { read: true, write: true });
  let dropped = 0;
  const hasty = await Publisher.open("t", {
    slowTimeoutMs: 0,
    onDropped: ({ count }) => dropped += count,
  });
  for (let i = 0; i < 100; i++) await hasty.publish("x".repeat(2000));
  await hasty.close();
  assert(dropped > 50 && dropped < 100, `${dropped}`);

  const controller = new AbortController();
  const patient = await Publisher.open("t", {
    slowTimeoutMs: Infinity,
    signal: controller.signal,
  });
  const waiting = patient.publish("y".repeat(100_000));
  let over = false;
  waiting.then(() => over = true);
  await Deno.stat(bus.path);
  assertEquals(over, false);
  const buffer = new Uint8Array(65536);
  while (!over) await reader.read(buffer);
  for (let i = 0; i < 100; i++) patient.publish("x".repeat(2000));
  controller.abort();
  await patient.close();
  reader.close();
});

Deno.test("a large message that is dropped half-way does not arrive in part", async () => {
  await using bus = ownBus();
  await using stopped = await bus.sub("-C", "1", "t");
  stopped.kill("SIGSTOP");
  let dropped = 0;
  const large = await Publisher.open("t", {
    slowTimeoutMs: 20,
    onDropped: ({ count }) => dropped += count,
  });
  await large.publish("x".repeat(200_000));
  await large.close();
  assertEquals(dropped, 1);
  await using publisher = await Publisher.open("t");
  stopped.kill("SIGCONT");
  let arrived = false;
  const line = stopped.line().finally(() => arrived = true);
  while (!arrived) await publisher.publish("last");
  assertEquals(await line, "last");
});

Deno.test("a Subscriber that is not read holds up only its own process, and can be closed", async () => {
  await using _bus = ownBus();
  await using unread = await Subscriber.open("t");
  const read = await Subscriber.open("t");
  await using publisher = await Publisher.open("t", { slowTimeoutMs: 50 });
  for (let i = 0; i < 3000; i++) publisher.publish(`${i}`);
  const received = await take(read, 1000);
  assertEquals(
    received.slice(0, 1000),
    received.slice(0, 1000).map((_, i) => `t ${i}`),
  );
  await read.close();
  const first = await take(unread, 1000);
  assertEquals(first[0], "t 0");
});

Deno.test("Subscriber.close() on the bus delivers all messages published before it", async () => {
  await using _bus = ownBus();
  const subscriber = await Subscriber.open("t");
  await using publisher = await Publisher.open("t");
  for (let i = 0; i < 500; i++) publisher.publish(`${i}`);
  await publisher.publish("last");
  await subscriber.close();
  const texts = await Array.fromAsync(subscriber, (message) => message.text);
  assertEquals([texts.length, texts.at(-1)], [501, "last"]);
});

Deno.test("last values are marked as retained, and come before all others", async () => {
  await using _bus = ownBus();
  await publish("w/a", "kept", { retain: true });
  await using subscriber = await Subscriber.open("w/#");
  await publish("w/a", "live");
  const messages = [];
  while (messages.length < 2) messages.push(...(await subscriber.read())!);
  assertEquals(
    messages.map(({ text, retained }) => [text, retained]),
    [["kept", true], ["live", false]],
  );
  await using only = await Subscriber.open("#", { retained: "only" });
  assertEquals(await Array.fromAsync(only, ({ text }) => text), ["kept"]);
});

Deno.test("a topic that is too long for a file name is refused", async () => {
  await using _bus = ownBus();
  const long = "x/".repeat(100);
  const attempts = [
    () => Subscriber.open(long),
    () => publish(long, "x", { retain: true }),
  ];
  for (const attempt of attempts) {
    const error = await assertRejects(attempt, FifobusError) as FifobusError;
    assertEquals(error.code, "bad_address");
  }
  await publish(long, "is fine without retain");
});

/** Mounts a small file system at $0. */
const MOUNT = 'mount -t tmpfs -o size=64k,mode=700 none "$0"';
const AS_NOBODY = ["nobody", "-s", "/bin/sh", "-c"] as const;

const withoutRoot = Deno.uid() === 0 ? [] : ["root"];

const withoutMount = [
  ...withoutRoot,
  ...await isThere("unshare", "-m", "sh", "-c", MOUNT, "/tmp")
    ? []
    : ["permission to mount"],
];

const withoutNobody = [
  ...withoutRoot,
  ...await isThere("su", ...AS_NOBODY, "true") ? [] : ["su of util-linux"],
];

testWithout(
  withoutMount,
  "a full disk fails a retained message, and keeps the value before",
  async () => {
    await using bus = ownBus();
    const folder = bus.env.FIFOBUS_DIR!;
    await Deno.mkdir(folder);
    const mounted = await finish(
      sh(MOUNT, folder),
    );
    assertEquals(mounted.code, 0, mounted.stderr);
    try {
      assertEquals((await finish(bus.pub("-r", "t", "small"))).code, 0);
      const large = bus.file("large");
      await Deno.writeTextFile(large, "x".repeat(200_000));
      const { code, stderr } = await finish(
        bus.pub("-r", "--file", large, "t"),
      );
      assertEquals(code, 1);
      assert(stderr.includes("the disk is full"), stderr);
      const names = [...Deno.readDirSync(`${folder}/retained`)];
      assertEquals(names.map(({ name }) => name), ["t"]);
      const { stdout } = await finish(bus.subOnce("--retained-only", "#"));
      assertEquals(stdout, "small\n");
    } finally {
      await finish(sh('umount "$0"', folder));
    }
  },
);

testWithout(
  withoutNobody,
  "two users share a bus that --mode opens, and not another one",
  async () => {
    await using bus = ownBus();
    const folder = bus.env.FIFOBUS_DIR!;
    await Deno.chmod(bus.path, 0o755);
    await using subscriber = await bus.sub("--mode", "777", "t");
    // The other user runs a plain shell script, and may not read our sources.
    const publish = new URL("../examples/topics/publish.sh", import.meta.url);
    const script = bus.file("publish.sh");
    await Deno.copyFile(publish, script);
    const asNobody = (line: string) =>
      finish(
        new Process([
          "su",
          ...AS_NOBODY,
          `export FIFOBUS_DIR='${folder}'; ${line}`,
        ]),
      );
    assertEquals((await asNobody(`sh '${script}' t hello`)).stderr, "");
    assertEquals(await subscriber.line(), "hello");
    await asNobody(`mkfifo -m 666 '${folder}/theirs@1'`);
    await using _theirs = sh('exec 3<>"$0"; read line', `${folder}/theirs@1`);
    // Another user's FIFO is trusted only on a shared bus.
    const { code, stderr } = await finish(bus.pub("--mode=777", "theirs", "x"));
    assertEquals([code, stderr], [0, ""]);
    await Deno.chmod(folder, 0o755);
    const refused = await finish(bus.pub("theirs", "x"));
    assert(
      refused.stderr.includes("the FIFO is another user's"),
      refused.stderr,
    );
  },
);

Deno.test("a named pipe feeds a topic", async () => {
  await using bus = ownBus();
  const path = await bus.fifo("in");
  await using subscriber = await bus.sub("-C", "2", "warehouse/in");
  await using feeder = bus.pub("-l", "warehouse/in");
  await using pipe = bus.subOnce("--no-exit-word", path);
  await finish(sh('printf "a\\nexit\\n" > "$0"', path));
  for (let i = 0; i < 2; i++) await feeder.write(`${await pipe.line()}\n`);
  await feeder.end();
  assertEquals(await subscriber.line(), "a");
  pipe.kill("SIGINT");
  await pipe.ended();
});

Deno.test("a NUL publisher loses only messages that a line-feed member cannot take", async () => {
  await using _bus = ownBus();
  await using subscriber = await Subscriber.open("t");
  const drops: Dropped[] = [];
  await using publisher = await Publisher.open("t", {
    delimiter: "\0",
    onDropped: (dropped) => drops.push(dropped),
  });
  const framed = "one\0two\nlines\0three\0four\nlines\0";
  await publisher.publishFramed(new TextEncoder().encode(framed));
  assertEquals(await take(subscriber, 2), ["t one", "t three"]);
  const [dropped] = drops;
  assertEquals(
    [drops.length, dropped!.count, dropped!.reason],
    [
      1,
      2,
      "it takes no messages that hold a line feed; " +
      'use { delimiter: "\\0" } on both sides',
    ],
  );
});

Deno.test("large messages that nobody reads hold up their process at 1 MiB", async () => {
  await using _bus = ownBus();
  await using _unread = await Subscriber.open("t");
  let dropped = 0;
  await using publisher = await Publisher.open("t", {
    slowTimeoutMs: 200,
    onDropped: ({ count }) => dropped += count,
  });
  const large = "x".repeat(256 * 1024);
  for (let i = 0; i < 20; i++) await publisher.publish(large);
  assert(dropped > 10, `${dropped}`);
});

Deno.test("a loop that publishes to nobody lets timers run", async () => {
  await using _bus = ownBus();
  await using publisher = await Publisher.open("t");
  let over = false;
  setTimeout(() => over = true, 20);
  while (!over) await publisher.publish("x");
});
