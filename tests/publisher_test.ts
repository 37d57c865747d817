import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { ROOT } from "./harness/programs.ts";
import {
  FifobusError,
  publish,
  Publisher,
  request,
  Subscriber,
} from "../mod.ts";
import { Folder } from "./harness/folder.ts";
import {
  eventually,
  finish,
  Process,
  pub,
  repeatUntil,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

async function texts(subscriber: Subscriber, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const messages = await subscriber.read();
    if (!messages) break;
    texts.push(...messages.map((message) => message.text));
  }
  return texts;
}

async function code(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, FifobusError);
  return (error as FifobusError).code;
}

waiting.test("Publisher.publish() keeps the order, awaited or not", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path);
  await using publisher = await Publisher.open(path);
  const sent = Array.from({ length: 20_000 }, (_, i) => `${i}`);
  const received = texts(subscriber, sent.length);
  for (const [i, text] of sent.entries()) {
    const written = publisher.publish(
      i % 3 ? text : new TextEncoder().encode(text),
    );
    if (i % 1000 === 0) await written;
  }
  assert(publisher.bufferedBytes > 0);
  assertEquals(await received, sent);
  await publisher.close();
  assertEquals(publisher.bufferedBytes, 0);
});

waiting.test("Publisher.publish() resolves once the message is in the FIFO, not before", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using publisher = await Publisher.open(path);
  let written = false;
  const publishing = publisher.publish("x").then(() => written = true);
  // Lets the event loop run, so that the message could be written.
  await Deno.stat(path);
  assertEquals(written, false);
  await using subscriber = await Subscriber.open(path);
  await publishing;
  assertEquals(await texts(subscriber, 1), ["x"]);
});

waiting.test("Publisher.publish() waits again when the reader has gone", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  for (const options of [{}, { timeoutMs: 60_000 }]) {
    await using publisher = await Publisher.open(path, options);
    for (const round of ["a", "b"]) {
      const publishing = publisher.publish(round);
      await using subscriber = await Subscriber.open(path);
      await publishing;
      assertEquals(await texts(subscriber, 1), [round]);
    }
  }
});

waiting.test("Publisher drops the part of a message that its reader left, and sends it again", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using publisher = await Publisher.open(path, { timeoutMs: 100 });
  const published = code(publisher.publish("x".repeat(300_000)));
  await using reader = sh('head -c 1000 "$0"', path);
  await reader.ended();
  assertEquals(await published, "timed_out");
  await using subscriber = await Subscriber.open(path);
  const received = texts(subscriber, 1);
  await publisher.publish("next");
  assertEquals(await received, ["next"]);
});

waiting.test("Publisher gives up as its options say, and can be used again", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  assertEquals(await code(publish(path, "x", { wait: false })), "no_reader");
  assertEquals(await code(publish(path, "x", { timeoutMs: 20 })), "timed_out");
  await using publisher = await Publisher.open(path, { wait: false });
  assertEquals(await code(publisher.publish("lost")), "no_reader");
  await using subscriber = await Subscriber.open(path);
  await publisher.publish("kept");
  assertEquals(await texts(subscriber, 1), ["kept"]);
});

waiting.test("messages queued behind a message that timed out fail with it", async () => {
  await using folder = new Folder();
  await using publisher = await Publisher.open(folder.file("pipe"), {
    timeoutMs: 20,
  });
  const published = Array.from(
    { length: 9 },
    () => publisher.publish("x".repeat(4000)),
  );
  const errors = (await Promise.allSettled(published))
    .map((result) => result.status === "rejected" && result.reason);
  assertEquals(
    errors[0] instanceof FifobusError && errors[0].code,
    "timed_out",
  );
  assertEquals(new Set(errors).size, 1);
  assertEquals(publisher.bufferedBytes, 0);
});

waiting.test("Publisher can be aborted while it waits for a reader, or for room", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const reason = new Error("enough");
  for (const read of [false, true]) {
    const controller = new AbortController();
    await using publisher = await Publisher.open(path, {
      signal: controller.signal,
    });
    await using _subscriber = read ? await Subscriber.open(path) : undefined;
    const published = [1, 2, 3].map(() =>
      publisher.publish("x".repeat(50_000))
    );
    const settled = Promise.allSettled(published);
    if (read) await published[0];
    controller.abort(reason);
    const results = await settled;
    assertEquals(results.at(-1), { status: "rejected", reason });
    await assertRejects(() => publish(path, "x", controller), Error, "enough");
  }
});

