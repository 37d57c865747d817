/**
 * A subscriber learns how many messages it missed.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { type Gap, Missed, parseGap } from "../lib/bus/missed.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import {
  eventually,
  finish,
  type Process,
  repeatUntil,
  TestBus,
} from "./harness/process.ts";

const COUNT = 300;

/**
 * Publishes more than a subscriber that is stopped has room for, and then goes on
 * until it has read again.
 *
 * @returns How many messages in all.
 */
async function overflow(
  bus: TestBus,
  sub: Process,
  topics: string[],
  hasRead: Promise<unknown>,
): Promise<number> {
  sub.kill("SIGSTOP");
  await using publisher = bus.pub("--slow-timeout=0", "-q", "-l", "--keyed");
  const text = "x".repeat(1000);
  const lines = Array.from(
    { length: COUNT },
    (_, i) => `${topics[i % topics.length]}\t${i} ${text}\n`,
  );
  await publisher.write(lines.join(""));
  // All are written or dropped, most of them dropped, before the subscriber goes on.
  await eventually(async () => {
    const probe = bus.pub("--slow-timeout=0", "-v", topics[0]!, "probe");
    return (await finish(probe)).stderr.includes("heard by nobody");
  });
  sub.kill("SIGCONT");
  let more = 0;
  // It learns that with the next message of the same publisher.
  await repeatUntil(
    () => publisher.write(`${topics[0]}\tmore ${more++}\n`),
    hasRead,
  );
  await publisher.write(`${topics[0]}\tend\n`);
  await publisher.end();
  await publisher.ended();
  return COUNT + more;
}

Deno.test("sub says exactly how many messages it missed, and --json says where", async () => {
  await using bus = new TestBus();
  await using sub = await bus.sub("--json", "--exit-word=end", "a/#");
  const read = sub.until('"more ');
  const published = await overflow(bus, sub, ["a/1", "a/2"], read);
  const { code, stdout, stderr } = await sub.ended();
  assertEquals(code, 0);
  const messages = (await read + stdout).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  const received = messages.filter((it) => it.message !== "probe").length;
  const missed = messages.reduce((sum, it) => sum + (it.missed ?? 0), 0);
  assert(missed > 0);
  assertEquals(received + missed, published);
  const told = [
    ...stderr.matchAll(
      /^sub: (\d+) messages? missed: not read in time, or not lines/gm,
    ),
  ];
  assertEquals(told.reduce((sum, [, it]) => sum + Number(it), 0), missed);
});

Deno.test("sub --strict-delivery ends with code 4 before the gap", async () => {
  await using bus = new TestBus();
  await using sub = await bus.sub("--strict-delivery", "a");
  const ended = sub.ended();
  await overflow(bus, sub, ["a"], ended);
  const { code, stdout, stderr } = await ended;
  assertEquals(code, 4);
  assertMatch(
    stderr,
    /^sub: \d+ messages missed: not read in time, or not lines \(see --null\)\n$/,
  );
  const numbers = stdout.trimEnd().split("\n")
    .filter((line) => line !== "probe").map((line) => parseInt(line));
  assertEquals(numbers, numbers.map((_, i) => i));
});

Deno.test("Message.missed counts only at the subscription that missed messages", async () => {
  await using _bus = ownBus();
  await using one = await Subscriber.open("a/#");
  await using other = await Subscriber.open("b");
  await using publisher = await Publisher.open("a/1", { slowTimeoutMs: 0 });
  const text = "x".repeat(1000);
  let dropped = 0;
  {
    // This loop does not let the event loop run, so nothing is read.
    const sent = [];
    for (let i = 0; i < COUNT; i++) {
      sent.push(publisher.publish(`${i} ${text}`));
    }
    const taken = (await Promise.all(sent)).filter((count) => count === 1);
    dropped = COUNT - taken.length;
  }
  let received = 0;
  let missed = 0;
  const count = (messages: { missed: number }[]) => {
    received += messages.length;
    missed += messages.reduce((sum, it) => sum + it.missed, 0);
  };
  const reading = (async () => {
    while (received + missed < COUNT + 1) count((await one.read())!);
  })();
  await eventually(() => received > 0);
  await publisher.publish("next");
  await reading.catch(() => {});
  assertEquals([missed, received], [dropped, COUNT - dropped + 1]);
  await publisher.publish("b", { topic: "b" });
  assertEquals((await other.read())!.map((it) => it.missed), [0]);
});

