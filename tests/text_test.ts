/**
 * Special characters: U+FEFF, and control characters that a terminal obeys.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { complain } from "../lib/cli/program.ts";
import { publish, request, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { Folder } from "./harness/folder.ts";
import { terminalTest, testWithout, withoutFullDisk } from "./harness/needs.ts";
import {
  commandLine,
  finish,
  inTerminal,
  pub,
  sh,
  TestBus,
} from "./harness/process.ts";

/** A character like any other by the rules of MQTT 5, section 1.5.4. */
const FEFF = "\ufeff";

Deno.test("U+FEFF stays in messages, topics, lines and answers", async () => {
  await using bus = ownBus();
  const topic = `${FEFF}a`;
  await using subscriber = await Subscriber.open(topic);
  await publish(topic, `${FEFF}1`);
  const [message] = (await subscriber.read())!;
  assertEquals([message!.topic, message!.text], [topic, `${FEFF}1`]);
  for (const text of [`${FEFF}2`, `${FEFF}3`]) await publish(topic, text);
  const lines = subscriber.lines.values();
  for (const text of [`${FEFF}2`, `${FEFF}3`]) {
    assertEquals(await lines.next(), { value: text, done: false });
  }
  await lines.return!();
  await using responder = await Subscriber.open("ask");
  const asked = request("ask", `${FEFF}?`);
  const [question] = (await responder.read())!;
  await question!.reply(`${FEFF}${question!.text}`);
  assertEquals((await asked).text, `${FEFF}${FEFF}?`);
  assertEquals(bus.names().length, 1);
});

Deno.test("sub prints U+FEFF in every format, and it is not JSON", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("--retain", `${FEFF}a`, `${FEFF}1`));
  const outputs: [args: string[], expected: string][] = [
    [["-v"], `${FEFF}a\t${FEFF}1\n`],
    [["-F", "%t %p %l"], `${FEFF}a ${FEFF}1 4\n`],
    [["--json", "--parse"], `"message":"${FEFF}1"}\n`],
    [["-F", "%J"], `"message":"${FEFF}1"}\n`],
  ];
  for (const [args, expected] of outputs) {
    const { stdout } = await finish(
      bus.subOnce("--retained-only", ...args, `${FEFF}a`),
    );
    assertStringIncludes(stdout, expected);
  }
  // RFC 8259, section 8.1. An argument, then standard input.
  const { code } = await finish(bus.pub("--json", "a", `${FEFF}1`));
  assertEquals(code, 1);
  await using publisher = bus.pub("--json", "-s", "a");
  await publisher.write(`${FEFF}1`);
  await publisher.end();
  assertEquals((await publisher.ended()).code, 1);
});

const ESCAPES = "\x1b]0;title\x07\u009b2J\u202e";
const SHOWN = "^[]0;title^G<U+009B>2J<U+202E>";

Deno.test("an argument that is not UTF-8 is refused: no other file is made, and no other message sent", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const line = 'bytes=$(printf "\\377"); "$@"';
  const commands: [words: string, command: string[]][] = [
    [`"$bytes"`, commandLine("pub", "--no-wait", path)],
    [`"$bytes"`, commandLine("sub", "--timeout", "1ms", path, "--record")],
    [`"$0$bytes" hello`, commandLine("pub", "--no-wait")],
    [`"$0$bytes"`, commandLine("sub", "--timeout", "1ms")],
  ];
  for (const [words, command] of commands) {
    const { code, stderr } = await finish(
      sh(`cd "\${0%/*}" && ${line} ${words}`, path, ...command),
    );
    assert(code === 2 || code === 1, stderr);
    assertStringIncludes(stderr, "UTF-8");
  }
  assertEquals([...Deno.readDirSync(folder.path)], []);
  const { code, stderr } = await finish(pub(path, "a\ufffdb"));
  const text =
    'argument 2 is not UTF-8, or holds U+FFFD: "a\ufffdb"; a message can come from standard input';
  assertEquals([code, stderr], [2, `pub: ${text}; see pub --help\n`]);
});

Deno.test("reports on standard error move no cursor", async () => {
  await using bus = new TestBus();
  const said: [name: "pub" | "sub", args: string[]][] = [
    ["pub", [`--${ESCAPES}`]],
    ["pub", [`--timeout=${ESCAPES}`, "a", "b"]],
    ["pub", ["--file", bus.file(ESCAPES), "a"]],
    ["sub", ["-C1", bus.file(`${ESCAPES}/pipe`)]],
  ];
  for (const [name, args] of said) {
    const { stderr } = await finish(
      name === "pub" ? bus.pub(...args) : bus.subOnce(...args),
    );
    assertStringIncludes(stderr, SHOWN);
    assertEquals(stderr.replaceAll(SHOWN, "").match(/[^\n -~]/g), null, stderr);
  }
});

