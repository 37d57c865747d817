/**
 * Messages of brokers, in lines that cannot hold all of them.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { FakeBroker } from "./harness/fake_broker.ts";
import { finish, sub } from "./harness/process.ts";

const MESSAGES: [topic: string, payload: string][] = [
  ["a", "one"],
  ["a", "two\na\tforged"],
  ["b\tc", "three"],
  ["a", "four\0"],
  ["a\nb\tforged", "five"],
  ["a", "\n"],
  ["a", ""],
];

/** A broker that has these messages for each subscriber. */
function broker(): FakeBroker {
  return new FakeBroker((packet, send) => {
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [0] });
    for (const [topic, payload] of MESSAGES) {
      const how = { qos: 0, dup: false, retain: false } as const;
      send({ cmd: "publish", topic, payload, ...how });
    }
  });
}

const LEFT_OUT = [
  'sub: 1 message left out: it holds a line feed (topic "a"; --json and --null print it)',
  "sub: 1 more message left out, like the first: it holds a line feed " +
  '(topic "a"; --json and --null print it)',
];

const TAB =
  'sub: 1 message left out: its topic holds a tab (topic "b\\tc"; --json prints it)';
const TABS = [
  TAB,
  TAB.replace("1", "1 more").replace(
    "left out:",
    "left out, like the first:",
  ),
];

const NUL =
  'sub: 1 message left out: it holds a NUL (topic "a"; --json prints it)';

const CASES: [args: string[], stdout: string, stderr: string[]][] = [
  [[], "one\nthree\nfour\0\nfive\n\n", LEFT_OUT],
  ...[["-v"], ["-v", "--record=/dev/null"]].map((
    args,
  ): (typeof CASES)[number] => [args, "a\tone\na\tfour\0\na\t\n", [
    ...[LEFT_OUT[0]!, TABS[0]!, LEFT_OUT[1]!, TABS[1]!],
  ]]),
  [["--keyed", "--null"], "a\tone\0a\ttwo\na\tforged\0a\t\n\0a\t\0", [
    ...[TABS[0]!, NUL, TABS[1]!],
  ]],
  [["--null"], "one\0two\na\tforged\0three\0five\0\n\0\0", [NUL]],
  [["--raw"], "onetwo\na\tforgedthreefour\0five\n", []],
  [["-F", "%l"], "3\n12\n5\n5\n4\n1\n0\n", []],
];

for (const [args, stdout, stderr] of CASES) {
  Deno.test(`sub ${args.join(" ")} prints the messages of a broker that its output can hold, and reports the others`, async () => {
    await using from = broker();
    const count = `-C${MESSAGES.length}`;
    const ended = await finish(sub(...args, count, `${from.url}/#`));
    assertEquals(ended.stdout, stdout);
    assertEquals(ended.stderr.split("\n").filter((it) => it !== ""), stderr);
    assertEquals(ended.code, 0);
  });
}

Deno.test("sub --json prints every message of a broker", async () => {
  await using from = broker();
  const count = `-C${MESSAGES.length}`;
  const { stdout, stderr } = await finish(
    sub("--json", count, `${from.url}/#`),
  );
  const printed = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(printed.map((it) => [it.topic, it.message]), MESSAGES);
  assertEquals(stderr, "");
});
