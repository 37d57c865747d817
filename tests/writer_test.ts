/**
 * FifoWriter on its own: how it waits, and what reaches the readers.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { FifobusError } from "../lib/errors.ts";
import { isRead, NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import { QueueFile } from "../lib/fifo/queue_file.ts";
import { pathBeside } from "../lib/fifo/queue_header.ts";
import { FifoWriter, type FifoWriterOptions } from "../lib/fifo/writer.ts";
import { largeMarker } from "../lib/wire/marks.ts";
import { MessageSplitter } from "../lib/wire/splitter.ts";
import { Folder } from "./harness/folder.ts";
import { eventually } from "./harness/process.ts";

/** More than any pipe holds by default: 64 KiB, or 1 MiB with large pages. */
const LARGE_BYTES = 2_000_000;

const encoder = new TextEncoder();

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** A large message that says where a part of it came from. */
function large(letter: string, length = LARGE_BYTES): string {
  return `${letter.repeat(length)}.`;
}

/** Shows a long message in a few characters, and cannot hide a missing part. */
function short(text: string): string {
  return text.replace(/(.)\1{9,}/g, (run, letter) => `${letter}${run.length}`);
}

function options(more: Partial<FifoWriterOptions> = {}): FifoWriterOptions {
  return { wait: true, timeoutMs: undefined, signal: undefined, ...more };
}

/** A writer that is closed at the end of the test. */
function open(
  path: string,
  more: Partial<FifoWriterOptions> = {},
): FifoWriter & Disposable {
  const writer = new FifoWriter(path, "\n", options(more));
  return Object.assign(writer, { [Symbol.dispose]: () => writer.close() });
}

/** The plainest reader: it has the FIFO open, and splits what it reads. */
class Reader implements Disposable {
  readonly file: Deno.FsFile;
  readonly splitter = new MessageSplitter("p", "\n", 10 * LARGE_BYTES);
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(path: string) {
    this.file = Deno.openSync(path, { read: true, write: true });
  }

  /** Reads once. */
  async read(): Promise<string[]> {
    const count = await this.file.read(this.#buffer);
    return this.splitter.push(this.#buffer.slice(0, count!))
      .map(({ text }) => short(text));
  }

  /** Reads until a message has come. */
  async until(last: string): Promise<string[]> {
    const texts: string[] = [];
    while (!texts.includes(last)) texts.push(...await this.read());
    return texts;
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** Writes into a FIFO until it has no room. */
function fill(path: string): void {
  const writer = NonblockingWriter.open(path)!;
  while (writer.tryWrite(bytes("fill\n")) > 0);
  writer.close();
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, FifobusError);
  return error.code;
}

/** How a writer waits: in the kernel, or by polling. */
const WAYS: [name: string, more: Partial<FifoWriterOptions>][] = [
  ["in the kernel", { parks: true }],
  ["by polling", {}],
];

for (const [way, more] of WAYS) {
  Deno.test(`FifoWriter waits for a reader ${way}, and says that it waits`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    using writer = open(path, more);
    assertEquals(writer.isOpening, false);
    let isWritten = false;
    const written = writer.write(bytes("a\n")).then(() => isWritten = true);
    await eventually(() => writer.isOpening);
    // A process that has the FIFO open for writing is not a reader.
    assertEquals(isWritten, false);
    using reader = new Reader(path);
    await written;
    assertEquals(writer.isOpening, false);
    assertEquals(await reader.until("a"), ["a"]);
  });

  Deno.test(`FifoWriter waits ${way} until its signal aborts, and then writes nothing`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    const abort = new AbortController();
    using writer = open(path, { ...more, signal: abort.signal });
    const written = writer.write(bytes("given up\n"));
    await eventually(() => writer.isOpening);
    abort.abort(new Error("enough"));
    await assertRejects(() => written, Error, "enough");
    await assertRejects(() => writer.write(bytes("later\n")), Error, "enough");
    using reader = new Reader(path);
    // The wait in the kernel ends with the reader.
    await eventually(() => !writer.isOpening);
    using other = open(path);
    await other.write(bytes("next\n"));
    assertEquals(await reader.until("next"), ["next"]);
  });

  Deno.test(`FifoWriter waits for room ${way}`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    using reader = new Reader(path);
    fill(path);
    using writer = open(path, more);
    let isWritten = false;
    const written = writer.write(bytes("a\n")).then(() => isWritten = true);
    using other = open(path, { timeoutMs: 20 });
    assertEquals(await codeOf(other.write(bytes("b\n"))), "timed_out");
    assertEquals(isWritten, false);
    const texts = await reader.until("a");
    await written;
    assertEquals([...new Set(texts)], ["fill", "a"]);
  });

