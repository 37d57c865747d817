/**
 * `pub --json-lines` and `pub --replay`: what `sub --json` prints is published
 * again.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Subscriber } from "../mod.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { terminalTest } from "./harness/needs.ts";
import {
  commandLine,
  type Ended,
  finish,
  inTerminal,
  type Process,
  TestBus,
} from "./harness/process.ts";
import { Random } from "./harness/random.ts";
import * as waiting from "./harness/waiting.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");

/** A line of a record, some seconds after noon. */
function line(topic: string, message: string, seconds = 0): string {
  const time = new Date(NOON + 1000 * seconds).toISOString();
  const about = { sequence: 1, retained: false, length: message.length };
  return JSON.stringify({ topic, time, ...about, message }) + "\n";
}

/** Runs a publisher with an input. */
async function publish(
  bus: TestBus,
  input: string,
  ...args: string[]
): Promise<Ended> {
  await using publisher = bus.pub(...args);
  await publisher.write(input);
  await publisher.end();
  return await publisher.ended();
}

/** What is known of each message of `sub --json`, but the time. */
function parsed(lines: string): unknown[] {
  return lines.split(/[\n\0]/).filter((it) => it !== "")
    .map((it) => ({ ...JSON.parse(it), time: "" }));
}

/** Publishes lines of a record, and returns what `sub -v` prints of them. */
async function heard(
  bus: TestBus,
  count: number,
  input: string,
  ...args: string[]
): Promise<{ printed: string; ended: Ended }> {
  await using subscriber = await bus.sub("-v", `-C${count}`, "#");
  const ended = await publish(bus, input, ...args);
  return { printed: (await subscriber.ended()).stdout, ended };
}

waiting.test("what sub --json prints, pub --json-lines publishes again, byte for byte", async () => {
  const random = new Random(42);
  const characters = [
    "a",
    '"',
    "\\",
    "\t",
    "\n",
    "\r",
    "\x7f",
    "\x9f",
    "é",
    "😀",
    "\u2028",
    "{",
    "}",
  ];
  const messages = Array.from({ length: 500 }, (_, i) => {
    const isText = !random.once(4);
    const bytes = isText
      ? new TextEncoder().encode(random.text(40, characters))
      : Uint8Array.from(random.list(40, () => 1 + random.below(255)));
    return {
      topic: random.pick(["a", "a/ü b", 'q"uo\\te', "x/y/z"]),
      base64: bytes.toBase64(),
      ...i % 50 === 7 && { reply_to: "answers/1" },
    };
  });
  const input = messages.map((it) => JSON.stringify(it) + "\n").join("");
  for (const flags of [["--null"], []]) {
    // Without --null, no message can hold a line feed.
    const isSent = ({ base64 }: { base64: string }) =>
      flags.length > 0 || !atob(base64).includes("\n");
    const sent = messages.filter(isSent);
    const args = ["--json", `-C${sent.length}`, ...flags, "#"];
    await using bus = new TestBus();
    await using first = await bus.sub(...args);
    const { code } = await publish(bus, input, "--json-lines", ...flags);
    assertEquals(code, sent.length === messages.length ? 0 : 1);
    const { stdout } = await first.ended();
    const arrived = parsed(stdout) as Record<string, string>[];
    assertEquals(
      arrived.map(({ topic, message, base64, reply_to }) => ({
        topic,
        base64: base64 ?? new TextEncoder().encode(message).toBase64(),
        ...reply_to !== undefined && { reply_to },
      })),
      sent,
    );
    await using second = await bus.sub(...args);
    const again = await publish(bus, stdout, "--json-lines", ...flags);
    assertEquals([again.code, again.stderr], [0, ""]);
    assertEquals(parsed((await second.ended()).stdout), arrived);
  }
});

waiting.test("pub --json-lines keeps last values, and JSON as it stands", async () => {
  await using bus = new TestBus();
  const input = '{"topic":"a","retained":true,"message":"kept"}\n' +
    '{"topic":"b","retained":true,"message":{"big": 1e400, "x":12345678901234567890}}\n' +
    '{"retained":true,"message":[1],"topic":"c"}';
  assertEquals((await publish(bus, input, "--json-lines")).code, 0);
  const { stdout } = await finish(bus.subOnce("-v", "--retained-only", "#"));
  assertEquals(
    stdout.split("\n").toSorted(),
    ["", "a\tkept", 'b\t{"big": 1e400, "x":12345678901234567890}', "c\t[1]"],
  );
});

