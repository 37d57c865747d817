/**
 * What a subscriber is told of messages that it missed.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./_bus.ts";
import { eventually, finish, type Process, TestBus } from "./_process.ts";

const COUNT = 300;

/** Publishes more than a subscriber that is stopped has room for. */
async function overflow(
  bus: TestBus,
  sub: Process,
  topics: string[],
): Promise<void> {
  sub.kill("SIGSTOP");
  await using publisher = bus.pub("--slow-timeout=0", "-q", "-l", "--keyed");
  const text = "x".repeat(1000);
  const lines = Array.from(
    { length: COUNT },
    (_, i) => `${topics[i % topics.length]}\t${i} ${text}\n`,
  );
  await publisher.write(lines.join(""));
  // Its pipe is full long before, and what is written next waits for room.
  await finish(bus.pub("--slow-timeout=0", "-q", "elsewhere", "x"));
  sub.kill("SIGCONT");
  // It is told with the next message that the same publisher sends.
  for (let i = 0; i < 50; i++) {
    await publisher.write(`${topics[0]}\tmore ${i}\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await publisher.write(`${topics[0]}\tend\n`);
  await publisher.end();
  await publisher.ended();
}

Deno.test("sub says how many messages it missed, exactly, and --json where", async () => {
  await using bus = new TestBus();
  await using sub = await bus.sub("--json", "--exit-word=end", "a/#");
  await overflow(bus, sub, ["a/1", "a/2"]);
  const { code, stdout, stderr } = await sub.ended();
  assertEquals(code, 0);
  const messages = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const received = messages.length;
  const missed = messages.reduce((sum, it) => sum + (it.missed ?? 0), 0);
  assert(missed > 0);
  assertEquals(received + missed, COUNT + 50);
  const told = [
    ...stderr.matchAll(/^sub: (\d+) messages? missed, not read in time$/gm),
  ];
  assertEquals(told.reduce((sum, [, it]) => sum + Number(it), 0), missed);
});

Deno.test("sub --strict-delivery ends with code 4 before the gap", async () => {
  await using bus = new TestBus();
  await using sub = await bus.sub("--strict-delivery", "a");
  await overflow(bus, sub, ["a"]);
  const { code, stdout, stderr } = await sub.ended();
  assertEquals(code, 4);
  assertMatch(stderr, /^sub: \d+ messages missed, not read in time\n$/);
  const numbers = stdout.trimEnd().split("\n").map((line) => parseInt(line));
  assertEquals(numbers, numbers.map((_, i) => i));
});

Deno.test("Message.missed counts for the subscription that missed, and no other", async () => {
  await using _bus = ownBus();
  await using one = await Subscriber.open("a/#");
  await using other = await Subscriber.open("b");
  await using publisher = await Publisher.open("a/1", { slowTimeoutMs: 0 });
  const text = "x".repeat(1000);
  let dropped = 0;
  {
    // Nothing is read while this loop has the process.
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

Deno.test("a publisher that ends tells what was missed, if there is room again", async () => {
  await using bus = ownBus();
  await using subscriber = await Subscriber.open("t");
  const publisher = await Publisher.open("t", { delimiter: "\0" });
  assertEquals(await publisher.publish("two\nlines"), 0);
  await publisher.close();
  await finish(bus.pub("t", "next"));
  const [message] = (await subscriber.read())!;
  assertEquals([message!.text, message!.missed], ["next", 1]);
});

Deno.test("a member that takes no line feeds is told what it missed for them", async () => {
  await using _bus = ownBus();
  await using lines = await Subscriber.open("t");
  await using publisher = await Publisher.open("t", { delimiter: "\0" });
  assertEquals(await publisher.publish("two\nlines"), 0);
  assertEquals(await publisher.publish("one"), 1);
  const messages = (await lines.read())!;
  assertEquals(messages.map((it) => [it.text, it.missed]), [["one", 1]]);
});
