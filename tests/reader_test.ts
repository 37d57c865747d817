/**
 * FifoReader on its own: what it reads, how its wait ends, how it leaves.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { FifobusError } from "../lib/errors.ts";
import { isRead, NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import { FifoReader, READ_BYTES } from "../lib/fifo/reader.ts";
import { FifoWriter } from "../lib/fifo/writer.ts";
import { wake } from "../lib/wire/marks.ts";
import type { WireMessage } from "../lib/wire/message.ts";
import { MessageSplitter } from "../lib/wire/splitter.ts";
import { Folder } from "./harness/folder.ts";
import { eventually } from "./harness/process.ts";

/** A reader with its splitter. */
class Reading extends FifoReader {
  readonly splitter = new MessageSplitter("p", "\n", 1_000_000);

  constructor(path: string) {
    super(path, "\n");
  }

  async once(maxBytes?: number): Promise<string[]> {
    return texts(await this.read(this.splitter, maxBytes));
  }

  /** Everything in the FIFO. */
  async rest(): Promise<string[]> {
    const found: string[] = [];
    await this.empty(async () => {
      found.push(...await this.once());
    });
    return found;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function texts(messages: WireMessage[]): string[] {
  return messages.map(({ text }) => text);
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Writes as a program that opens the FIFO, writes once, and ends. */
function echo(path: string, text: string): void {
  using file = Deno.openSync(path, { write: true });
  file.writeSync(bytes(text));
}

/** Writes until the FIFO has no room. */
function fill(path: string): void {
  const writer = NonblockingWriter.open(path)!;
  while (writer.tryWrite(bytes("fill\n")) > 0);
  writer.close();
}

/** Counts the writes of files; none of them ends before it is told to. */
class HeldWrites implements Disposable {
  readonly #write = Deno.FsFile.prototype.write;
  pending = 0;

  /** @param end Settles when they may end. */
  constructor(end: Promise<void>) {
    const write = this.#write;
    const count = (change: number) => this.pending += change;
    Deno.FsFile.prototype.write = async function (bytes) {
      count(1);
      try {
        return await write.call(this, bytes);
      } finally {
        await end;
        count(-1);
      }
    };
  }

  [Symbol.dispose](): void {
    Deno.FsFile.prototype.write = this.#write;
  }
}

Deno.test("FifoReader opens without a publisher, and reads what several of them have written", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  echo(path, "1\n2");
  echo(path, "\n3\n");
  assertEquals(await reader.once(), ["1", "2", "3"]);
  echo(path, "4\n");
  assertEquals(await reader.once(), ["4"]);
});

Deno.test("FifoReader.read() reads no more bytes than it is told to", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  echo(path, "123\n456\n");
  assertEquals(await reader.once(5), ["123"]);
  assertEquals(await reader.once(5), ["456"]);
});

Deno.test("FifoReader leaves the messages of earlier reads as they are", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  const all: WireMessage[] = [];
  // Above and below a quarter of the buffer, which makes a difference.
  for (const size of [READ_BYTES / 2, 10, READ_BYTES / 2, 10]) {
    const letter = String.fromCharCode(97 + all.length);
    for (let left = size; left > 0; left -= 4000) {
      echo(path, letter.repeat(Math.min(left, 4000)));
    }
    echo(path, "\n");
    const count = all.length;
    while (all.length === count) {
      all.push(...await reader.read(reader.splitter));
    }
  }
  assertEquals(all.map(({ text }) => text[0]! + new Set(text).size), [
    "a1",
    "b1",
    "c1",
    "d1",
  ]);
});

Deno.test("FifoReader.mark() marks a place behind what is in the FIFO, and is not a message", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  echo(path, "before\n");
  const number = reader.mark();
  const found = [];
  while (reader.passed < number) found.push(...await reader.once());
  assertEquals(found, ["before"]);
  echo(path, "after\n");
  assertEquals(await reader.once(), ["after"]);
  assertEquals([reader.passed, reader.strangers], [number, 0]);
});

Deno.test("FifoReader counts the markers of other readers, and does not take them for its own", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  using file = Deno.openSync(path, { write: true });
  file.writeSync(wake("\n").bytes);
  assertEquals(await reader.once(), []);
  assertEquals([reader.passed, reader.strangers], [0, 1]);
});

