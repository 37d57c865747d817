/**
 * QueueReader on its own: its turn, and the messages that it leaves to others.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { QueueFile } from "../lib/fifo/queue_file.ts";
import { pathBeside } from "../lib/fifo/queue_header.ts";
import {
  leaveMessage,
  type Notice,
  QueueReader,
  type QueueReaderOptions,
} from "../lib/fifo/queue_reader.ts";
import { Demand } from "../lib/queues/demand.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { Folder } from "./harness/folder.ts";
import { eventually } from "./harness/process.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Opens a reader that is closed at the end of the test. */
async function open(
  path: string,
  more: Partial<QueueReaderOptions> = {},
): Promise<QueueReader & AsyncDisposable> {
  const reader = await QueueReader.open(path, {
    delimiter: "\n",
    maxBytes: 1_000_000,
    demand: new Demand(Infinity),
    remake: () => Promise.resolve(),
    accept: () => {},
    onNotice: () => {},
    ...more,
  });
  return Object.assign(reader, { [Symbol.asyncDispose]: () => reader.close() });
}

/** There is no bus. */
function refuse(): Promise<never> {
  return Promise.reject(new Error("no bus"));
}

/** Writes as a program that opens the FIFO, writes once, and ends. */
function echo(path: string, text: string): void {
  using file = Deno.openSync(path, { write: true });
  file.writeSync(bytes(text));
}

function texts(messages: WireMessage[] | undefined): string[] {
  return messages!.map(({ text }) => text);
}

/** The messages in the queue file; undefined if there is no such file. */
function waiting(path: string): string | undefined {
  try {
    const text = Deno.readTextFileSync(pathBeside(path));
    const [, from, to] = /(\d{14}) (\d{14})\n/.exec(text)!;
    return text.slice(Number(from), Number(to));
  } catch {
    return undefined;
  }
}

/** Replaces a FIFO; the last digits of the inode number tell them apart. */
async function replace(folder: Folder, path: string): Promise<void> {
  const digits = () => Deno.statSync(path).ino! % 100;
  const old = digits();
  do {
    await Deno.rename(path, `${path}${crypto.randomUUID()}`);
    await folder.fifo();
  } while (digits() === old);
}

/** A demand for some messages now. */
function wanting(count: number): Demand {
  const demand = new Demand(Infinity);
  demand.want(count);
  return demand;
}

Deno.test("QueueReader.next() hands out wanted messages, and leaves the others in the queue file", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const demand = wanting(1);
  await using reader = await open(path, { demand });
  echo(path, "1\n2\n3\nunfinished");
  assertEquals(texts(await reader.next()), ["1"]);
  assertEquals(waiting(path), "2\n3\nunfinished");
  // It does not have the turn now: another reader gets the next message.
  await using other = await open(path, { demand: wanting(1) });
  assertEquals(texts(await other.next()), ["2"]);
  demand.want(Infinity);
  assertEquals(texts(await reader.next()), ["3"]);
  echo(path, ", finished\n");
  assertEquals(texts(await reader.next()), ["unfinished, finished"]);
});

Deno.test("the beginning of a message is joined to nothing in a FIFO that has replaced its own", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const demand = wanting(1);
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => notices.push(notice);
  const old = await open(path, { demand, onNotice });
  echo(path, "1\nbegun");
  assertEquals(texts(await old.next()), ["1"]);
  assertEquals(waiting(path), "begun");
  await replace(folder, path);
  using _holder = Deno.openSync(path, { read: true, write: true });
  // The first reader of the new FIFO, and one that has had the old one open.
  await using fresh = await open(path, { demand: wanting(1), onNotice });
  echo(path, "2\nalso begun");
  assertEquals(texts(await fresh.next()), ["2"]);
  assertEquals(notices.map(({ code }) => code), ["message_lost"]);
  demand.want(1);
  const next = old.next();
  await eventually(() => waiting(path) === "also begun");
  echo(path, " and ended\n");
  assertEquals(texts(await next), ["also begun and ended"]);
  await old.close();
  assertEquals(notices.length, 1);
});

Deno.test("a reader drops the beginning of a message when its FIFO is replaced, and says so", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const demand = wanting(1);
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => notices.push(notice);
  await using reader = await open(path, { demand, onNotice });
  echo(path, "1\nbegun");
  assertEquals(texts(await reader.next()), ["1"]);
  await replace(folder, path);
  using writer = Deno.openSync(path, { read: true, write: true });
  writer.writeSync(bytes("2\n"));
  demand.want(1);
  assertEquals(texts(await reader.next()), ["2"]);
  assertEquals(notices.map(({ code }) => code), ["message_lost"]);
});

