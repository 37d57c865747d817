/**
 * `sub --every`, `--settle` and `--changes`: fewer messages than arrive.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Thinning, type ThinningOptions } from "../lib/cli/sub/thinning.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { commandLine, eventually, finish, TestBus } from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A message of a topic, and the time at which it comes. */
type Event = [at: number, topic: string, text: string];

/** Every message that is let through, with the time. */
function play(options: Partial<ThinningOptions>, events: Event[]): Event[] {
  const thinning = new Thinning({
    holdMs: undefined,
    restarts: false,
    changes: false,
    ...options,
  });
  const passed: Event[] = [];
  const note = (at: number, messages: { topic: string; text: string }[]) => {
    for (const { topic, text } of messages) passed.push([at, topic, text]);
  };
  const passTime = (until: number) => {
    while (thinning.dueAt <= until) {
      const at = thinning.dueAt;
      note(at, thinning.due(at));
    }
  };
  for (const [at, topic, text] of events) {
    passTime(at);
    const bytes = new TextEncoder().encode(text);
    note(at, thinning.add([new WireMessage(topic, bytes)], at));
  }
  note(Infinity, thinning.due(Infinity));
  assertEquals(thinning.held, 0);
  return passed;
}

Deno.test("every: a topic's last message, once in the time", () => {
  const steady = Array.from(
    { length: 25 },
    (_, i): Event => [100 * i, "a", `${i}`],
  );
  assertEquals(play({ holdMs: 1000 }, steady), [
    // The message at 1000 comes when the first one is due already.
    [1000, "a", "9"],
    [2000, "a", "19"],
    [Infinity, "a", "24"],
  ]);
  // Nothing is printed for a topic that is silent, and each has its own time.
  const two: Event[] = [
    [0, "a", "1"],
    [300, "b", "2"],
    [900, "a", "3"],
    [5000, "b", "4"],
  ];
  assertEquals(play({ holdMs: 1000 }, two), [
    [1000, "a", "3"],
    [1300, "b", "2"],
    [Infinity, "b", "4"],
  ]);
});

Deno.test("settle: a topic's last message after a rest, whatever other topics do", () => {
  const events: Event[] = [
    [0, "a", "1"],
    [100, "b", "1"],
    [400, "a", "2"],
    [800, "a", "3"],
    [2000, "a", "4"],
  ];
  assertEquals(play({ holdMs: 500, restarts: true }, events), [
    [600, "b", "1"],
    [1300, "a", "3"],
    [Infinity, "a", "4"],
  ]);
});

Deno.test("changes: only what differs from the last that was let through", () => {
  const events: Event[] = [
    [0, "a", "on"],
    [1, "b", "on"],
    [2, "a", "on"],
    [3, "a", ""],
    [4, "a", ""],
    [5, "b", "on "],
    [6, "a", "on"],
  ];
  assertEquals(play({ changes: true }, events).map(([at]) => at), [
    ...[0, 1, 3, 5, 6],
  ]);
  // Of a value that is the same at each sample, only the first is printed.
  const flicker: Event[] = [[0, "a", "1"], [500, "a", "2"], [900, "a", "1"]];
  const later = flicker.map(([at, ...rest]): Event => [at + 2000, ...rest]);
  assertEquals(
    play({ holdMs: 1000, changes: true }, [...flicker, ...later]),
    [[1000, "a", "1"]],
  );
});

/** Publishes lines of a topic, a tab and a message. */
async function publish(bus: TestBus, lines: string[]): Promise<void> {
  const publisher = bus.pub("--keyed");
  await publisher.write(lines.map((it) => `${it}\n`).join(""));
  await finish(publisher);
}

waiting.test("sub --changes leaves out what has not changed, and --count counts the rest", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-v", "-C4", "--changes", "#");
  await publish(bus, ["a\t1", "b\t1", "a\t1", "a\t2", "b\t1", "a\t1", "a\t3"]);
  const { code, stdout } = await subscriber.ended();
  assertEquals([code, stdout], [0, "a\t1\nb\t1\na\t2\na\t1\n"]);
});

waiting.test("sub --every and --settle print the last message of each topic, without an end", async () => {
  for (const option of ["--every", "--settle"]) {
    await using bus = new TestBus();
    await using subscriber = await bus.sub("-v", option, "100ms", "#");
    // One write, so that they come together.
    await publish(bus, ["a\t1", "b\t1", "a\t2"]);
    assertEquals((await subscriber.until("a\t2\n")).includes("a\t1"), false);
    await publish(bus, ["a\t3"]);
    assertEquals((await subscriber.until("a\t3\n")).endsWith("a\t3\n"), true);
  }
});

