/**
 * Order is kept, and a failure is reported when it happens.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { Subscriber } from "../mod.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { finish, pub, sh, TestBus } from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** Several chunks of 64 KiB, each more than is due at once. */
const COUNT = 30_000;
const RATE = "--rate=60000";

function numbered(prefix = ""): string[] {
  return Array.from(
    { length: COUNT },
    (_, i) => `${prefix}line ${`${i}`.padStart(8, "0")}\n`,
  );
}

/** Publishes lines at a rate, and returns those that a subscriber gets. */
async function atRate(
  bus: TestBus,
  address: string,
  lines: string[],
  args: string[],
): Promise<string> {
  await using subscriber = address.startsWith("/")
    ? bus.subOnce(`-C${COUNT}`, address)
    : await bus.sub(`-C${COUNT}`, address);
  const printed = subscriber.ended();
  await using publisher = bus.pub(RATE, ...args);
  await publisher.write(lines.join(""));
  await publisher.end();
  const { code, stderr } = await publisher.ended();
  assertEquals([code, stderr], [0, ""]);
  return (await printed).stdout;
}

// Lines that wait for their time must go out before lines that were read later.
waiting.test("pub --rate keeps the order over all of its input", async () => {
  await using bus = new TestBus();
  const all = numbered();
  const expected = all.join("");
  const pipe = bus.file("pipe");
  const keyed = all.map((line, i) => `t/${i % 3}\t${line}`);
  const file = bus.file("lines");
  await Deno.writeTextFile(file, expected);
  const json = all.map((line) => JSON.stringify(line.trim()) + "\n");
  assertEquals(await atRate(bus, pipe, all, ["-l", pipe]), expected);
  assertEquals(await atRate(bus, pipe, [], ["--file", file, pipe]), expected);
  assertEquals(await atRate(bus, "t/#", keyed, ["--keyed"]), expected);
  assertEquals(
    await atRate(bus, pipe, json, ["--json", "-l", pipe]),
    json.join(""),
  );
});

waiting.testWithout(
  withoutMosquitto,
  "pub --rate keeps the order at a broker",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    const lines = numbered().slice(0, 10_000);
    const address = `${broker.url}/t`;
    const mqtt = { qos: 1 as const };
    const limit = lines.length;
    await using subscriber = await Subscriber.open(address, { mqtt, limit });
    await using publisher = pub("-l", "--rate=20000", "--qos=1", address);
    await publisher.write(lines.join(""));
    await publisher.end();
    const received: string[] = [];
    for await (const { text } of subscriber) received.push(`${text}\n`);
    assertEquals(received, lines);
    assertEquals((await publisher.ended()).code, 0);
  },
);

/** How `pub` ends by itself, while its input goes on. */
async function fails(
  bus: TestBus,
  args: string[],
  input: string,
): Promise<number> {
  await using publisher = bus.pub(...args);
  await publisher.write(input);
  const { code, stderr } = await publisher.ended();
  assertMatch(stderr, /^pub: [^\n]+\n$/, args.join(" "));
  return code;
}

waiting.test("pub reports a failure when it happens, not with the next line", async () => {
  await using bus = new TestBus();
  const pipe = bus.file("pipe");
  const soon = "--timeout=0.1";
  assertEquals(await fails(bus, ["-l", soon, pipe], "a\n"), 124);
  assertEquals(await fails(bus, ["-l", "--no-wait", pipe], "a\n"), 3);
  assertEquals(await fails(bus, ["-l", "--json", soon, pipe], "1\n"), 124);
  // The next line is due in a minute and a half.
  const slow = ["-l", "--rate=0.01", soon, pipe];
  assertEquals(await fails(bus, slow, "a\nb\n"), 124);
  const input = await bus.fifo("input");
  await using writer = sh('exec 3>"$0"; echo a >&3; read line', input);
  assertEquals(await fails(bus, ["--file", input, soon, pipe], ""), 124);
  await writer.end();
  // A value that cannot be kept.
  await finish(bus.pub("t", "x"));
  await Deno.writeTextFile(`${bus.env.FIFOBUS_DIR}/retained`, "no folder");
  assertEquals(await fails(bus, ["-l", "--retain", "t"], "a\n"), 1);
  assertEquals(await fails(bus, ["--keyed", "--retain"], "t\ta\n"), 1);
});

waiting.testWithout(
  withoutMosquitto,
  "pub reports a failure at a broker when it happens",
  async () => {
    await using bus = new TestBus();
    const rules = bus.file("rules");
    await using broker = await Mosquitto.start(bus, [
      "listener {port} 127.0.0.1",
      "allow_anonymous true",
      `acl_file ${rules}`,
    ], async () => {
      await Deno.writeTextFile(rules, "topic readwrite allowed\n");
      await Deno.chmod(rules, 0o644);
    });
    const line = ["-l", "--qos=1", `${broker.url}/forbidden`];
    assertEquals(await fails(bus, line, "a\n"), 1);
    const keyed = ["--keyed", "--qos=1", broker.url];
    assertEquals(await fails(bus, keyed, "forbidden\ta\n"), 1);
  },
);

waiting.test("pub --keyed --no-wait sends the lines before the first that nobody gets", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("--exit-word=end", "heard/+");
  await using publisher = bus.pub("--keyed", "--no-wait");
  await publisher.write("heard/1\t1\nheard/2\t2\nunheard\t3\nheard/1\t4\n");
  await publisher.end();
  const { code, stderr } = await publisher.ended();
  assertEquals(
    [code, stderr],
    [3, 'pub: Cannot publish to "unheard": nobody subscribes to it\n'],
  );
  await finish(bus.pub("heard/1", "end"));
  assertEquals((await subscriber.ended()).stdout, "1\n2\n");
});

waiting.test("pub --keyed -v counts what a subscriber that does not read missed, by line", async () => {
  await using bus = new TestBus();
  await using stopped = await bus.sub("slow/#");
  await using _reading = await bus.sub("fast/#", "both");
  stopped.kill("SIGSTOP");
  await using publisher = bus.pub("--keyed", "-v", "--slow-timeout=0");
  const text = "x".repeat(500);
  const lines = Array.from(
    { length: 2000 },
    (_, i) => `${i % 2 ? "slow" : "fast"}/${i % 7}\t${text}\n`,
  );
  await publisher.write(lines.join(""));
  await publisher.end();
  const { code, stderr } = await publisher.ended();
  stopped.kill("SIGCONT");
  assertEquals(code, 0);
  // Each line is for one subscriber.
  const dropped = [...stderr.matchAll(/(\d+) messages? dropped for/g)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
  assert(dropped > 0, stderr);
  assertStringIncludes(
    stderr,
    `2000 messages published to 1 subscriber, ${dropped} of them ` +
      "heard by nobody",
  );
});

waiting.test("pub --keyed --no-wait names the topic whose message no subscriber takes", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("--exit-word=end", "heard/+");
  await using publisher = bus.pub("--keyed", "--no-wait", "--null", "-q");
  // The subscriber ends messages with a line feed.
  await publisher.write("heard/1\tline\nfeed\0heard/2\tb\0");
  await publisher.end();
  const { code, stderr } = await publisher.ended();
  assertEquals(code, 3);
  assertMatch(stderr, /^pub: Cannot publish to "heard\/1": /);
  await finish(bus.pub("heard/1", "end"));
  assertEquals((await subscriber.ended()).stdout, "b\n");
});
