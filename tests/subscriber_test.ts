import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import {
  FifobusError,
  type Message,
  publish,
  Publisher,
  subscribe,
  Subscriber,
} from "../mod.ts";
import { Folder } from "./harness/folder.ts";
import { finish, sh, sub } from "./harness/process.ts";

function texts(messages: Message[] | undefined): string[] | undefined {
  return messages?.map((message) => message.text);
}

Deno.test("a Subscriber closed during a read takes no message from the next Subscriber", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  for (let round = 0; round < 20; round++) {
    const first = await Subscriber.open(path);
    const pending = first.read();
    // Lets the read reach the kernel.
    await Deno.stat(path);
    await using second = await Subscriber.open(path);
    await first.close();
    assertEquals(await pending, undefined);
    await publish(path, `message ${round}`);
    assertEquals(texts(await second.read()), [`message ${round}`]);
  }
});

Deno.test("Subscriber.close() leaves the messages that it did not take to other readers", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using other = await Subscriber.open(path);
  const subscriber = await Subscriber.open(path);
  await publish(path, "x");
  await subscriber.close();
  assertEquals(texts(await other.read()), ["x"]);
});

Deno.test("Subscriber.close() ends although another reader waits for longer", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using elsewhere = sub("--no-exit-word", path);
  await finish(sh('echo ready > "$0"', path));
  assertEquals(await elsewhere.line(), "ready");
  for (let round = 0; round < 5; round++) {
    const subscriber = await Subscriber.open(path);
    const pending = subscriber.read();
    await Deno.stat(path);
    await subscriber.close();
    assertEquals(await pending, undefined);
  }
  await publish(path, "last");
  // No wake marker of the closed Subscribers was taken for a message.
  assertEquals(await elsewhere.line(), "last");
});

Deno.test("a Subscriber that waits can be aborted with a reason", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const reason = new Error("enough");
  const controller = new AbortController();
  const subscriber = await Subscriber.open(path, controller);
  const reading = subscriber.read();
  controller.abort(reason);
  assertEquals(await reading.catch((error) => error), reason);
  assertEquals(await subscriber.read().catch((error) => error), reason);
  await subscriber.close();
  await assertRejects(
    () => Array.fromAsync(subscribe(path, controller)),
    Error,
    "enough",
  );
});

Deno.test("Subscriber iterates from where the last loop ended", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path);
  await using publisher = await Publisher.open(path);
  await Promise.all(["a", "b", "c"].map((text) => publisher.publish(text)));
  for await (const message of subscriber) {
    assertEquals(message.text, "a");
    break;
  }
  assertEquals(texts(await subscriber.read()), ["b", "c"]);
});

Deno.test("loops and reads of one Subscriber, one at a time, share its messages", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const sent = Array.from({ length: 300 }, (_, i) => `${i}`);
  const subscriber = await Subscriber.open(path, { limit: sent.length });
  const received: string[] = [];
  const loop = async () => {
    for await (const { text } of subscriber) {
      received.push(text);
      await Promise.resolve();
    }
  };
  const reads = async (max: number) => {
    for (let taken; (taken = await subscriber.read(max));) {
      assert(taken.length > 0 && taken.length <= max);
      received.push(...texts(taken)!);
    }
  };
  const iterator = subscriber[Symbol.asyncIterator]();
  const both = Promise.all([iterator.next(), iterator.next()]);
  const all = Promise.all([
    loop(),
    loop(),
    reads(2),
    reads(Infinity),
    reads(7),
  ]);
  await using publisher = await Publisher.open(path);
  for (const [i, text] of sent.entries()) {
    const published = publisher.publish(text);
    if (i % 30 === 0) await published;
  }
  await all;
  for (const { value } of await both) received.push(value!.text);
  assertEquals(received.sort((a, b) => Number(a) - Number(b)), sent);
  await subscriber.close();
});

Deno.test("Subscriber with several reads pending is closed, and aborted", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const closed = await Subscriber.open(path);
  const pending = [closed.read(), closed.read(1), closed.read()];
  await closed.close();
  assertEquals(await Promise.all(pending), [undefined, undefined, undefined]);
  const controller = new AbortController();
  const aborted = await Subscriber.open(path, controller);
  const reading = [aborted.read(), aborted.read(1)];
  controller.abort(new Error("enough"));
  for (const result of reading) {
    await assertRejects(() => result, Error, "enough");
  }
  await aborted.close();
});

Deno.test("Subscriber.readable and .lines are streams of messages and of texts", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path);
  await publish(path, "21.5\r");
  const reader = subscriber.readable.getReader();
  const { value } = await reader.read();
  assertEquals([value!.text, value!.topic], ["21.5\r", path]);
  reader.releaseLock();
  await publish(path, "21.6\r");
  const lines = subscriber.lines.getReader();
  assertEquals(await lines.read(), { value: "21.6", done: false });
  await lines.cancel();
  // Without a turn of the event loop.
  let isClosed = false;
  subscriber.close().then(() => isClosed = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertEquals(isClosed, true);
  assertEquals(await subscriber.read(), undefined);
});

Deno.test("Subscriber.lines splits at NUL with that delimiter", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path, { delimiter: "\0" });
  await publish(path, "two\nlines", { delimiter: "\0" });
  await publish(path, "b", { delimiter: "\0" });
  const lines = subscriber.lines.getReader();
  assertEquals((await lines.read()).value, "two\nlines");
  assertEquals((await lines.read()).value, "b");
  await lines.cancel();
});

Deno.test("Subscriber reads several FIFOs, and each message says its FIFO", async () => {
  await using folder = new Folder();
  const paths = ["a", "b", "c"].map((name) => folder.file(name));
  await using subscriber = await Subscriber.open(paths);
  for (const path of [...paths, ...paths]) {
    await publish(path, "x");
    const [message] = (await subscriber.read())!;
    assertEquals([message!.topic, message!.text], [path, "x"]);
  }
});

Deno.test("a process can read 24 FIFOs; one more is an error, and all get closed", async () => {
  await using folder = new Folder();
  const paths = Array.from({ length: 25 }, (_, i) => folder.file(`pipe${i}`));
  const error = await assertRejects(
    () => Subscriber.open(paths),
    FifobusError,
  ) as FifobusError;
  assertEquals(error.code, "too_many_readers");
  await using subscriber = await Subscriber.open(paths.slice(1));
  const reading = subscriber.read();
  await Deno.stat(folder.path);
  await publish(paths[24]!, "x");
  assertEquals(texts(await reading), ["x"]);
});

Deno.test("Message.json() reads the message as JSON, or throws", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = await Subscriber.open(path);
  for (const text of ['{"a":[1,"ä"]}', "no"]) await publish(path, text);
  const messages: Message[] = [];
  while (messages.length < 2) messages.push(...(await subscriber.read())!);
  assertEquals(messages[0]!.json(), { a: [1, "ä"] });
  assertThrows(() => messages[1]!.json(), SyntaxError);
});

Deno.test("a message that this Subscriber did not hand out does not go back", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const first = await Subscriber.open(path, { limit: 2 });
  for (const text of ["one", "two"]) await publish(path, text);
  const [one] = (await first.read(1))!;
  const copy = { ...one!, topic: path, text: "made up" } as Message;
  await first.close([copy, one!]);
  await using second = await Subscriber.open(path, { limit: 2 });
  const texts = await Array.fromAsync(second, ({ text }) => text);
  assertEquals(texts, ["one", "two"]);
});
