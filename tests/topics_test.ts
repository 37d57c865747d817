/**
 * `sub --topics` and what `--stats` says of topics.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { TopicCounts } from "../lib/cli/sub/topic_counts.ts";
import { TopicsOutput } from "../lib/cli/sub/topics.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { testWithout } from "./harness/needs.ts";
import { commandLine, eventually, finish, TestBus } from "./harness/process.ts";

function isThere(path: string): boolean {
  return [...Deno.readDirSync(path.replace(/[^/]*$/, ""))]
    .some(({ name }) => path.endsWith(`/${name}`));
}

/** Checks that numbers are equal, but for the last digits. */
function assertNear(actual: number, expected: number): void {
  assert(Math.abs(actual / expected - 1) < 1e-9, `${actual}, not ${expected}`);
}

/** Messages of 10 bytes that have come together. */
function messages(count: number, topic = "t"): WireMessage[] {
  const bytes = new Uint8Array(10);
  return Array.from({ length: count }, () => new WireMessage(topic, bytes));
}

/** The rate of a topic whose messages come at certain times. */
function rate(arrivals: [atMs: number, count: number][], endMs: number) {
  const counts = new TopicCounts(0);
  for (const [at, count] of arrivals) counts.add(messages(count), at);
  const [topic] = counts.list(endMs);
  assertNear(topic!.bytesPerSecond, 10 * topic!.rate);
  return topic!.rate;
}

Deno.test("sub --topics prints a table of any length", async () => {
  let text = "";
  const writer = {
    isTerminal: () => false,
    write(bytes: Uint8Array) {
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  await using output = new TopicsOutput({
    ...{ listenMs: 1e6, json: false, mode: undefined, onOver() {} },
    addresses: ["mqtt://h/#"],
  }, { stdout: Object.assign(Object.create(Deno.stdout), writer) });
  const count = 200_000;
  const bytes = new Uint8Array();
  await output.take(
    Array.from({ length: count }, (_, i) => new WireMessage(`${i}`, bytes)),
  );
  await output.finish();
  assertEquals(text.split("\n").length, 1 + count + 1);
});

Deno.test("the rate of a topic is right at a message a minute", () => {
  for (const offset of [0, 20_000, 59_999]) {
    const arrivals = [0, 1, 2].map((i): [number, number] => [
      offset + 60_000 * i,
      1,
    ]);
    const end = offset + 130_000;
    assertNear(rate(arrivals, end), 1 / 60);
  }
});

Deno.test("the rate of a topic is right at a million messages a second", () => {
  const arrivals = Array.from(
    { length: 1000 },
    (_, i): [number, number] => [500 + 2 * i, 2000],
  );
  assertNear(rate(arrivals, 2500), 1e6);
});

Deno.test("a burst, a single message and a topic that has gone silent count over the whole time", () => {
  assertEquals(rate([[100, 50]], 10_000), 5);
  assertEquals(rate([[9999, 1]], 10_000), 0.1);
  assertEquals(rate([[0, 1], [10, 1], [20, 1]], 10_000), 0.3);
});

Deno.test("sub --topics lists what was heard or retained, sorted, with the last value", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("--retain", "x/old", "19.8"));
  await finish(bus.pub("--retain", "x/gone", "1"));
  await using listener = await bus.sub("--topics", "-W", "1h", "#");
  await using publisher = bus.pub("--keyed");
  await publisher.write("b\tone\nx/é\tthe last\nb\ttwo \x1b[31m\n");
  await finish(publisher);
  await using json = await bus.sub("--topics", "--json", "-W1h", "x/#");
  await finish(bus.pub("x/gone", "2"));
  // The publisher has written to both.
  for (const it of [listener, json]) it.kill("SIGTERM");
  const { code, stdout } = await listener.ended();
  assertEquals(code, 143);
  const rows = stdout.trimEnd().split("\n")
    .map((line) => line.split(/ {2,}/));
  const named = rows.map(([topic, count, ...more]) => [
    ...[topic, count, more.at(-1)],
  ]);
  assertEquals(named, [
    ["TOPIC", "MESSAGES", "VALUE"],
    ["b", "2", "two ^[[31m"],
    ["x/gone", "1", "2"],
    ["x/old", "0", "19.8"],
    ["x/é", "1", "the last"],
  ]);
  assertEquals(rows[3]!.slice(2, 4), ["0", "0 B"]);
  const lines = (await json.ended()).stdout.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(lines.map(({ topic }) => topic), ["x/gone", "x/old"]);
  const [gone, old] = lines;
  assertEquals([gone.messages, gone.message, gone.retained], [1, "2", false]);
  assertNear(gone.bytes_per_second, gone.rate);
  assert(gone.rate > 0 && gone.age >= 0);
  // The age of a last value is that of its file.
  const { messages, rate, retained, length } = old;
  assertEquals([messages, rate, retained, length], [0, 0, true, 4]);
  assert(old.age > gone.age);
});

Deno.test("sub --topics ends by itself, and prints bytes that are not text as base64", async () => {
  await using bus = new TestBus();
  const binary = bus.sh('printf "\\377" > "$0"', bus.file("value"));
  await finish(binary);
  const retained = bus.sh(
    'exec "$@" < "$0"',
    bus.file("value"),
    ...commandLine(
      "pub",
      "-s",
      "-r",
      "t",
    ),
  );
  assertEquals((await finish(retained)).code, 0);
  const { code, stdout } = await finish(
    bus.subOnce("--topics", "--json", "-W", "50ms"),
  );
  const { topic, base64, message } = JSON.parse(stdout);
  assertEquals([code, topic, base64, message], [0, "t", "/w==", undefined]);
});

Deno.test("sub --stats reports the busiest topics in the end", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C16", "--stats", "#");
  await using publisher = bus.pub("--keyed");
  const others = Array.from({ length: 12 }, (_, i) => `t${i + 10}\tx\n`);
  await publisher.write(
    `busy\t1\nbusy\t2\nbusy\t3\n${others.join("")}end\tx\n`,
  );
  await finish(publisher);
  const lines = (await subscriber.ended()).stderr.trimEnd().split("\n");
  const end = lines.slice(lines.findIndex((it) => it.includes("busy")));
  assertMatch(end[0]!, /^sub: busy: 3 messages, \d+ messages\/s, .* ?B\/s$/);
  assertEquals(end.length, 12);
  assertEquals(end[10], "sub: and 4 more, see --topics");
  assertMatch(end[11]!, /^sub: 16 messages, /);
});

testWithout(
  withoutMosquitto,
  "sub --topics listens at a broker, which does not tell how old last values are",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    const url = `mqtt://127.0.0.1:${broker.port}`;
    await finish(bus.pub("--retain", "--qos=1", `${url}/a/kept`, "1"));
    await using listener = bus.subOnce(
      ...["--topics", "--json", "-W1h", "--qos=1"],
      ...[`${url}/a/#`, "--ready", bus.file("ready")],
    );
    await eventually(() => isThere(bus.file("ready")));
    await finish(bus.pub("--qos=1", `${url}/a/b`, "2"));
    // At QoS 1 the broker has it, and sends it before it answers an unsubscribe.
    listener.kill("SIGINT");
    const { code, stdout } = await listener.ended();
    assertEquals(code, 130);
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(
      lines.map(({ topic, messages, message, retained, age }) => [
        ...[topic, messages, message, retained, age === null],
      ]),
      [["a/b", 1, "2", false, false], ["a/kept", 0, "1", true, true]],
    );
  },
);