waiting.test("pub --json-lines tells which lines it cannot publish, and goes on", async () => {
  await using bus = new TestBus();
  const bad = [
    "no JSON",
    '"text"',
    '{"topic":"t"}',
    '{"topic":"t","base64":"*"}',
    '{"topic":"a/#","message":"x"}',
    '{"topic":7,"message":"x"}',
    '{"topic":"t","message":"x","reply_to":"+"}',
    '{"message":"x"}',
    line("t", "line\nfeed").trim(),
    line("t", "x".repeat(2000)).trim(),
  ];
  const input = bad.map((it, i) => `${it}\n${line("t", `${i}`)}\n`).join("");
  const { printed, ended } = await heard(
    bus,
    bad.length,
    input,
    "--json-lines",
    "--max-size=1k",
  );
  assertEquals(printed, bad.map((_, i) => `t\t${i}\n`).join(""));
  assertEquals(ended.code, 1);
  const told = ended.stderr.trimEnd().split("\n");
  assertEquals(told.length, bad.length + 1);
  const reasons = [
    /it is not JSON$/,
    /it is not a JSON object$/,
    /there is no message in it$/,
    /its base64 is wrong$/,
    /its topic is wrong: \+ and # are for subscribers$/,
    /its topic is wrong: it is not text$/,
    /its reply topic is wrong: /,
    /there is no topic in it$/,
    /its message holds a line feed; use --null on both sides$/,
    /the message is 2000 bytes, the limit is 1024$/,
  ];
  for (const [i, reason] of reasons.entries()) {
    const where = `pub: Cannot publish line ${3 * i + 1} of standard input: `;
    assert(told[i]!.startsWith(where), told[i]);
    assertMatch(told[i]!, reason);
  }
  assertEquals(told.at(-1), "pub: 10 messages could not be published");
});

waiting.test("a file that is no record is told of in a few lines", async () => {
  await using bus = new TestBus();
  const { code, stderr } = await publish(
    bus,
    "x\n".repeat(5000),
    "--json-lines",
  );
  assertEquals(code, 1);
  assertEquals(stderr.trimEnd().split("\n").length, 11);
  assertMatch(stderr, /5000 messages could not be published\n$/);
});

waiting.test("an ADDRESS of pub --json-lines gets all messages, and needs no topics", async () => {
  await using bus = new TestBus();
  const input = line("a", "1") + '{"message":"2"}\n';
  const { printed } = await heard(bus, 2, input, "--json-lines", "here/b");
  assertEquals(printed, "here/b\t1\nhere/b\t2\n");
  const pipe = bus.file("pipe");
  await using reader = bus.subOnce("-C3", pipe);
  const more = '{"topic":"c","retained":true,"reply_to":"d","message":"3"}\n';
  assertEquals(
    (await publish(bus, input + more, "--json-lines", pipe)).code,
    0,
  );
  assertEquals((await reader.ended()).stdout, "1\n2\n3\n");
  const renamed = await heard(
    bus,
    1,
    line("a", "1"),
    "--json-lines",
    "--prefix=p",
  );
  assertEquals(renamed.printed, "p/a\t1\n");
});

waiting.testWithout(
  withoutMosquitto,
  "pub --replay --to a broker puts its topic before each topic, and sends any bytes",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    await using subscriber = await Subscriber.open(`${broker.url}/#`, {
      limit: 3,
    });
    const input = line("a", "line\nfeed and \0") + line("b", "x") +
      '{"topic":"c","base64":"/w=="}\n';
    const args = ["--replay", "--to", `${broker.url}/in`, "--prefix", "p"];
    assertEquals((await publish(bus, input, ...args)).code, 0);
    const received = [];
    for await (const { topic, bytes } of subscriber) {
      received.push([
        topic,
        [...bytes].map((it) => String.fromCharCode(it)).join(""),
      ]);
    }
    assertEquals(received, [
      ["in/p/a", "line\nfeed and \0"],
      ["in/p/b", "x"],
      ["in/p/c", "\xff"],
    ]);
  },
);