Deno.test("sub --json has no control characters, whatever the message", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("--retain", "a\u202eb\u2028", "text"));
  const line = 'printf "\\377" | "$@"';
  await finish(
    bus.sh(line, "sh", ...commandLine("pub", "-rs", "c\u202ed\u2028")),
  );
  const { stdout } = await finish(
    bus.subOnce("--retained-only", "--json", "#"),
  );
  assertEquals(stdout.match(/[^\n -~]/g), null, stdout);
  const topics = stdout.trimEnd().split("\n").map((it) => JSON.parse(it).topic);
  assertEquals(topics, ["a\u202eb\u2028", "c\u202ed\u2028"]);
});

Deno.test("complain() never fails, and writes the whole line", () => {
  let written = "";
  const stderr = {
    writeSync: (bytes: Uint8Array) => {
      written += new TextDecoder().decode(bytes.subarray(0, 5));
      return Math.min(bytes.length, 5);
    },
  } as typeof Deno.stderr;
  complain("pub", { stderr }, "two\r\n  lines\t\x1b[2J");
  assertEquals(written, "pub: two lines\t^[[2J\n");
  for (const { WouldBlock, BrokenPipe } of [Deno.errors]) {
    for (const error of [new WouldBlock(), new BrokenPipe(), new Error()]) {
      const full = {
        writeSync: () => {
          throw error;
        },
      } as unknown as typeof Deno.stderr;
      complain("pub", { stderr: full }, "text");
    }
  }
});

Deno.test("a message that holds its delimiter is refused with advice for its caller", async () => {
  await using bus = ownBus();
  const error = await publish("a", "two\nlines").catch((it) => it);
  assertStringIncludes(error.message, 'use { delimiter: "\\0" } on both sides');
  const json = await finish(bus.pub("--json", "a", '{\n "celsius": 21\n}'));
  assertEquals([json.code, json.stderr], [
    1,
    'pub: Cannot publish to "a": byte 1 of the message is a line feed, which ' +
    "would end it there; use --null on both sides\n",
  ]);
  const nul = await finish(
    bus.sh(
      'printf "a\\0b" | "$@"',
      "sh",
      ...commandLine("pub", "-s", "--null", "a"),
    ),
  );
  assertStringIncludes(nul.stderr, "use no --null on both sides");
  // A responder and a publisher of others, who say it, too.
  const command = ["--exec", 'printf "a\\nb"', "--respond"];
  await using responder = await bus.sub(...command, "b");
  await finish(bus.pub("--reply", "--timeout=50ms", "b", "?"));
  await responder.said(/use --null on both sides/);
  await using _lines = await bus.sub("c");
  const dropped = await finish(bus.pub("--null", "c", "two\nlines"));
  assertStringIncludes(dropped.stderr, "use --null on both sides");
});

testWithout(
  withoutFullDisk,
  "a full disk behind standard error changes no exit code",
  async () => {
    await using bus = new TestBus();
    const path = await bus.fifo();
    const codes: [args: string[], code: number][] = [
      [["--no-wait", path, "x"], 3],
      [["--timeout", "50ms", path, "x"], 124],
      [["--nonsense"], 2],
      [["-v", "a", "x"], 0],
    ];
    for (const [args, code] of codes) {
      const ended = await finish(
        bus.sh('"$0" "$@" 2> /dev/full', ...commandLine("pub", ...args)),
      );
      assertEquals(ended.code, code, args.join(" "));
    }
  },
);

Deno.test("sub --list leaves out names that are not filters", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("a");
  const folder = bus.env.FIFOBUS_DIR!;
  const names = ["a%1B%5B31mEVIL%0Aforged%099999", "b%23c", "%ED%A0%80"]
    .map((filter) => `${folder}/${filter}@1-x`);
  await using _readers = bus.sh(
    'mkfifo "$@" && exec 3<>"$1" 4<>"$2" 5<>"$3" && echo there && read -r end',
    "sh",
    ...names,
  );
  await _readers.line();
  const { stdout } = await finish(bus.subOnce("--list"));
  assertEquals(stdout.match(/^a\t\d+\t[^\t\n]+\tsub a\n$/)?.length, 1, stdout);
  assertEquals(stdout.split("\t")[1], `${subscriber.pid}`);
});

terminalTest("sub --list on a terminal shows control characters", async () => {
  await using bus = new TestBus();
  await using _subscriber = await bus.sub("a\u202eb");
  const path = await bus.fifo("p\x1b[31m");
  const outputs: [args: string[], expected: string][] = [
    [[], "a<U+202E>b\t"],
    [[path], "p^[[31m\t"],
    [["--json"], '"filter":"a\\u202eb"'],
    [["--json", path], "p\\u001b[31m"],
  ];
  for (const [args, expected] of outputs) {
    await using list = inTerminal(
      ...["env", `FIFOBUS_DIR=${bus.env.FIFOBUS_DIR}`],
      ...commandLine("sub", "--list", ...args),
    );
    assertStringIncludes((await list.ended()).stdout, expected);
  }
});
