/**
 * The queues in memory, each on its own.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { FifobusError } from "../lib/errors.ts";
import { Demand } from "../lib/queues/demand.ts";
import { Inbound } from "../lib/queues/inbound.ts";
import { Outbox } from "../lib/queues/outbox.ts";
import { Window } from "../lib/queues/window.ts";
import { WireMessage } from "../lib/wire/message.ts";

const LINE_FEED = 0x0a;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function message(text: string, topic = "t"): WireMessage {
  return new WireMessage(topic, bytes(text));
}

/** An outbox with writes of 8 bytes, and what it wrote. */
function outbox(): { box: Outbox; written: string[] } {
  const written: string[] = [];
  const write = (bytes: Uint8Array<ArrayBuffer>) => {
    written.push(text(bytes));
    return Promise.resolve();
  };
  return { box: new Outbox(write, 8), written };
}

Deno.test("Outbox writes messages that were added together in one write, in order", async () => {
  const { box, written } = outbox();
  const all = ["a\n", "bb\n", "cc\n", "d\n", "0123456789\n", "e\n"]
    .map((it) => box.add(bytes(it)));
  assertEquals(box.bufferedBytes, 23);
  await Promise.all(all);
  assertEquals(written, ["a\nbb\ncc\n", "d\n", "0123456789\n", "e\n"]);
  assertEquals(box.bufferedBytes, 0);
});

Deno.test("Outbox.addAll() cuts between messages only, with no write above the limit", async () => {
  const { box, written } = outbox();
  await box.addAll(bytes("a\nbb\nccccc\ndddddddddddd\n\n"), LINE_FEED);
  assertEquals(written, ["a\nbb\n", "ccccc\n", "dddddddddddd\n", "\n"]);
});

Deno.test("Outbox fails the messages behind a write that failed, and writes later messages", async () => {
  let isBroken = true;
  const written: string[] = [];
  const box = new Outbox((bytes) => {
    if (isBroken) return Promise.reject(new Error("no"));
    written.push(text(bytes));
    return Promise.resolve();
  }, 4);
  const failed = ["aaa\n", "bbb\n"].map((it) => box.add(bytes(it)));
  for (const it of failed) await assertRejects(() => it, Error, "no");
  assertEquals(box.bufferedBytes, 0);
  await box.drained();
  isBroken = false;
  await box.add(bytes("ccc\n"));
  assertEquals(written, ["ccc\n"]);
});

Deno.test("Outbox counts dropped messages instead of failing, if its caller asks for that", async () => {
  const lost: string[] = [];
  const box = new Outbox(
    () => Promise.reject(new Error("no")),
    4,
    (_, bytes) => {
      lost.push(text(bytes));
      return 1;
    },
  );
  assertEquals(await box.add(bytes("aaa\n")), 1);
  assertEquals(await box.addAll(bytes("b\nc\nddd\n"), LINE_FEED), 2);
  assertEquals(lost, ["aaa\n", "b\nc\n", "ddd\n"]);
});

Deno.test("Window admits messages in order up to its limits, and always admits a single one", () => {
  const window = new Window(() => ({ messages: 2, bytes: 10 }));
  let admitted = "";
  const enter = (name: string, bytes: number) =>
    window.enter({
      bytes,
      admitted: () => admitted += name,
      aborted: () => admitted += "!",
    });
  enter("a", 100);
  enter("b", 1);
  enter("c", 10);
  enter("d", 1);
  assertEquals([admitted, window.bytes], ["a", 112]);
  window.leave(100);
  // d would fit, but c is before it.
  assertEquals([admitted, window.bytes], ["ab", 12]);
  window.leave(1);
  window.leave(10);
  assertEquals([admitted, window.bytes], ["abcd", 1]);
});

