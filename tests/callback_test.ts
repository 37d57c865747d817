/**
 * A user's callbacks may throw: nothing else fails.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { eventually, finish, sh } from "./harness/process.ts";

/** Ways to throw, each counted. */
function throwing(): { calls: number; callbacks: (() => void)[] } {
  const it = {
    calls: 0,
    callbacks: [
      () => {
        it.calls++;
        throw new Error("from a callback");
      },
      () => {
        it.calls++;
        return Promise.reject(new Error("from a callback"));
      },
    ],
  };
  return it;
}

Deno.test("onDropped may throw: publish() settles, also later, and close() does", async () => {
  await using bus = ownBus();
  await using _subscriber = await Subscriber.open("made");
  const path = `${bus.env.FIFOBUS_DIR}/t@1`;
  await finish(sh('mkfifo "$0"', path));
  // A reader that never reads.
  using _reader = Deno.openSync(path, { read: true, write: true });
  const thrown = throwing();
  for (const onDropped of thrown.callbacks) {
    const options = { slowTimeoutMs: 0, onDropped };
    const publisher = await Publisher.open("t", options);
    const sent = Array.from(
      { length: 100 },
      () => publisher.publish("x".repeat(3000)),
    );
    assertEquals((await Promise.all(sent)).at(-1), 0);
    assertEquals(await publisher.publish("x".repeat(3000)), 0);
    await publisher.close();
  }
  assertEquals(thrown.calls > 2, true);
});

Deno.test("onNotice may throw: messages arrive, and last values", async () => {
  await using bus = ownBus();
  await using _makesFolder = await Subscriber.open("made");
  const retained = `${bus.env.FIFOBUS_DIR}/retained`;
  await Deno.mkdir(retained);
  await Deno.writeTextFile(`${retained}/t`, "two\nlines");
  const thrown = throwing();
  for (const onNotice of thrown.callbacks) {
    await using subscriber = await Subscriber.open("t", { onNotice });
    await using publisher = await Publisher.open("t");
    await publisher.publish("heard");
    assertEquals((await subscriber.read())!.map((it) => it.text), ["heard"]);
    await using queue = await Subscriber.open(bus.file("pipe"), { onNotice });
    await finish(
      sh(
        'printf "%b\\n" "lost\\030fifobus lost\\030\\nkept" > "$0"',
        bus.file("pipe"),
      ),
    );
    assertEquals((await queue.read())!.map((it) => it.text), ["kept"]);
  }
  await eventually(() => thrown.calls >= 4);
});
