/**
 * How `pub` takes its messages, and how it sends them.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Pace } from "../lib/cli/pub/pace.ts";
import { terminalTest } from "./harness/needs.ts";
import {
  commandLine,
  finish,
  inTerminal,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

waiting.test("pub --stdin-message sends all of its input as one message", async () => {
  await using bus = new TestBus();
  await using lines = await bus.sub("-C", "2", "t");
  await using nul = await bus.sub("--null", "-C", "1", "n");
  for (const [input, ...args] of [["one\n", "-s", "t"], ["two", "-s", "t"]]) {
    await using publisher = bus.pub(...args);
    await publisher.write(input!);
    await publisher.end();
    assertEquals((await publisher.ended()).stderr, "");
  }
  assertEquals((await lines.ended()).stdout, "one\ntwo\n");
  await using large = bus.pub("--null", "--stdin-message", "n");
  await large.write(`${"a\n".repeat(100_000)}`);
  await large.end();
  assertEquals((await nul.ended()).stdout, `${"a\n".repeat(100_000)}\0`);
});

waiting.test("pub --stdin-message refuses a message that the wire cannot carry, with the reason", async () => {
  await using bus = new TestBus();
  for (
    const [input, reason] of [
      ["two\nlines\n", "byte 3 of the message is a line feed"],
      ["too long", "the message is 8 bytes, the limit is 4"],
    ] as const
  ) {
    await using publisher = bus.pub(
      "-s",
      ...input === "too long" ? ["--max-size=4"] : [],
      "t",
    );
    await publisher.write(input);
    await publisher.end();
    const { code, stderr } = await publisher.ended();
    assert(code === 1 && stderr.includes(reason), stderr);
  }
});

waiting.test("pub --null-message publishes an empty message, which clears a last value", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C", "1", "t");
  await finish(bus.pub("-n", "t"));
  assertEquals((await subscriber.ended()).stdout, "\n");
  await finish(bus.pub("-r", "t", "kept"));
  await finish(bus.pub("-rn", "t"));
  assertEquals((await finish(bus.subOnce("--retained-only", "t"))).stdout, "");
});

waiting.test("pub --repeat sends a message again, with --interval after a while", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C", "5", "t");
  await finish(bus.pub("--repeat", "3", "t", "a"));
  await finish(bus.pub("--repeat=2", "--interval=1ms", "t", "b"));
  assertEquals((await subscriber.ended()).stdout, "a\na\na\nb\nb\n");
});

waiting.test("pub --rate sends everything, in order", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("--exit-word=exit", "t");
  await using publisher = bus.pub("-l", "--rate", "2000", "t");
  const lines = Array.from({ length: 300 }, (_, i) => `${i}\n`).join("");
  await publisher.write(`${lines}exit\n`);
  await publisher.end();
  assertEquals((await subscriber.ended()).stdout, lines);
});

waiting.test("Pace lets only messages go that are due, and does not make up for a pause", async () => {
  const start = performance.now();
  const pace = new Pace(1000);
  let sent = 0;
  while (sent < 50) {
    sent += await pace.take(10);
    assert(sent <= performance.now() - start + 1);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  // It may lag by 100 ms, which is 100 messages, and not by 300.
  assert(await pace.take(1000) <= 102);
});

waiting.test("pub --json refuses text that is not JSON, and says where the error is", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C", "3", "t");
  await using publisher = bus.pub("--json", "-l", "t");
  await publisher.write('{"celsius": 21.5}\n"x"\n{oops}\n1\n');
  await publisher.end();
  const { code, stderr } = await publisher.ended();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^pub: Cannot publish line 3 of standard input: it is not JSON: .*\n$/,
  );
  assertEquals((await finish(bus.pub("--json", "t", "[1]"))).code, 0);
  assertEquals((await finish(bus.pub("--json", "t", "'1'"))).code, 1);
  const { stdout } = await subscriber.ended();
  assertEquals(stdout, '{"celsius": 21.5}\n"x"\n[1]\n');
});

waiting.test("pub --verbose says how much was published, and pub --quiet does not report drops", async () => {
  await using bus = new TestBus();
  await using stopped = await bus.sub("t");
  stopped.kill("SIGSTOP");
  for (
    const [option, pattern] of [["-v", /^pub: the bus is .*\npub: dropping/], [
      "-q",
      /^$/,
    ]] as const
  ) {
    await using publisher = bus.pub(option, "-l", "--slow-timeout=0", "t");
    await publisher.write(`${"x".repeat(1000)}\n`.repeat(200));
    await publisher.end();
    const { code, stderr } = await publisher.ended();
    assertEquals(code, 0);
    assertMatch(stderr, pattern);
    if (option === "-v") {
      assertMatch(
        stderr,
        /\npub: 200 messages published to 1 subscriber, \d+ of them heard by nobody\n$/,
      );
    }
  }
  stopped.kill("SIGCONT");
});

waiting.test("the environment sets the largest message and the slow timeout", async () => {
  await using bus = new TestBus();
  bus.env.FIFOBUS_MAX_SIZE = "4";
  const { code, stderr } = await finish(bus.pub("t", "12345"));
  assert(code === 1 && stderr.includes("the limit is 4"), stderr);
  assertEquals((await finish(bus.pub("--max-size=5", "t", "12345"))).code, 0);
  bus.env.FIFOBUS_MAX_SIZE = "much";
  assertEquals(
    (await finish(bus.pub("t", "x"))).stderr,
    "pub: environment variable FIFOBUS_MAX_SIZE takes a number of bytes " +
      'such as 4096, 64k or 1M, not "much"; see pub --help\n',
  );
  delete bus.env.FIFOBUS_MAX_SIZE;
  bus.env.FIFOBUS_SLOW_TIMEOUT = "soon";
  assertEquals((await finish(bus.pub("t", "x"))).code, 2);
});

waiting.test("an option that does not apply to an address is an error", async () => {
  await using bus = new TestBus();
  const pipe = bus.file("pipe");
  const cases: [program: "pub" | "sub", args: string[], reason: string][] = [
    [
      "pub",
      ["--wait", pipe, "x"],
      `option --wait is for topics, and "${pipe}" is a FIFO`,
    ],
    [
      "pub",
      ["--slow-timeout=1", pipe, "x"],
      "option --slow-timeout is for topics",
    ],
    ["pub", ["-r", pipe, "x"], "option --retain is for topics"],
    ["pub", ["--reply", pipe, "x"], "option --reply is for topics"],
    [
      "pub",
      ["--no-wait", "mqtt://h/t", "x"],
      'option --no-wait is for a FIFO, and "mqtt://h:1883/t" is a topic of a',
    ],
    [
      "pub",
      ["--timeout=1", "t", "x"],
      "--timeout for a topic goes with --wait or --reply",
    ],
    ["pub", ["--interval=1", "t", "x"], "option --interval goes with --repeat"],
    ["pub", ["--reply", "t"], "--reply goes with a MESSAGE"],
    ["pub", ["-n", "t", "x"], "MESSAGE and --null-message exclude each other"],
    [
      "pub",
      ["-nl", "t"],
      "options --null-message and --lines exclude each other",
    ],
    ["pub", ["--bogus", "t"], "there is no option --bogus (put --"],
    [
      "pub",
      ["--retian", "t"],
      "there is no option --retian (did you mean --retain?)",
    ],
    ["pub", ["--repeat=3", "t"], "--repeat goes with a MESSAGE"],
    [
      "pub",
      ["--from=a", "--null", pipe],
      "options --from and --null exclude each other",
    ],
    [
      "pub",
      ["--from=a", "-v", pipe],
      "options --from and --verbose exclude each other",
    ],
    ["pub", ["--from=a", "-r", pipe], "option --retain is for topics"],
    [
      "pub",
      ["--from=a", "--slow-timeout=1", pipe],
      "option --slow-timeout is for topics",
    ],
    [
      "pub",
      ["--from=a", "--timeout=1", "b"],
      "--timeout for a topic goes with --wait or --reply",
    ],
    [
      "pub",
      ["--reply", "-v", "t", "x"],
      "options --reply and --verbose exclude each other",
    ],
    [
      "pub",
      ["--reply", "--slow-timeout=1", "t", "x"],
      "options --reply and --slow-timeout exclude each other",
    ],
    [
      "pub",
      ["--ca=f", "mqtt://h/t", "x"],
      "option --ca is for mqtts:// and wss://",
    ],
    [
      "pub",
      ["--cert=f", "--key=f", "ws://h/t", "x"],
      "option --cert is for mqtts:// and wss://",
    ],
    [
      "sub",
      ["--insecure", "mqtt://h/t"],
      "option --insecure is for mqtts:// and wss://",
    ],
    [
      "sub",
      ["--ws-path=/x", "mqtts://h/t"],
      "option --ws-path is for ws:// and wss://",
    ],
    ...["--raw", "--json", "--exec=cat", "--format=%p", "--serve=1", ""].map((
      it,
    ): [program: "sub", args: string[], reason: string] => [
      "sub",
      ["--color=always", ...it === "" ? [] : [it], "t"],
      "option --color goes with --verbose or --keyed or --dashboard",
    ]),
    ...["--verbose", "--keyed", "--format=%p", "--raw", "--max-size=1"].map((
      it,
    ): [program: "sub", args: string[], reason: string] => [
      "sub",
      ["--list", it],
      `options --list and ${it.split("=")[0]} exclude each other`,
    ]),
    ["sub", ["-R", pipe], "option --no-retained is for topics"],
    ["sub", ["--retained-only", pipe], "option --retained-only is for topics"],
    ["sub", ["-T", "x", pipe], "option --filter-out is for topics"],
    // These would take messages off the FIFO for nothing, or not show it.
    ...["changes", "every=1", "settle=1", "topics", "retained-only"].map((
      it,
    ): [program: "sub", args: string[], reason: string] => [
      "sub",
      [`--${it}`, "t", pipe],
      `option --${it.split("=")[0]} is for topics, and "${pipe}" is a FIFO`,
    ]),
    ...["list", "publishers"].map((
      it,
    ): [program: "sub", args: string[], reason: string] => [
      "sub",
      [`--${it}`, "t", "mqtt://h/t"],
      `option --${it} is for topics, and "mqtt://h:1883/t" is a topic of a broker`,
    ]),
    ...["json-lines", "replay"].map((
      it,
    ): [program: "pub", args: string[], reason: string] => [
      "pub",
      ["--tee", `--${it}`, "t"],
      `options --tee and --${it} exclude each other`,
    ]),
    ["sub", ["--list", "mqtt://h/t"], "option --list is for topics"],
    ["sub", ["--retry=1", "t"], "option --retry goes with --exec"],
    ["sub", ["--failed", "f", "t"], "option --failed goes with --exec"],
    ...["--exec=x --failed=f/#", "--alarm=t>1 --alarm-to=mqtt://h/+"].map((
      it,
    ): [program: "sub", args: string[], reason: string] => [
      "sub",
      [...it.split(" "), "t"],
      " takes an address of one topic or FIFO, not ",
    ]),
    ["sub", ["$share/g", "t"], "a shared subscription is $share/GROUP/FILTER"],
    ["sub", ["$share//a"], "a shared subscription is $share/GROUP/FILTER"],
    ["sub", ["$share/a+/b"], "a shared subscription is $share/GROUP/FILTER"],
    ["sub", ["$share/g/a#"], "# stands for all levels"],
    ["pub", ["$share/g/a", "x"], "$share/ is for subscribers"],
    ["sub", ["--list", "-C1"], "options --list and --count exclude each other"],
    ["sub", ["--parse", "t"], "option --parse goes with --json"],
    ["sub", ["--jobs=2", "t"], "option --jobs goes with --exec"],
    [
      "sub",
      ["--raw", "--json", "t"],
      "options --raw and --json exclude each other",
    ],
    ["sub", ["-T", "a#", "t"], "option --filter-out takes a topic filter"],
    [
      "sub",
      ["--color=blue", "t"],
      "option --color takes auto, always or never",
    ],
  ];
  // With --from, --timeout limits the time to connect, and is allowed.
  const bridge = ["--from=mqtt://127.0.0.1:1/a", "--timeout=0.1", "b"];
  assertEquals((await finish(bus.pub(...bridge))).code, 124);
  for (const [program, args, reason] of cases) {
    const process = program === "pub" ? bus.pub(...args) : bus.subOnce(...args);
    const { code, stderr } = await finish(process);
    assertEquals([code, stderr.split("\n").length], [2, 2], stderr);
    assert(
      stderr.startsWith(`${program}: `) && stderr.includes(reason),
      stderr,
    );
  }
});

terminalTest(
  "pub shows progress on a terminal while it sends a file, and then removes it",
  async () => {
    await using bus = new TestBus();
    const file = bus.file("lines");
    await Deno.writeTextFile(file, `${"x".repeat(99)}\n`.repeat(500));
    await using subscriber = sub(bus.file("pipe"));
    await using publisher = inTerminal(
      ...commandLine("pub", "--rate=250", "--file", file, bus.file("pipe")),
    );
    const shown = await publisher.until("left");
    assertMatch(
      shown.slice(shown.lastIndexOf("\x1b[K") + 3),
      /^[\d.]+ kB {2}\d+ messages {2}\d+ messages\/s {2}\d+s left$/,
    );
    const { code, stdout } = await publisher.ended();
    assertEquals(code, 0);
    assert(stdout.endsWith("\r\x1b[K"), stdout);
    await finish(bus.pub(bus.file("pipe"), "exit"));
    assertEquals((await subscriber.ended()).stdout.length, 50_000);
  },
);