waiting.test("pub --replay plays files in order, and chooses by topic and time", async () => {
  await using bus = new TestBus();
  const lines = Array.from(
    { length: 6 },
    (_, i) => line(i % 2 ? "odd/x" : "even/x", `${i}`, 60 * i),
  );
  const [one, two] = [bus.file("one"), bus.file("two")];
  await Deno.writeTextFile(one, lines.slice(0, 3).join(""));
  await Deno.writeTextFile(two, lines.slice(3).join(""));
  const cases: [args: string[], expected: string][] = [
    [[], "012345"],
    [["--filter", "odd/+"], "135"],
    [["--filter", "odd/+", "--filter=even/#"], "012345"],
    [["--since", "2m"], "2345"],
    [["--until", "120"], "01"],
    [
      ["--since", "2026-11-28T12:01:00Z", "--until=2026-11-28T13:03:00+01:00"],
      "12",
    ],
  ];
  for (const [args, expected] of cases) {
    const all = ["--replay", "--speed=max", one, two, ...args];
    const { printed } = await heard(bus, expected.length, "", ...all);
    assertEquals(printed.replaceAll(/[^0-9]/g, ""), expected, args.join(" "));
  }
});

waiting.test("a byte order mark before the lines, and ends of lines of Windows, cost no message", async () => {
  await using bus = new TestBus();
  const [one, two] = [bus.file("one"), bus.file("two")];
  // The usual line, and one that starts with the same character.
  const texts = ["1", "\ufeff2"];
  const lines = texts.map((text) => line("t", text));
  const file = "\ufeff" + lines.join("").replaceAll("\n", "\r\n");
  await Deno.writeTextFile(one, file);
  await Deno.writeTextFile(two, `\ufeff${lines[0]}`);
  await using subscriber = await bus.sub("-v", "-C4", "#");
  const args = ["--replay", "--speed=max", one, two, "-"];
  const { code, stderr } = await publish(bus, `\ufeff${lines[0]}`, ...args);
  assertEquals([code, stderr], [0, ""]);
  const { stdout } = await subscriber.ended();
  assertEquals(stdout, "t\t1\nt\t\ufeff2\nt\t1\nt\t1\n");
});

waiting.test("pub --replay knows gzip files, the parts of a record and standard input", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  const lines = Array.from({ length: 4 }, (_, i) => line("t", `${i}`));
  await Deno.writeTextFile(`${record}.000000002`, lines[1]!);
  await Deno.writeTextFile(`${record}.000000010`, lines[2]!);
  await Deno.writeTextFile(`${record}.saved-20261128.000000001`, lines[3]!);
  const packed = new Blob([lines[0]!]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(`${record}.000000001.gz`, packed);
  const { printed } = await heard(bus, 4, lines[3]!, "--replay", record, "-");
  assertEquals(printed, "t\t0\nt\t1\nt\t2\nt\t3\n");
  await Deno.writeFile(bus.file("cut.gz"), new Uint8Array([31, 139, 8, 0]));
  const cut = await finish(bus.pub("--replay", bus.file("cut.gz")));
  assertEquals(cut.code, 1);
  assertMatch(
    cut.stderr,
    /^pub: Cannot read ".*cut\.gz": it is damaged, or not one gzip file\n$/,
  );
  const none = await finish(bus.pub("--replay", bus.file("none")));
  assertEquals(none.code, 1);
  assertMatch(
    none.stderr,
    /^pub: Cannot read ".*none": there is no such file\n$/,
  );
});

waiting.test("garbage in a record and a torn end cost no other message", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  const large = "y".repeat(1_000_000);
  const garbage = Uint8Array.from({ length: 300_000 }, (_, i) => i * i);
  const parts = [
    line("t", "1"),
    garbage,
    "\n",
    line("t", large),
    line("t", "2"),
    // Longer than any line can be.
    new Uint8Array(10_000_000).fill(0x7a),
    "\n",
    line("t", "3"),
    '{"topic":"t","time":"2026-11-28T12:0',
  ];
  await Deno.writeFile(record, new Blob(parts as BlobPart[]).stream());
  await using subscriber = await bus.sub("-C4", "t");
  const received = subscriber.ended();
  const { code, stderr } = await finish(bus.pub("--replay", record));
  assertEquals((await received).stdout, `1\n${large}\n2\n3\n`);
  assertEquals(code, 1);
  const told = stderr.trimEnd().split("\n");
  assertMatch(told.at(-2)!, / the last one, is incomplete and left out$/);
  assertMatch(told.at(-3)!, /: it is too long$/);
});