  Deno.test(`FifoWriter sends a message again, once, to the next reader ${way}`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    using writer = open(path, more);
    {
      using reader = new Reader(path);
      await writer.write(bytes("1\n"));
      assertEquals(await reader.read(), ["1"]);
    }
    // A process that another test starts has our files until its exec(2).
    await eventually(() => isRead(path) === false);
    const written = writer.write(bytes("2\n"));
    await eventually(() => writer.isOpening);
    using next = new Reader(path);
    await written;
    await writer.write(bytes("3\n"));
    assertEquals(await next.until("3"), ["2", "3"]);
  });

  Deno.test(`FifoWriter ends a large message that its reader left half read ${way}, and sends it again`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    using writer = open(path, more);
    const written = writer.write(bytes(`${large("x")}\n`));
    await eventually(() => writer.isOpening);
    {
      using reader = new Reader(path);
      assertEquals(await reader.read(), []);
    }
    await eventually(() => writer.isOpening);
    using next = new Reader(path);
    const texts = next.until("next");
    await written;
    await writer.write(bytes("next\n"));
    assertEquals(await texts, [short(large("x")), "next"]);
  });
}

Deno.test("FifoWriter without wait fails at once if nobody reads", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using writer = open(path, { wait: false });
  assertEquals(await codeOf(writer.write(bytes("a\n"))), "no_reader");
  using reader = new Reader(path);
  await writer.write(bytes("b\n"));
  assertEquals(await reader.until("b"), ["b"]);
});

Deno.test("FifoWriter waits for a reader only as long as its timeout", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  // A timeout is for writers that poll, even if they may wait in the kernel.
  using writer = open(path, { parks: true, timeoutMs: 20 });
  assertEquals(await codeOf(writer.write(bytes("a\n"))), "timed_out");
  assertEquals(writer.isOpening, false);
});

Deno.test("FifoWriters that wait do not stop other work on files", async () => {
  await using folder = new Folder();
  // More than Deno has threads for.
  const writers: FifoWriter[] = [];
  const written: Promise<void>[] = [];
  const paths: string[] = [];
  for (let i = 0; i < 40; i++) {
    paths.push(await folder.fifo(`pipe${i}`));
    writers.push(new FifoWriter(paths[i]!, "\n", options({ parks: true })));
    written.push(writers[i]!.write(bytes("a\n")));
  }
  await eventually(() => writers.every(({ isOpening }) => isOpening));
  let isRead = false;
  const reading = Deno.stat(folder.path).then(() => isRead = true);
  try {
    await eventually(() => isRead);
  } finally {
    const readers = paths.map((path) => new Reader(path));
    await Promise.all([...written, reading]);
    for (const writer of writers) writer.close();
    for (const reader of readers) reader[Symbol.dispose]();
  }
});

Deno.test("FifoWriter.unpark() makes a wait that has not begun abortable", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const abort = new AbortController();
  using writer = open(path, { parks: true, signal: abort.signal });
  writer.unpark();
  const written = writer.write(bytes("a\n"));
  await eventually(() => writer.isOpening);
  abort.abort(new Error("enough"));
  await assertRejects(() => written, Error, "enough");
  // Without a reader: no thread is left in open(2).
  await eventually(() => !writer.isOpening);
});

Deno.test("FifoWriters write large messages whole, however many write at once", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reader(path);
  const expected: string[] = [];
  const writing = ["a", "b", "c", "d"].map(async (letter, i) => {
    using writer = open(path, { parks: i % 2 === 0 });
    for (let size = 1; size <= 5; size++) {
      const texts = [large(letter, size * 100_000), `${letter} ${size}`];
      expected.push(...texts.map(short));
      for (const text of texts) await writer.write(bytes(`${text}\n`));
    }
  });
  const texts: string[] = [];
  while (texts.length < 40) texts.push(...await reader.read());
  await Promise.all(writing);
  assertEquals(texts.toSorted(), expected.toSorted());
  for (const letter of "abcd") {
    const [some, all] = [texts, expected]
      .map((list) => list.filter((text) => text.startsWith(letter)));
    assertEquals(some, all, "in order");
  }
});

Deno.test("FifoWriter that gives up within a message takes it back", async () => {
  for (const end of ["write", "close"]) {
    await using folder = new Folder();
    const path = await folder.fifo();
    using reader = new Reader(path);
    using writer = open(path, { timeoutMs: 20 });
    const written = writer.write(bytes(`${large("x")}\n`));
    assertEquals(await codeOf(written), "timed_out");
    assertEquals(await reader.read(), []);
    if (end === "write") await writer.write(bytes("next\n"));
    else {
      writer.close();
      using other = open(path);
      await other.write(bytes("next\n"));
    }
    assertEquals(await reader.until("next"), ["next"], end);
  }
});