Deno.test("Window.abort() gives up messages that wait, and still counts the others", () => {
  const window = new Window(() => ({ messages: 1, bytes: 10 }));
  const seen: unknown[] = [];
  const enter = (bytes: number) =>
    window.enter({
      bytes,
      admitted: () => seen.push(bytes),
      aborted: (reason) => seen.push(reason),
    });
  enter(3);
  enter(4);
  window.abort("over");
  assertEquals([seen, window.bytes], [[3, "over"], 3]);
  enter(5);
  window.leave(3);
  assertEquals(seen, [3, "over", 5]);
});

Deno.test("Window takes messages that are through at once, however many wait", () => {
  const window = new Window(() => ({ messages: 1, bytes: 10 }));
  let count = 0;
  const admitted = () => {
    count++;
    window.leave(1);
  };
  window.enter({ bytes: 1, admitted: () => {}, aborted: () => {} });
  for (let i = 0; i < 100_000; i++) {
    window.enter({ bytes: 1, admitted, aborted: () => {} });
  }
  window.leave(1);
  assertEquals([count, window.bytes], [100_000, 0]);
});

Deno.test("Inbound hands out all messages that have come, and then ends", async () => {
  const inbound = new Inbound(10);
  const next = inbound.next();
  inbound.add(message("1"));
  inbound.add(message("2"));
  inbound.addFirst([message("0")]);
  const texts = (await next)!.map(({ text }) => text);
  assertEquals(texts, ["0", "1", "2"]);
  inbound.add(message("3"));
  inbound.end(new Error("broken"));
  inbound.add(message("4"));
  assertEquals((await inbound.next())!.map(({ text }) => text), ["3"]);
  await assertRejects(() => inbound.next(), Error, "broken");
});

Deno.test("Inbound puts any number of messages ahead of the others", async () => {
  const inbound = new Inbound(10);
  const [first, last] = ["a", "z"].map((text) =>
    new WireMessage("t", new TextEncoder().encode(text))
  ) as [WireMessage, WireMessage];
  inbound.add(last);
  // More than a call takes as arguments.
  inbound.addFirst(new Array(200_000).fill(first));
  const messages = (await inbound.next())!;
  assertEquals(messages.length, 200_001);
  assertEquals([messages[0], messages.at(-1)], [first, last]);
});

Deno.test("Inbound hands out the messages before one that is too large, and then ends", async () => {
  const inbound = new Inbound(3);
  inbound.add(message("123"));
  inbound.add(message("1234", "a/b"));
  assertEquals((await inbound.next())!.length, 1);
  const error = await assertRejects(() => inbound.next(), FifobusError, "a/b");
  assertEquals(error.code, "message_too_large");
});

Deno.test("Inbound is full at 1000 messages, or 1 MiB", () => {
  const many = new Inbound(Infinity);
  for (let i = 0; i < 999; i++) many.add(message(""));
  assert(!many.isFull);
  many.add(message(""));
  assert(many.isFull);
  const large = new Inbound(Infinity);
  large.add(message("x".repeat(2 ** 20 - 1)));
  assert(!large.isFull);
  large.add(message("x"));
  assert(large.isFull);
  large.clear();
  assert(!large.isFull);
});

Deno.test("Demand gives out as many as the limit and the current read allow", () => {
  const demand = new Demand(3.9);
  const messages = ["a", "b", "c", "d"].map((it) => message(it));
  demand.want(1);
  assertEquals(demand.take(messages).length, 1);
  assertEquals([demand.now, demand.isOver], [0, false]);
  demand.want(Infinity);
  assertEquals(demand.take(messages.slice(1)).length, 2);
  assertEquals([demand.now, demand.isOver], [0, true]);
  demand.untake(1);
  assertEquals([demand.now, demand.isOver], [1, false]);
});

Deno.test("Demand.takeOwn() does not change how many the current read wants", async () => {
  const demand = new Demand(2);
  demand.want(1);
  const changed = demand.changed;
  assertEquals(
    demand.takeOwn(["a", "b", "c"].map((it) => message(it))).length,
    2,
  );
  assertEquals(demand.isOver, true);
  demand.notify();
  await changed;
});