Deno.test("a publisher that ends tells a member what it missed, if there is room again", async () => {
  await using bus = ownBus();
  await using subscriber = await Subscriber.open("t");
  const publisher = await Publisher.open("t", { delimiter: "\0" });
  assertEquals(await publisher.publish("two\nlines"), 0);
  await publisher.close();
  await finish(bus.pub("t", "next"));
  const [message] = (await subscriber.read())!;
  assertEquals([message!.text, message!.missed], ["next", 1]);
});

Deno.test("a member that takes no line feeds learns how many messages it missed because of them", async () => {
  await using _bus = ownBus();
  await using lines = await Subscriber.open("t");
  await using publisher = await Publisher.open("t", { delimiter: "\0" });
  assertEquals(await publisher.publish("two\nlines"), 0);
  assertEquals(await publisher.publish("one"), 1);
  const messages = (await lines.read())!;
  assertEquals(messages.map((it) => [it.text, it.missed]), [["one", 1]]);
});

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

Deno.test("parseGap() reads the record of a publisher, and nothing else", () => {
  const cases: [record: string, gap: Gap | undefined][] = [
    ["\x18fifobus missed 3\x18", { count: 3, topic: undefined }],
    ["\x18fifobus missed 3 a/b\x18", { count: 3, topic: "a/b" }],
    ["\x18fifobus missed 3 a b\x18", { count: 3, topic: "a b" }],
    ["\x18fifobus missed 999999999999999 a\x18", {
      count: 999_999_999_999_999,
      topic: "a",
    }],
    ["\x18fifobus missed 1 \ufeffa\x18", { count: 1, topic: "\ufeffa" }],
    ["", undefined],
    ["3", undefined],
    ["\x18fifobus missed \x18", undefined],
    ["\x18fifobus missed a\x18", undefined],
    ["\x18fifobus missed -1\x18", undefined],
    ["\x18fifobus missed 3 \x18", undefined],
    ["\x18fifobus missed 1000000000000000\x18", undefined],
    ["\x18fifobus missed 3 a", undefined],
    ["fifobus missed 3 a\x18", undefined],
    ["x\x18fifobus missed 3 a\x18", undefined],
    ["\x18fifobus torn\x18", undefined],
    ["\x18fifobus MISSED 3\x18", undefined],
  ];
  for (const [record, gap] of cases) {
    const found = parseGap(new WireMessage("p", bytes(record)));
    assertEquals(found, gap, JSON.stringify(record));
  }
});

/** Tells all that was missed, and returns it. */
async function told(missed: Missed): Promise<(Gap | undefined)[]> {
  const records: (Gap | undefined)[] = [];
  await missed.tell((record) => {
    assertEquals(record.at(-1), 0x0a);
    records.push(parseGap(new WireMessage("p", record.subarray(0, -1))));
    return Promise.resolve();
  });
  return records;
}

Deno.test("Missed counts by topic, and tells each count once", async () => {
  const missed = new Missed("\n");
  assertEquals(missed.add(bytes("a\t1\nb\t2\na\t3\n"), "\n"), 3);
  // A request, and a message with a line feed.
  assertEquals(missed.add(bytes("b\x1freply\t?\0a\ttwo\nlines\0"), "\0"), 2);
  assertEquals(await told(missed), [
    { count: 3, topic: "a" },
    { count: 2, topic: "b" },
  ]);
  assertEquals(await told(missed), []);
});

Deno.test("Missed keeps the counts that it could not tell, and those that came meanwhile", async () => {
  const missed = new Missed("\n");
  missed.add(bytes("a\t1\n"), "\n");
  const error = await missed.tell(() => {
    missed.add(bytes("a\t2\n"), "\n");
    return Promise.reject(new Error("full"));
  }).catch((error) => error.message);
  assertEquals(error, "full");
  assertEquals(await told(missed), [{ count: 2, topic: "a" }]);
});

Deno.test("Missed counts many topics, and long ones, without their names", async () => {
  const missed = new Missed("\n");
  const long = "x".repeat(1001);
  missed.add(bytes(`${long}\t\n`), "\n");
  for (let i = 0; i < 20; i++) missed.add(bytes(`t${i}\t\n`), "\n");
  missed.add(bytes("t0\t\n"), "\n");
  const gaps = await told(missed);
  assertEquals(gaps.length, 16);
  assertEquals(gaps.reduce((sum, gap) => sum + gap!.count, 0), 22);
  assertEquals(gaps.filter((gap) => gap!.topic === undefined), [
    { count: 6, topic: undefined },
  ]);
  assertEquals(gaps.find((gap) => gap!.topic === "t0")?.count, 2);
});
