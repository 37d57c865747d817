/**
 * `pub --tee`: a tap on a pipeline.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { commandLine, finish, TestBus } from "./harness/process.ts";

Deno.test("pub --tee passes every byte on, and publishes each line", async () => {
  await using bus = new TestBus();
  const random = crypto.getRandomValues(new Uint8Array(30_000));
  random[random.length - 1] = 0x78;
  // Lines of all lengths, a long one over several reads, no newline at the end.
  const lines = [random, new Uint8Array(200_000).fill(0x78)];
  const end = Uint8Array.of(10);
  const bytes = new Uint8Array(
    await new Blob([lines[0]!, end, lines[1]!, end, random]).arrayBuffer(),
  );
  await Deno.writeFile(bus.file("in"), bytes);
  await using subscriber = bus.sh(
    'exec "$@" > "$0"',
    bus.file("got"),
    ...commandLine("sub", "--exit-word=the end", "t"),
  );
  const out = bus.file("out");
  await finish(bus.pub("--wait", "t", "the start"));
  const tee = bus.sh(
    'out="$1"; shift; "$@" < "$0" > "$out"',
    ...[bus.file("in"), out, ...commandLine("pub", "--tee", "t")],
  );
  const { code, stderr } = await finish(tee);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await Deno.readFile(out), bytes);
  await finish(bus.pub("t", "the end"));
  assertEquals((await subscriber.ended()).code, 0);
  const got = await Deno.readFile(bus.file("got"));
  const start = new TextEncoder().encode("the start\n");
  assertEquals(
    got,
    new Uint8Array(
      await new Blob([start, bytes, end]).arrayBuffer(),
    ),
  );
});

Deno.test("pub --tee in a pipeline without subscribers says nothing", async () => {
  await using bus = new TestBus();
  const line = 'seq 200000 | "$0" "$@" | cksum; seq 200000 | cksum';
  const { stdout, stderr } = await finish(
    bus.sh(line, ...commandLine("pub", "--tee", "t")),
  );
  const [copy, original] = stdout.trimEnd().split("\n");
  assertEquals([copy, stderr], [original, ""]);
});

Deno.test("a subscriber that comes within a line starts with the next one", async () => {
  await using bus = new TestBus();
  await using tee = bus.pub("--tee", "t");
  await tee.write("half");
  await tee.until("half");
  await using subscriber = await bus.sub("-C1", "t");
  await tee.write(" a line\nnext\n");
  assertEquals((await subscriber.ended()).stdout, "next\n");
});

Deno.test("a stopped subscriber does not stop the pipeline; what it misses is counted", async () => {
  await using bus = new TestBus();
  const total = 2_000_000;
  await using subscriber = bus.sh(
    'exec "$@" > "$0"',
    bus.file("got"),
    ...commandLine("sub", "--exit-word=the end", "t"),
  );
  await finish(bus.pub("--wait", "t", "the start"));
  subscriber.kill("SIGSTOP");
  const { code, stdout, stderr } = await finish(bus.sh(
    `seq 1000000 ${999_999 + total} | "$0" "$@" | wc -l`,
    ...commandLine("pub", "--tee", "--slow-timeout=inf", "t"),
  ));
  assertEquals([code, Number(stdout)], [0, total]);
  subscriber.kill("SIGCONT");
  await finish(bus.pub("t", "the end"));
  await subscriber.ended();
  const got = (await Deno.readTextFile(bus.file("got"))).trimEnd().split("\n");
  assertEquals(got.shift(), "the start");
  // In order, whole, and with those that were dropped all that there were.
  assert(
    got.every((it, i) => /^[0-9]{7}$/.test(it) && it > (got[i - 1] ?? "")),
  );
  const dropped = [...stderr.matchAll(/^pub: ([0-9]+) messages dropped/gm)]
    .map(([, count]) => Number(count));
  // Some waited until the end, for others there was no room.
  assertEquals(dropped.length, 2, stderr);
  assertEquals(got.length + dropped[0]! + dropped[1]!, total);
});

Deno.test("pub --tee ends quietly when the reader of the pipeline leaves", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C1", "t");
  const { stdout, stderr } = await finish(bus.sh(
    'yes | { "$0" "$@"; echo "code $?" >&2; } | head -n 1',
    ...commandLine("pub", "--tee", "--slow-timeout=0", "--quiet", "t"),
  ));
  assertEquals([stdout, stderr], ["y\n", "code 0\n"]);
  assertEquals((await subscriber.ended()).stdout, "y\n");
});

Deno.test("pub --tee notices that the reader has left, though no more input comes", async () => {
  await using bus = new TestBus();
  await using pipeline = bus.sh(
    '{ "$0" "$@"; echo "code $?" >&2; } | { head -n 1; exec <&-; echo gone; }',
    ...commandLine("pub", "--tee", "t"),
  );
  await pipeline.write("one\n");
  assertEquals(await pipeline.line(), "one");
  assertEquals(await pipeline.line(), "gone");
  await pipeline.write("two\n");
  await pipeline.said(/^code 0\n$/);
});

Deno.test("pub --tee that cannot publish copies on, and ends with code 1", async () => {
  await using bus = new TestBus();
  await Deno.writeTextFile(bus.env.FIFOBUS_DIR!, "not a folder");
  const tee = bus.pub("--tee", "t");
  await tee.write("one\ntwo");
  const { code, stdout, stderr } = await finish(tee);
  assertEquals([code, stdout], [1, "one\ntwo"]);
  assertEquals(stderr.split("\n").length, 2, stderr);
  const wrong = await finish(bus.pub("--tee", "a/#"));
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
});

Deno.test("pub --tee leaves out lines that are too long, and says how many", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C2", "t");
  const tee = bus.pub("--tee", "--max-size=5", "t");
  await tee.write("12345\n123456\n\x18torn\nlast\n");
  const { code, stdout, stderr } = await finish(tee);
  assertEquals([code, stdout], [0, "12345\n123456\n\x18torn\nlast\n"]);
  assertStringIncludes(stderr, "1 message not published: too long");
  assertEquals((await subscriber.ended()).stdout, "12345\n\x18torn\n");
});
