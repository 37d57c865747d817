/**
 * FifoOutlet on its own: a publisher's way to one FIFO.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { FifobusError } from "../lib/errors.ts";
import { FifoOutlet } from "../lib/fifo/outlet.ts";
import type { Sending } from "../lib/outlet.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { Folder } from "./harness/folder.ts";
import { eventually } from "./harness/process.ts";

const ONE: Sending = { single: true, retain: false, replyTo: undefined };
const MANY: Sending = { ...ONE, single: false };

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function open(path: string, signal?: AbortSignal): FifoOutlet {
  const options = { wait: true, timeoutMs: undefined, signal };
  return new FifoOutlet(path, "\n", options);
}

Deno.test("FifoOutlet writes messages in order, and closes after the last", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const outlet = open(path);
  const sent = [
    outlet.send("t", bytes("1\n"), ONE),
    outlet.send("t", bytes("2\n3\n"), MANY),
    outlet.send("t", bytes("4\n"), ONE),
  ];
  assertEquals(outlet.bufferedBytes, 8);
  let isSent = false;
  const all = Promise.all(sent).finally(() => isSent = true);
  const closed = outlet.close();
  await eventually(() => outlet.isUnread);
  using reader = Deno.openSync(path, { read: true, write: true });
  await closed;
  assertEquals(isSent, true);
  // A FIFO does not tell how many have read a message.
  assertEquals(await all, [undefined, undefined, undefined]);
  assertEquals([outlet.bufferedBytes, outlet.isUnread], [0, false]);
  assertEquals(await outlet.subscribers(), undefined);
  const buffer = new Uint8Array(100);
  const count = reader.readSync(buffer)!;
  const text = new TextDecoder().decode(buffer.subarray(0, count));
  assertEquals(text, "1\n2\n3\n4\n");
});

Deno.test("FifoOutlet.check() refuses what only a topic has", () => {
  const outlet = open("/a/pipe");
  outlet.check(undefined, ONE);
  outlet.check(undefined, MANY);
  const cases: [
    topic: string | undefined,
    how: Partial<Sending>,
    what: string,
  ][] = [
    ["t", {}, "a FIFO has no topics"],
    [undefined, { replyTo: "r" }, "a FIFO has no replies"],
    [undefined, { retain: true }, "a FIFO keeps no last value"],
  ];
  for (const [topic, how, what] of cases) {
    const error = assertThrows(
      () => outlet.check(topic, { ...ONE, ...how }),
      FifobusError,
      `Cannot publish to "/a/pipe": ${what}`,
    ) as FifobusError;
    assertEquals(error.code, "bad_address");
  }
});

Deno.test("FifoOutlet refuses messages that have their topics with them", async () => {
  await using folder = new Folder();
  const outlet = open(await folder.fifo());
  const { frame } = WireMessage;
  await assertRejects(
    () => outlet.sendKeyed({ records: [], topics: ["t"], frame }),
    FifobusError,
    "has no topics",
  );
  await outlet.close();
});
