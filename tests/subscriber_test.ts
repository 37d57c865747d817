import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import {
  FifobusError,
  type Message,
  publish,
  Publisher,
  subscribe,
  Subscriber,
} from "../mod.ts";
import { Folder } from "./_folder.ts";
import { finish, sh, sub } from "./_process.ts";

function texts(messages: Message[] | undefined): string[] | undefined {
  return messages?.map((message) => message.text);
}

Deno.test("Subscriber closed with a read pending steals nothing from the next one", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  for (let round = 0; round < 20; round++) {
    const first = await Subscriber.open(path);
    const pending = first.read();
    // Lets the read get as far as the kernel.
    await Deno.stat(path);
    await using second = await Subscriber.open(path);
    await first.close();
    assertEquals(await pending, undefined);
    await publish(path, `message ${round}`);
    assertEquals(texts(await second.read()), [`message ${round}`]);
  }
});

Deno.test("Subscriber.close() leaves what it did not take to other readers", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using other = await Subscriber.open(path);
  const subscriber = await Subscriber.open(path);
  await publish(path, "x");
  await subscriber.close();
  assertEquals(texts(await other.read()), ["x"]);
});

Deno.test("Subscriber.close() comes back though another reader waits for longer", async () => {
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
  // No marker of the ones that closed was taken for a message.
  assertEquals(await elsewhere.line(), "last");
});

Deno.test("Subscriber is aborted while it waits, with the reason given", async () => {
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

Deno.test("Subscriber iterates on where the last loop was left", async () => {
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

Deno.test("Subscriber.readable and .lines are streams of messages and of texts", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const subscriber = await Subscriber.open(path);
  await publish(path, "21.5\r");
  const reader = subscriber.readable.getReader();
  const { value } = await reader.read();
  assertEquals([value!.text, value!.topic], ["21.5\r", path]);
  reader.releaseLock();
  await publish(path, "21.6\r");
  const lines = subscriber.lines.getReader();
  assertEquals(await lines.read(), { value: "21.6", done: false });
  await lines.cancel();
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

Deno.test("Subscriber reads several FIFOs, and says which a message is from", async () => {
  await using folder = new Folder();
  const paths = ["a", "b", "c"].map((name) => folder.file(name));
  await using subscriber = await Subscriber.open(paths);
  for (const path of [...paths, ...paths]) {
    await publish(path, "x");
    const [message] = (await subscriber.read())!;
    assertEquals([message!.topic, message!.text], [path, "x"]);
  }
});

Deno.test("24 FIFOs can be read in a process, one more is an error, none stays open", async () => {
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
