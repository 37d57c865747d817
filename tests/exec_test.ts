/**
 * `sub --exec`: a command for each message.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { commandLine, eventually, finish, TestBus } from "./_process.ts";

Deno.test("sub --exec runs a command with the message as its input", async () => {
  await using bus = new TestBus();
  const command = 'printf "%s %s %s %s|" $FIFOBUS_SEQUENCE $FIFOBUS_TOPIC ' +
    "$FIFOBUS_RETAINED $FIFOBUS_REPLY_TO; cat; echo .";
  await finish(bus.pub("--retain", "a", "kept"));
  await using subscriber = await bus.sub("--exec", command, "#");
  assertEquals(await subscriber.line(), "1 a 1 |kept.");
  await finish(bus.pub("b/c", "$(touch x) 'quoted' ü"));
  assertEquals(await subscriber.line(), "2 b/c 0 |$(touch x) 'quoted' ü.");
  await finish(bus.pub("b", "exit"));
  assertEquals((await subscriber.ended()).code, 0);
});

Deno.test("a command that does not read its input is fine with a large one", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C1", "--exec", "echo done", "t");
  await using publisher = bus.pub("t");
  await publisher.write(`${"x".repeat(500_000)}\n`);
  await publisher.end();
  const { code, stdout, stderr } = await subscriber.ended();
  assertEquals([code, stdout, stderr], [0, "done\n", ""]);
});

Deno.test("a command that fails is reported and counted, and stops sub with --strict", async () => {
  await using bus = new TestBus();
  const command = 'read code; echo "$code"; exit $code';
  for (const strict of [false, true]) {
    const more = strict ? ["--strict"] : [];
    await using subscriber = await bus.sub(...more, "--exec", command, "t");
    await using publisher = bus.pub("t");
    await publisher.write("0\n3\n4\n0\nexit\n");
    await publisher.end();
    const { code, stdout, stderr } = await subscriber.ended();
    const first = "sub: the command for message 2 (t) failed with code 3\n";
    if (strict) {
      assertEquals([code, stderr], [1, `${first}sub: Stopped by --strict\n`]);
      assert(stdout.startsWith("0\n3\n"));
      continue;
    }
    assertEquals([code, stdout], [0, "0\n3\n4\n0\n"]);
    assertEquals(
      stderr,
      `${first}sub: the command for message 3 (t) failed with code 4\n` +
        "sub: 2 commands failed\n",
    );
  }
});

Deno.test("sub --jobs runs so many commands at a time, and waits for all", async () => {
  await using bus = new TestBus();
  // Each waits until all three are there.
  const command = 'cd "$DIR"; : > $FIFOBUS_SEQUENCE; ' +
    "until [ -e 1 ] && [ -e 2 ] && [ -e 3 ]; do :; done; echo $(cat)";
  bus.env.DIR = bus.path;
  await using subscriber = await bus.sub("--jobs=3", "--exec", command, "t");
  await using publisher = bus.pub("t");
  await publisher.write("a\nb\nc\nexit\n");
  await publisher.end();
  const { stdout } = await subscriber.ended();
  assertEquals(stdout.split("\n").toSorted(), ["", "a", "b", "c"]);
});

Deno.test("sub --exec one at a time keeps the order", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("--exec", "cat; echo", "t");
  await using publisher = bus.pub("t");
  const lines = Array.from({ length: 50 }, (_, i) => `${i}\n`).join("");
  await publisher.write(`${lines}exit\n`);
  await publisher.end();
  assertEquals((await subscriber.ended()).stdout, lines);
});

Deno.test("sub --exec ends quietly when nobody reads what the commands print", async () => {
  await using bus = new TestBus();
  const command = commandLine("sub", "--exec", "cat; echo", "t");
  await using line = bus.sh('"$@" | head -n 1', "sh", ...command);
  await eventually(() => bus.names().length > 0);
  await using publisher = bus.pub("t");
  await publisher.write("one\n");
  assertEquals(await line.line(), "one");
  await eventually(async () => {
    await publisher.write("more\n").catch(() => {});
    return bus.names().length === 0;
  });
  assertEquals((await line.ended()).stderr, "");
});

Deno.test("sub --exec --respond answers pub --reply", async () => {
  await using bus = new TestBus();
  const double = 'read n; [ "$n" != 13 ] || exit 1; echo $((2 * n))';
  await using responder = await bus.sub(
    "--exec",
    double,
    "--respond",
    "double",
  );
  const { code, stdout, stderr } = await finish(
    bus.pub("--reply", "double", "21"),
  );
  assertEquals([code, stdout, stderr], [0, "42\n", ""]);
  const unlucky = await finish(
    bus.pub("--reply", "--timeout=200ms", "double", "13"),
  );
  assertEquals([unlucky.code, unlucky.stdout], [124, ""]);
  // What is no request has nobody to answer: it is printed.
  await finish(bus.pub("double", "4"));
  assertEquals(await responder.line(), "8");
});

Deno.test("pub --reply=N prints the answers of several", async () => {
  await using bus = new TestBus();
  const responders = await Promise.all(
    ["a", "b"].map((name) =>
      bus.sub("--exec", `echo ${name}`, "--respond", "who")
    ),
  );
  await using _all = {
    [Symbol.asyncDispose]: async () => {
      for (const responder of responders) {
        await responder[Symbol.asyncDispose]();
      }
    },
  };
  await eventually(() => bus.names().length === 2);
  const both = await finish(bus.pub("--reply=2", "who", ""));
  assertEquals(both.stdout.split("\n").toSorted(), ["", "a", "b"]);
  const three = await finish(bus.pub("--reply=3", "--timeout=1", "who", "?"));
  assertEquals([three.code, three.stdout.length], [124, 4]);
});

Deno.test("pub --reply says that nobody is there to answer", async () => {
  await using bus = new TestBus();
  const { code, stderr } = await finish(bus.pub("--reply", "t", "x"));
  assertEquals(code, 3);
  assert(stderr.includes("nobody subscribes"), stderr);
});

Deno.test("a plain shell answers pub --reply", async () => {
  await using bus = new TestBus();
  const answer = new URL("../examples/topics/publish.sh", import.meta.url);
  await using asker = bus.pub("--reply", "--wait", "plain", "ping");
  // US, octal 37, is between the topic and the reply topic.
  const line = 'mkfifo "$0/plain@1"; exec 3<>"$0/plain@1"; ' +
    "IFS=$(printf '\\037\\t') read -r topic reply message <&3; " +
    'sh "$1" "$reply" "$topic: $message, pong"';
  await eventually(() => bus.names().length > 0);
  await using _shell = bus.sh(line, bus.env.FIFOBUS_DIR!, answer.pathname);
  assertEquals(await asker.line(), "plain: ping, pong");
});