waiting.test("only a torn end does not make pub --replay fail", async () => {
  await using bus = new TestBus();
  const input = line("t", "1") + line("t", "2").slice(0, 60);
  const { printed, ended } = await heard(bus, 1, input, "--replay");
  assertEquals([printed, ended.code], ["t\t1\n", 0]);
  assertMatch(
    ended.stderr,
    /^pub: line 2 of standard input, the last one, is [^\n]+\n$/,
  );
});

waiting.test("a message whose time is none comes together with the one before", async () => {
  await using bus = new TestBus();
  const times = [5, 1764000000000, "9", "soon", null];
  const input = times.map((time, i) =>
    JSON.stringify({ topic: "t", time, message: `${i}` }) + "\n"
  ).join("");
  const { printed, ended } = await heard(bus, 5, input, "--replay", "-");
  assertEquals(printed, "t\t0\nt\t1\nt\t2\nt\t3\nt\t4\n");
  assertEquals([ended.code, ended.stderr], [0, ""]);
});

waiting.test("pub --replay tells once that the clock was set back", async () => {
  await using bus = new TestBus();
  const times = [3600, 0, 0, -3600, 0.1];
  const input = times.map((it, i) => line("t", `${i}`, it)).join("");
  const args = ["--replay", "--speed=100000"];
  const { printed, ended } = await heard(bus, 5, input, ...args);
  assertEquals(printed, "t\t0\nt\t1\nt\t2\nt\t3\nt\t4\n");
  assertEquals(
    [ended.code, ended.stderr],
    [0, "pub: the clock was set back in the record: no pause there\n"],
  );
});

/** Waits for lines of a process; returns when each came. */
async function arrivals(process: Process, count: number): Promise<number[]> {
  const at = [];
  for (let i = 0; i < count; i++) {
    await process.line();
    at.push(performance.now());
  }
  return at;
}

waiting.test("pub --replay keeps the pauses, also after it was stopped", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  const lines = [0, 0.6, 1.2].map((it, i) => line("t", `${i}`, it));
  await Deno.writeTextFile(record, lines.join(""));
  await using subscriber = await bus.sub("t");
  await using publisher = bus.pub("--replay", record);
  const [first] = await arrivals(subscriber, 1);
  publisher.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  publisher.kill("SIGCONT");
  const [second, third] = await arrivals(subscriber, 2);
  // The stop lasted longer than both pauses, and shortens neither.
  assert(second! - first! > 1500, `${second! - first!}`);
  assert(third! - second! > 400, `${third! - second!}`);
  assertEquals((await publisher.ended()).code, 0);
});

terminalTest("pub --replay shows on a terminal how far it is", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  await Deno.writeTextFile(record, line("t", "a") + line("t", "b", 1.5));
  const command = commandLine("pub", "--replay", record);
  const folder = `FIFOBUS_DIR=${bus.env.FIFOBUS_DIR}`;
  await using publisher = inTerminal("env", folder, ...command);
  await publisher.until("1 message  ");
  await publisher.until(" left");
  assertEquals((await publisher.ended()).code, 0);
});

waiting.test("pub --replay --loop starts again until a signal ends it", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  await Deno.writeTextFile(record, line("t", "a") + line("t", "b", 0.01));
  await using subscriber = await bus.sub("-C7", "t");
  await using publisher = bus.pub("--replay", "--loop", record);
  assertEquals((await subscriber.ended()).stdout, "a\nb\na\nb\na\nb\na\n");
  publisher.kill("SIGINT");
  const { signal, stderr } = await publisher.ended();
  assertEquals([signal, stderr], ["SIGINT", ""]);
  // Nothing to publish is no reason to go round for ever.
  await Deno.writeTextFile(record, "x\n");
  assertEquals((await finish(bus.pub("--replay", "--loop", record))).code, 1);
});
