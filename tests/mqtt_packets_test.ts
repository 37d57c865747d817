/**
 * How packets of MQTT are made and written, without a broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex, Writable } from "node:stream";
import { setImmediate } from "node:timers";
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import mqttPacket, { type IPublishPacket } from "npm:mqtt-packet@9.0.2";
import { gatherReads, gatherWrites } from "../lib/mqtt/gathering.ts";
import { PacketHeads } from "../lib/mqtt/packet_heads.ts";
import { eventually } from "./harness/process.ts";

const HIGH_WATER_MARK = 1000;

/** A stream that remembers each write, and fails from some write on. */
function recording(failsAt = Infinity) {
  const writes: string[] = [];
  const stream = new Duplex({
    read() {},
    write(part: Buffer, _encoding, done) {
      const isLost = writes.length >= failsAt;
      if (!isLost) writes.push(part.toString());
      done(isLost ? new Error("lost") : null);
    },
  });
  stream.on("error", () => {});
  gatherWrites(stream);
  return { stream, writes };
}

Deno.test("PacketHeads makes what mqtt-packet makes, for any length, topic and properties", () => {
  const bytes = [0, 1, 100, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
  for (const protocolVersion of [4, 5] as const) {
    const heads = new PacketHeads(protocolVersion);
    for (const topic of ["t", "ü/€", "t"]) {
      for (
        const properties of [{}, { userProperties: { a: ["b", "c"] } }]
      ) {
        for (const retain of [false, true]) {
          for (const payload of bytes.map((count) => Buffer.alloc(count, 1))) {
            const packet: IPublishPacket = {
              cmd: "publish",
              topic,
              payload,
              qos: 0,
              retain,
              dup: false,
              ...protocolVersion === 5 && { properties },
            };
            const head = heads.of(packet, payload.length);
            const made = Buffer.concat([head, payload]);
            const expected = mqttPacket.generate(packet, { protocolVersion });
            assertEquals(made.equals(expected), true);
          }
        }
      }
    }
  }
});

Deno.test("gatherWrites() makes one write of a turn, in order, and settles each part", async () => {
  const { stream, writes } = recording();
  const ends: string[] = [];
  stream.write("a€");
  stream.write(Buffer.from("b"), () => ends.push("b"));
  stream.write("c", "utf8", () => ends.push("c"));
  assertEquals(writes, []);
  await eventually(() => ends.length === 2);
  assertEquals([writes, ends], [["a€bc"], ["b", "c"]]);
  // What is long keeps its place; the rest of the room is used again.
  const long = "l".repeat(100_000);
  stream.write("d");
  stream.write(Buffer.from(long));
  stream.write("e", () => ends.push("e"));
  await eventually(() => ends.length === 3);
  assertEquals(writes.slice(1), ["d", long, "e"]);
  const half = "h".repeat(40_000);
  stream.write(half);
  stream.write(half, () => ends.push("h"));
  await eventually(() => ends.length === 4);
  assertEquals(writes.slice(4), [half, half]);
});

Deno.test("gatherWrites() tells each part that its write has failed", async () => {
  const failing = recording(0);
  const errors: (string | undefined)[] = [];
  const end = (error?: Error | null) => errors.push(error?.message);
  failing.stream.write("a", end);
  failing.stream.write("b", end);
  await eventually(() => errors.length === 2);
  assertEquals(errors, ["lost", "lost"]);
  // In a stream that was destroyed meanwhile, too.
  const { stream, writes } = recording();
  stream.write("a", end);
  stream.destroy();
  await eventually(() => errors.length === 3);
  assertEquals([writes, errors[2] === undefined], [[], false]);
});

Deno.test("gatherWrites() lets no write wait for an acknowledgement of another one", () => {
  const { stream } = recording();
  const set: boolean[] = [];
  gatherWrites(Object.assign(stream, {
    setNoDelay(noDelay: boolean) {
      set.push(noDelay);
    },
  }));
  assertEquals(set, [true]);
});

Deno.test("gatherReads() pauses after many reads, loses nothing, and keeps backpressure", async () => {
  const stream = new Duplex({ read() {}, write() {} });
  let isTaking = true;
  const taken: string[] = [];
  let next = () => {};
  const reader = new Writable({
    highWaterMark: HIGH_WATER_MARK,
    write(part: Buffer, _encoding, done) {
      taken.push(part.toString());
      next = done;
      if (isTaking) done();
    },
  });
  stream.pipe(reader);
  gatherReads(stream);
  const parts = Array.from({ length: 2000 }, (_, i) => `${i},`);
  let pauses = 0;
  stream.on("pause", () => pauses++);
  for (const part of parts) stream.push(part);
  await eventually(() => taken.join("") === parts.join(""));
  assert(pauses > 0);
  isTaking = false;
  taken.length = 0;
  for (const part of parts) stream.push(part);
  await eventually(() => taken.length > 0 && stream.isPaused());
  // A timer as long as a pause, and so behind it.
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(taken, ["0,"]);
  assert(reader.writableLength < 2 * HIGH_WATER_MARK);
  isTaking = true;
  next();
  await eventually(() => taken.join("") === parts.join(""));
  stream.destroy();
});