waiting.test("what --every and --settle hold back is printed at the end", async () => {
  for (const option of ["--every", "--settle"]) {
    await using bus = new TestBus();
    await finish(bus.pub("--retain", "t", "1"));
    const silent = bus.subOnce("-W", "50ms", option, "1h", "t");
    const { code, stdout } = await finish(silent);
    assertEquals([code, stdout], [124, "1\n"], option);
    await using word = await bus.sub("--exit-word=end", option, "1h", "t");
    await publish(bus, ["t\t3", "t\tend", "t\t4"]);
    assertEquals((await word.ended()).stdout, "3\n", option);
  }
});

waiting.test("a signal ends sub --settle after what it holds back; no command starts then", async () => {
  await using bus = new TestBus();
  // What the publisher has written for one subscriber is there for the others.
  await using printing = await bus.sub("--settle", "1h", "-v", "#");
  await using running = await bus.sub("--settle", "1h", "--exec", "cat", "#");
  await using witness = await bus.sub("-C2", "#");
  await publish(bus, ["a\t1", "b\t1"]);
  await witness.ended();
  printing.kill("SIGTERM");
  const printed = await printing.ended();
  assertEquals([printed.code, printed.stdout], [143, "a\t1\nb\t1\n"]);
  running.kill("SIGTERM");
  const { code, stdout, stderr } = await running.ended();
  assertEquals([code, stdout], [143, ""]);
  assertMatch(stderr, /2 messages held back, not handled/);
});

waiting.test("a signal ends sub --every whose output nobody reads, however many topics it holds", async () => {
  await using bus = new TestBus();
  const output = await bus.fifo("output");
  using _stuck = Deno.openSync(output, { read: true, write: true });
  await using subscriber = bus.sh(
    'exec "$@" > "$0"',
    ...[output, ...commandLine("sub", "--every", "1h", "#")],
  );
  await eventually(() => bus.namesOf("#").length > 0);
  const publisher = bus.pub("--keyed", "--slow-timeout=inf");
  const lines = Array.from({ length: 200_000 }, (_, i) => `${i}\t\n`);
  await publisher.write(lines.join(""));
  await finish(publisher);
  subscriber.kill("SIGTERM");
  const { code, stderr } = await subscriber.ended();
  assertEquals([code, stderr], [143, ""]);
});

waiting.test("sub --settle --exec runs one command after a burst, with the last message", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub(
    ...["--settle", "50ms", "--exec", "cat; echo .", "t"],
  );
  await publish(bus, Array.from({ length: 100 }, (_, i) => `t\t${i}`));
  // They may come in several pieces, but the last one is there in the end.
  assertEquals((await subscriber.until("99.\n")).split("\n").length < 20, true);
});

Deno.test("changes: the memory for messages has a limit, and a topic forgotten is printed again", () => {
  const long = "x".repeat(1024 * 1024);
  const topics = (from: number, to: number): Event[] =>
    Array.from({ length: to - from }, (_, i) => [i, `t/${from + i}`, long]);
  // 60 MiB: all are remembered.
  const few = topics(0, 60);
  assertEquals(play({ changes: true }, [...few, ...few]).length, 60);
  // 70 MiB: the oldest ones are forgotten.
  const many = [...topics(0, 70), ...topics(69, 70), ...topics(0, 1)];
  assertEquals(
    play({ changes: true }, many).slice(70).map(([, topic]) => topic),
    ["t/0"],
  );
});

Deno.test("every, settle: the memory for what is held back has a limit; the first ones then come sooner", () => {
  const long = "x".repeat(1024 * 1024);
  const topics: Event[] = Array.from(
    { length: 70 },
    (_, i) => [i, `t/${i}`, long],
  );
  // A second message of a topic takes the place of the first one.
  const events = topics.flatMap((event) => [event, event]);
  for (const restarts of [false, true]) {
    const passed = play({ holdMs: 1000, restarts }, events);
    const soon = passed.filter(([at]) => at !== Infinity);
    assertEquals(soon.map(([at, topic]) => [at, topic]), [
      [63, "t/0"],
      [64, "t/1"],
      [65, "t/2"],
      [66, "t/3"],
      [67, "t/4"],
      [68, "t/5"],
      [69, "t/6"],
    ]);
    assertEquals(new Set(passed.map(([, topic]) => topic)).size, 70);
  }
});

Deno.test("every: a message that is held back does not keep all that was read with it", () => {
  const thinning = new Thinning({
    ...{ holdMs: 1, restarts: false, changes: false },
  });
  for (let i = 0; i < 1000; i++) {
    const read = new TextEncoder().encode(`${i}`.padEnd(64 * 1024));
    thinning.add([new WireMessage(`t/${i}`, read, 0, 10)], 0);
  }
  const held = thinning.due(1);
  assertEquals(
    held.map(({ topic, text }) => [topic, text.trim()]),
    Array.from({ length: 1000 }, (_, i) => [`t/${i}`, `${i}`]),
  );
  // 62 MiB were read.
  assert(WireMessage.bufferBytes(held) < 10 * 1024 * 1024);
});