Deno.test("QueueReader.pause() gives the turn to another reader, until resume()", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using one = await open(path);
  await using two = await open(path);
  const first = one.next();
  const second = two.next();
  await one.pause();
  echo(path, "1\n");
  assertEquals(texts(await second), ["1"]);
  one.resume();
  echo(path, "2\n");
  assertEquals(texts(await first), ["2"]);
});

Deno.test("QueueReader.end() ends a waiting next(), and takes no message", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using reader = await open(path);
  const next = reader.next();
  await reader.end();
  assertEquals(await next, undefined);
  await using idle = await open(path, { demand: wanting(0) });
  const wanted = idle.next();
  await idle.end();
  assertEquals(await wanted, undefined);
  echo(path, "later\n");
  assertEquals(await reader.next(), undefined);
  await Promise.all([reader.close(), idle.close()]);
  assertEquals(waiting(path), "later\n");
});

Deno.test("QueueReader.close() puts back unhandled messages of its FIFO, before all others", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using reader = await open(path, { demand: wanting(2) });
  echo(path, "1\n2\n3\n");
  const [one, two] = (await reader.next())!;
  echo(path, "4\n");
  const foreign = new WireMessage("/another/pipe", bytes("x"));
  assertEquals([one!, foreign].map((it) => reader.takesBack(it)), [
    true,
    false,
  ]);
  await reader.close([two!, foreign]);
  assertEquals(waiting(path), "2\n3\n4\n");
});

Deno.test("QueueReader.close() leaves no queue file if nothing is left", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using reader = await open(path);
  echo(path, "1\n");
  assertEquals(texts(await reader.next()), ["1"]);
  assertEquals(waiting(path), "");
  await reader.close();
  assertEquals(waiting(path), undefined);
});

Deno.test("QueueReader.giveBackNow() puts messages back at once, unless another has the turn", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using reader = await open(path, { demand: wanting(2) });
  echo(path, "1\n2\n3\n");
  const messages = (await reader.next())!;
  const queue = await QueueFile.open(pathBeside(path), Deno.statSync(path));
  await queue.lock();
  assertEquals(reader.giveBackNow(messages), false);
  queue.close();
  assertEquals(reader.giveBackNow([]), false);
  assertEquals(reader.giveBackNow(messages), true);
  assertEquals(waiting(path), "1\n2\n3\n");
  // It did not keep the turn.
  await using next = await open(path, { demand: wanting(1) });
  assertEquals(texts(await next.next()), ["1"]);
});

Deno.test("QueueReader counts its limit, and then leaves the FIFO", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using reader = await open(path, { demand: new Demand(2) });
  echo(path, "1\n2\n3\n");
  assertEquals(texts(await reader.next()), ["1", "2"]);
  assertEquals(await reader.next(), undefined);
  assertEquals(waiting(path), "3\n");
});

Deno.test("leaveMessage() leaves a message behind those that wait, before an unfinished one", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  {
    await using _reader = await open(path);
    echo(path, "1\nunfinished");
  }
  await leaveMessage(bytes("2"), path, "\n", refuse);
  await leaveMessage(bytes("3"), path, "\n", refuse);
  assertEquals(waiting(path), "1\n2\n3\nunfinished");
  await Deno.remove(pathBeside(path));
  await Deno.mkdir(pathBeside(path));
  await assertRejects(() => leaveMessage(bytes("4"), path, "\n", refuse));
});

Deno.test("QueueReader without a queue file says so once, and still reads", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await Deno.mkdir(pathBeside(path));
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => notices.push(notice);
  await using reader = await open(path, { onNotice, demand: wanting(1) });
  echo(path, "1\n2\n");
  const messages = (await reader.next())!;
  assertEquals(texts(messages), ["1"]);
  assertEquals(notices.map(({ code }) => code), ["no_queue"]);
  // The others are in this process: they go back into the FIFO.
  using next = Deno.openSync(path, { read: true, write: true });
  await reader.close(messages);
  const buffer = new Uint8Array(100);
  const count = (await next.read(buffer))!;
  const left = new TextDecoder().decode(buffer.subarray(0, count));
  assertEquals(left, "1\n2\n");
});

Deno.test("QueueReader drops a message that lost its beginning, and reports it", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  {
    // A reader was killed within a message.
    const queue = await QueueFile.open(pathBeside(path), Deno.statSync(path));
    queue.tryLock();
    queue.look();
    queue.markTorn();
    queue.close();
  }
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => notices.push(notice);
  await using reader = await open(path, { onNotice });
  echo(path, "the end\nwhole\n");
  assertEquals(texts(await reader.next()), ["whole"]);
  await eventually(() => notices.length > 0);
  assertEquals(notices.map(({ code }) => code), ["message_lost"]);
});