Deno.test("FifoReader.nudge() ends a waiting read, although others read its markers", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  using thief = Deno.openSync(path, { read: true, write: true });
  const number = reader.mark();
  await thief.read(new Uint8Array(100));
  const reading = reader.once();
  await reader.nudge(reading);
  assertEquals(await reading, []);
  assert(reader.passed > number);
});

Deno.test("FifoReader.nudge() gives up after its time", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  let isOver = false;
  const never = Promise.withResolvers<void>();
  reader.nudge(never.promise, 20).then(() => isOver = true);
  await eventually(() => isOver);
  never.resolve();
  assertEquals(await reader.rest(), []);
});

Deno.test("FifoReader.empty() reads all there is, from a full FIFO too, and leaves no marker", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using holder = Deno.openSync(path, { read: true, write: true });
  for (const isFull of [false, true]) {
    using reader = new Reading(path);
    if (isFull) fill(path);
    else echo(path, "a\n");
    const found = await reader.rest();
    assertEquals(found.length > 1, isFull);
    assertEquals(found.at(-1), isFull ? "fill" : "a");
    echo(path, "end\n");
    const buffer = new Uint8Array(100);
    const count = await holder.read(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, count!)), "end\n");
  }
});

Deno.test("FifoReader.empty() keeps publishers out, whose messages would be lost with the reader", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const writer = new FifoWriter(path, "\n", {
    wait: true,
    timeoutMs: undefined,
    signal: undefined,
  });
  let written: Promise<void>;
  {
    using reader = new Reading(path);
    // It has the FIFO open, and so would write at once.
    await writer.write(bytes("early\n"));
    assertEquals(await reader.rest(), ["early"]);
    written = writer.write(bytes("late\n")).then(() => writer.close());
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  await eventually(() => writer.isOpening);
  using next = new Reading(path);
  const reading = next.once();
  await written;
  assertEquals(await reading, ["late"]);
});

// A timer that it left would keep the process alive.
const CHECKS = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "FifoReader.putBack() writes whole messages behind all others, and leaves no timer",
  CHECKS,
  async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    using reader = new Reading(path);
    echo(path, "3\n");
    const large = "x".repeat(10_000);
    assertEquals(await reader.putBack(bytes(`1\n${large}\n2\n`)), true);
    assertEquals(await reader.rest(), ["3", "1", large, "2"]);
  },
);

for (const hasRoom of [true, false]) {
  const which = hasRoom ? "that it has read" : "that finds no room";
  Deno.test(`FifoReader.close() waits for the write of a marker ${which}`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    const reader = new Reading(path);
    if (!hasRoom) fill(path);
    const end = Promise.withResolvers<void>();
    using writes = new HeldWrites(end.promise);
    if (hasRoom) await reader.nudge(reader.once());
    else reader.mark();
    assertEquals(writes.pending, 1);
    const closed = reader.close();
    setTimeout(end.resolve, 0);
    await closed;
    assertEquals(writes.pending, 0);
  });
}

Deno.test("FifoReader.putBack() gives up on a FIFO that stays full", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reading(path);
  fill(path);
  assertEquals(await reader.putBack(bytes("1\n")), false);
  assertEquals((await reader.rest()).at(-1), "1");
});

Deno.test("FifoReader refuses a FIFO that its caller does not accept, and what is not a FIFO", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await Deno.writeTextFile(folder.file("regular"), "");
  // More often than a process may have readers: these attempts do not count.
  for (let i = 0; i < 30; i++) {
    assertThrows(
      () =>
        new FifoReader(path, "\n", ({ isFifo }) => {
          throw new Error(`not this one: ${isFifo}`);
        }),
      Error,
      "not this one: true",
    );
    for (const name of ["regular", "missing"]) {
      const error = assertThrows(
        () => new FifoReader(folder.file(name), "\n"),
        FifobusError,
      ) as FifobusError;
      assertEquals(error.code, "not_a_fifo");
    }
  }
  // They have closed the FIFO, and it can be opened.
  assertEquals(isRead(path), false);
  using _reader = new Reading(path);
});

Deno.test("FifoReader: a process has 24 at most, and may close one for another", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const readers = Array.from({ length: 24 }, () => new FifoReader(path, "\n"));
  const error = assertThrows(
    () => new FifoReader(path, "\n"),
    FifobusError,
  ) as FifobusError;
  assertEquals(error.code, "too_many_readers");
  readers.pop()!.close();
  readers.push(new FifoReader(path, "\n"));
  for (const reader of readers) reader.close();
});