waiting.test("Publisher.close() writes all published messages, and refuses new ones", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path);
  const publisher = await Publisher.open(path);
  const published = ["a", "b"].map((text) => publisher.publish(text));
  await publisher.close();
  await Promise.all(published);
  assertEquals(await texts(subscriber, 2), ["a", "b"]);
  assertEquals(await code(publisher.publish("c")), "closed");
  assertEquals(
    await code(publisher.publishFramed(new Uint8Array(1))),
    "closed",
  );
});

waiting.test("Publisher.writable takes a stream of messages to its end", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path);
  const sent = Array.from({ length: 20_000 }, (_, i) => `message ${i}`);
  const received = texts(subscriber, sent.length);
  const publisher = await Publisher.open(path);
  await ReadableStream.from(sent).pipeTo(publisher.writable);
  assertEquals(await received, sent);
  assertEquals(await code(publisher.publish("x")), "closed");
});

waiting.test("Publisher.writable fails when a message cannot be sent", async () => {
  await using folder = new Folder();
  const publisher = await Publisher.open(folder.file("pipe"), { wait: false });
  const piping = ReadableStream.from(["a", "b", "c"]).pipeTo(
    publisher.writable,
  );
  assertEquals(await code(piping), "no_reader");
  await publisher.close();
});

// The standard ignores an error that comes while a stream closes.
waiting.test("pipeTo() rejects if a message of Publisher.writable was not delivered", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const one = () => ReadableStream.from(["one"]);
  for (
    const [options, expected] of [
      [{ wait: false }, "no_reader"],
      [{ timeoutMs: 20 }, "timed_out"],
    ] as const
  ) {
    const { writable } = await Publisher.open(path, options);
    assertEquals(await code(one().pipeTo(writable)), expected);
  }
  const controller = new AbortController();
  const aborted = await Publisher.open(path, { signal: controller.signal });
  const piping = one().pipeTo(aborted.writable);
  await eventually(() => aborted.bufferedBytes > 0);
  controller.abort(new Error("enough"));
  await assertRejects(() => piping, Error, "enough");

  await using _stopped = await Subscriber.open(path);
  const full = await Publisher.open(path, { timeoutMs: 20 });
  const many = ReadableStream.from(Array(80).fill("x".repeat(1000)));
  assertEquals(await code(many.pipeTo(full.writable)), "timed_out");
  // A user who has only the stream cannot close the Publisher.
  assertEquals(await code(full.publish("x")), "closed");
  await full.close();
});

waiting.test("an abort of Publisher.writable gives up messages that wait for a reader, or for room", async () => {
  await using folder = new Folder();
  for (const isRead of [false, true]) {
    for (const cause of ["signal", "source", "writer"] as const) {
      const path = folder.file(`${isRead}-${cause}`);
      await using subscriber = isRead ? await Subscriber.open(path) : undefined;
      if (isRead) await publish(path, "x".repeat(60_000));
      const publisher = await Publisher.open(path);
      const controller = new AbortController();
      let fail: (error: Error) => void;
      const source = new ReadableStream<string>({
        start: (it) => {
          fail = (error) => it.error(error);
          for (let i = 0; i < 10; i++) it.enqueue("x".repeat(3000));
        },
      });
      const ended = cause === "writer"
        ? Promise.resolve()
        : source.pipeTo(publisher.writable, controller);
      const writer = cause === "writer"
        ? publisher.writable.getWriter()
        : undefined;
      const written = writer?.write("x".repeat(300_000));
      written?.catch(() => {});
      await eventually(() => publisher.bufferedBytes > 0);
      const enough = new Error("enough");
      if (cause === "signal") controller.abort(enough);
      else if (cause === "source") fail!(enough);
      else await writer!.abort(enough);
      await assertRejects(() => written ?? ended, Error, "enough");
      assertEquals(publisher.bufferedBytes, 0);
      assertEquals(await code(publisher.publish("x")), "closed");
      await subscriber?.close();
    }
  }
});

waiting.test("a script ends after it aborted a stream into a FIFO without a reader", async () => {
  await using folder = new Folder();
  const script = folder.file("script.ts");
  await Deno.writeTextFile(
    script,
    `import { Publisher } from "${ROOT}mod.ts";
const publisher = await Publisher.open(Deno.args[0]);
const writer = publisher.writable.getWriter();
await writer.write("x");
await writer.abort();
console.log("aborted");
`,
  );
  await using running = new Process([
    ...[Deno.execPath(), "run", "--quiet", "--allow-all"] as const,
    ...[`--config=${ROOT}deno.json`, script, folder.file("pipe")],
  ]);
  const { code, stdout } = await running.ended();
  assertEquals([code, stdout], [0, "aborted\n"]);
});