/** The publishers' part of the header of a queue file. */
function publisherMark(path: string): string {
  return Deno.readTextFileSync(pathBeside(path)).slice(16, 19);
}

/** Makes a queue file, as a reader does. */
async function makeQueue(path: string): Promise<void> {
  const queue = await QueueFile.open(pathBeside(path), Deno.statSync(path));
  queue.tryLock();
  queue.look();
  queue.close();
}

Deno.test("FifoWriter marks in the queue file that it is within a large message", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reader(path);
  await makeQueue(path);
  using writer = open(path, { hasQueue: true });
  await writer.write(bytes("small\n"));
  assertEquals(publisherMark(path), "-00");
  const written = writer.write(bytes(`${large("x")}\n`));
  await eventually(() => publisherMark(path) === "P01");
  assertEquals(
    await reader.until(short(large("x"))),
    ["small", short(large("x"))],
  );
  await written;
  assertEquals(publisherMark(path), "-01");
});

Deno.test("FifoWriter ends the message of a publisher that was killed, and removes its mark", async () => {
  const parts: [part: string, lost: number][] = [["a part", 1], ["", 0]];
  for (const [part, lost] of parts) {
    await using folder = new Folder();
    const path = await folder.fifo();
    using reader = new Reader(path);
    await makeQueue(path);
    const mark = Deno.openSync(pathBeside(path), { write: true });
    mark.seekSync(16, Deno.SeekMode.Start);
    mark.writeSync(bytes("P01"));
    mark.close();
    reader.file.writeSync(bytes(part));
    using writer = open(path, { hasQueue: true });
    await writer.write(bytes("next\n"));
    await writer.write(bytes("last\n"));
    assertEquals(publisherMark(path), "-01");
    assertEquals(await reader.until("last"), ["next", "last"]);
    assertEquals(reader.splitter.takeLost(), lost);
  }
});

Deno.test("FifoWriter announces a large message to a subscriber of the bus, which has no queue file", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using reader = new Reader(path);
  // A publisher was killed within a large message.
  reader.file.writeSync(largeMarker(LARGE_BYTES, "\n"));
  reader.file.writeSync(bytes("a part"));
  using writer = open(path, { owned: true });
  const written = writer.write(bytes(`${large("y")}\n`));
  const texts = reader.until("last");
  await written;
  await writer.write(bytes("last\n"));
  assertEquals(await texts, [short(large("y")), "last"]);
  assertEquals(reader.splitter.takeLost(), 1);
});

Deno.test("FifoWriter refuses what is not a FIFO, and what its owner does not accept", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const regular = folder.file("regular");
  await Deno.writeTextFile(regular, "precious");
  await Deno.symlink(path, folder.file("link"));
  using reader = new Reader(path);
  const cases: [path: string, more: Partial<FifoWriterOptions>][] = [
    [regular, {}],
    [regular, { parks: true }],
    [folder.file("missing"), {}],
    [folder.file("missing"), { parks: true }],
    // The name of a subscriber of the bus could be a link to any FIFO.
    [folder.file("link"), { owned: true }],
  ];
  for (const [path, more] of cases) {
    using writer = open(path, more);
    assertEquals(await codeOf(writer.write(bytes("a\n"))), "not_a_fifo", path);
  }
  assertEquals(await Deno.readTextFile(regular), "precious");
  for (const [, more] of WAYS) {
    using writer = open(path, {
      ...more,
      accept: ({ isFifo }) => {
        assert(isFifo);
        throw new Error("not this one");
      },
    });
    await assertRejects(
      () => writer.write(bytes("a\n")),
      Error,
      "not this one",
    );
  }
  // A user may name a link.
  using writer = open(folder.file("link"));
  await writer.write(bytes("b\n"));
  assertEquals(await reader.until("b"), ["b"]);
});

Deno.test("FifoWriter looks for the path again when the reader has gone", async () => {
  await using folder = new Folder();
  const paths = [await folder.fifo("a"), await folder.fifo("b")];
  let path = paths[0]!;
  using writer = open("", { findPath: () => path });
  {
    using reader = new Reader(path);
    await writer.write(bytes("1\n"));
    assertEquals(await reader.read(), ["1"]);
  }
  path = paths[1]!;
  using reader = new Reader(path);
  await writer.write(bytes("2\n"));
  assertEquals(await reader.read(), ["2"]);
});