waiting.test("Publisher aborted while it is parked writes nothing to a reader that comes later", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const publisher = await Publisher.open(path);
  // Before the stream, so it waits in the kernel for its reader.
  const published = publisher.publish("dropped");
  await Deno.stat(path);
  await publisher.writable.abort(new Error("enough"));
  await assertRejects(() => published, Error, "enough");
  await using subscriber = await Subscriber.open(path);
  await publish(path, "next");
  assertEquals(await texts(subscriber, 1), ["next"]);
});

waiting.test("an option that is negative or NaN is a RangeError that names it", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const calls: Record<string, (value: number) => Promise<unknown>> = {
    maxBytes: (maxBytes) => Publisher.open(path, { maxBytes }),
    timeoutMs: (timeoutMs) => publish(path, "x", { timeoutMs }),
    slowTimeoutMs: (slowTimeoutMs) => Publisher.open("t", { slowTimeoutMs }),
    wait: (wait) => Publisher.open("t", { wait }),
    limit: (limit) => Subscriber.open(path, { limit }),
    "maxBytes ": (maxBytes) => Subscriber.open(path, { maxBytes }),
    connectTimeoutMs: (connectTimeoutMs) =>
      Subscriber.open("mqtt://127.0.0.1:1/t", { connectTimeoutMs }),
    "connectTimeoutMs ": (connectTimeoutMs) =>
      Publisher.open("mqtt://127.0.0.1:1/t", { connectTimeoutMs }),
    "timeoutMs ": (timeoutMs) => request("t", "x", { timeoutMs }),
    "wait ": (wait) => request("t", "x", { wait }),
    " maxBytes": (maxBytes) => request("t", "x", { maxBytes }),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (const value of [NaN, -1, -Infinity]) {
      const text = `${name.trim()} ${value}`;
      await assertRejects(() => call(value), RangeError, text);
    }
  }
  await using subscriber = await Subscriber.open(path);
  for (const max of [NaN, -1, 0]) {
    await assertRejects(() => subscriber.read(max), RangeError, `${max}`);
  }
});

waiting.test("Infinity as a time waits as if there were no limit", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const published = publish(path, "x", { timeoutMs: Infinity });
  await using subscriber = await Subscriber.open(path, { maxBytes: Infinity });
  assertEquals(await texts(subscriber, 1), ["x"]);
  await published;
});

waiting.test("40 Publishers that wait for a reader leave the file system usable", async () => {
  await using folder = new Folder();
  const paths = Array.from({ length: 40 }, (_, i) => folder.file(`pipe${i}`));
  const publishers = await Promise.all(
    paths.map((path) => Publisher.open(path)),
  );
  const published = publishers.map((publisher) => publisher.publish("x"));
  await Deno.stat(folder.path);
  for (const path of paths) {
    await using subscriber = await Subscriber.open(path);
    assertEquals(await texts(subscriber, 1), ["x"]);
  }
  await Promise.all(published);
  for (const publisher of publishers) await publisher.close();
});

waiting.test("40 Publishers whose readers have stopped leave the file system usable", async () => {
  await using folder = new Folder();
  const paths = await Promise.all(
    Array.from({ length: 40 }, (_, i) => folder.fifo(`pipe${i}`)),
  );
  const readers = paths.map((path) =>
    Deno.openSync(path, { read: true, write: true })
  );
  const publishers = await Promise.all(
    paths.map((path) => Publisher.open(path)),
  );
  const published = publishers.map((it) => it.publish("x".repeat(100_000)));
  await eventually(() => publishers.every((it) => it.bufferedBytes > 0));
  await Deno.stat(folder.path);
  for (const reader of readers) {
    const buffer = new Uint8Array(65536);
    for (let left = 100_001; left > 0;) left -= (await reader.read(buffer))!;
  }
  await Promise.all(published);
  for (const publisher of publishers) await publisher.close();
  for (const reader of readers) reader.close();
});

waiting.test("a FIFO has no topics: a message to one is refused", async () => {
  await using folder = new Folder();
  await using publisher = await Publisher.open(folder.file("pipe"));
  const error = await assertRejects(
    () => publisher.publish("x", { topic: "t" }),
    FifobusError,
    "a FIFO has no topics",
  );
  assertEquals(error.code, "bad_address");
});

waiting.test("a message that ends with a mark is refused, wherever it comes from", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = await Subscriber.open(path);
  await using publisher = await Publisher.open(path);
  const mark = "\x16fifobus wake 12345678\x16";
  for (const end of [mark, "\x18fifobus torn\x18"]) {
    const text = `payload${end}`;
    assertEquals(await code(publisher.publish(text)), "delimiter_in_message");
    const framed = new TextEncoder().encode(`before\n${text}\nafter\n`);
    assertEquals(
      await code(publisher.publishFramed(framed)),
      "delimiter_in_message",
    );
    assertEquals(await texts(subscriber, 1), ["before"]);
    await using lines = pub("-l", path);
    await lines.write(`before\n${text}\nafter\n`);
    await lines.end();
    const { code: exit, stderr } = await lines.ended();
    assertEquals(exit, 1);
    assertMatch(stderr, /ends with a mark/);
    assertEquals(await texts(subscriber, 1), ["before"]);
  }
  const unfinished = new TextEncoder().encode("a\nb");
  assertEquals(
    await code(publisher.publishFramed(unfinished)),
    "delimiter_in_message",
  );
});

waiting.test("a publisher that is killed within a message costs that message only", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = sub("--no-exit-word", path);
  await finish(pub(path, "first"));
  assertEquals(await subscriber.line(), "first");
  let isReported = false;
  subscriber.said(/1 message was dropped/).then(() => isReported = true);
  // It is killed while the FIFO is full, or now and then before its first byte.
  await eventually(async () => {
    subscriber.kill("SIGSTOP");
    await using killed = pub(path, "x".repeat(100_000));
    await eventually(() => {
      const queue = Deno.readTextFileSync(path.replace("pipe", ".pipe.queue"));
      return queue.startsWith("fifobus queue 1\nP");
    });
    killed.kill("SIGKILL");
    await killed.ended();
    subscriber.kill("SIGCONT");
    await finish(pub(path, "next"));
    assertEquals(await subscriber.line(), "next");
    return isReported;
  });
});

waiting.test("a publisher that goes on with the next reader says so in its queue file", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const queue = folder.file(".pipe.queue");
  await using first = sub("--no-exit-word", path);
  await finish(pub(path, "first"));
  assertEquals(await first.line(), "first");
  const unused = await Deno.readTextFile(queue);
  first.kill("SIGSTOP");
  await using killed = pub(path, "x".repeat(100_000));
  const isWithin = () =>
    Deno.readTextFileSync(queue).startsWith("fifobus queue 1\nP");
  await eventually(isWithin);
  // The next reader has made a queue file of its own.
  await Deno.remove(queue);
  await Deno.writeTextFile(queue, unused, { mode: 0o600 });
  first.kill("SIGKILL");
  await first.ended();
  const open = () => Deno.openSync(path, { read: true, write: true });
  let next = open();
  for (let i = 0; !isWithin() && i < 1000; i++) {
    // It may not have noticed that there was no reader: where it polls, it looks
    // every 50 ms.
    next.close();
    await new Promise((resolve) => setTimeout(resolve, 60));
    next = open();
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  killed.kill("SIGKILL");
  await killed.ended();
  await using second = sub("--no-exit-word", path);
  await finish(pub(path, "next"));
  assertEquals(await second.line(), "next");
  next.close();
});

waiting.test("a part of a message to a topic, whose publisher was killed, joins no other message", async () => {
  await using bus = new TestBus();
  for (const filter of ["t", "$share/g/t"]) {
    await using subscriber = await bus.sub("--no-exit-word", filter);
    for (let i = 0; i < 5; i++) {
      subscriber.kill("SIGSTOP");
      // Before that, it may still take the whole message.
      await eventually(async () =>
        (await finish(bus.sh(`ps -o stat= -p ${subscriber.pid}`))).stdout
          .startsWith("T")
      );
      await using killed = bus.pub(
        "--slow-timeout=inf",
        "t",
        "x".repeat(100_000),
      );
      // Its pipe is full, and the rest of the message waits.
      await eventually(async () => {
        const probe = bus.pub("--slow-timeout=0", "-v", "t", "full?");
        return (await finish(probe)).stderr.includes("heard by nobody");
      });
      killed.kill("SIGKILL");
      await killed.ended();
      subscriber.kill("SIGCONT");
      const line = await repeatUntil(
        () => finish(bus.pub("t", `next ${i}`)),
        subscriber.until(`next ${i}\n`),
      );
      const shown = line.replaceAll(/x{9,}/g, (it) => `${it.length} x`);
      assertMatch(shown, /^(full\?\n|next \d\n)*$/);
    }
    subscriber.kill("SIGTERM");
    const { stderr } = await subscriber.ended();
    assertMatch(stderr, /\d messages? (was|were) dropped: /);
  }
});
