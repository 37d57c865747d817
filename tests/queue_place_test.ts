/**
 * Where the queue file of a FIFO is: beside the FIFO, or in the folder of the
 * bus. Readers and publishers agree on one of them at any time.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { pathBeside } from "../lib/fifo/queue_header.ts";
import {
  commandLine,
  eventually,
  finish,
  type Process,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A bus, and FIFOs beside which there can be no queue file. */
class Place extends TestBus {
  /** Makes a FIFO in a folder where its readers can make no queue file. */
  async closedFifo(): Promise<string> {
    const path = await this.fifo();
    await this.close(path);
    return path;
  }

  /** From now on, nobody can make a queue file beside the FIFO. */
  async close(path: string): Promise<void> {
    await Deno.mkdir(pathBeside(path));
  }

  /** From now on, somebody can. */
  async open(path: string): Promise<void> {
    await Deno.remove(pathBeside(path));
  }

  /** The names in the folder of the bus; undefined if there is no bus. */
  queues(): string[] | undefined {
    try {
      return [...Deno.readDirSync(this.env.FIFOBUS_DIR!)]
        .map(({ name }) => name).filter((name) => name.startsWith(".queue-"));
    } catch {
      return undefined;
    }
  }

  /** Starts a reader, and waits until it has the turn, or waits for it. */
  async reader(path: string, ...args: string[]): Promise<Process> {
    const reader = this.subOnce("--no-exit-word", ...args, path);
    const has = (name: string) => this.#opens(reader.pid, name);
    await eventually(() => has(path) && has("queue"));
    return reader;
  }

  #opens(pid: number, name: string): boolean {
    try {
      return [...Deno.readDirSync(`/proc/${pid}/fd`)].some((fd) =>
        Deno.readLinkSync(`/proc/${pid}/fd/${fd.name}`).includes(name)
      );
    } catch {
      return false;
    }
  }
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i} ${"x".repeat(60_000)}`);
}

/** Readers print large messages, each once and whole, and end. */
async function share(
  bus: Place,
  paths: string[],
  readers: Process[],
): Promise<void> {
  const all = texts(60);
  const received: string[] = [];
  const reading = readers.map(async (reader) => {
    for (let line; (line = await reader.line().catch(() => undefined));) {
      received.push(line);
      if (received.length < all.length) continue;
      for (const it of readers) it.kill("SIGTERM");
    }
  });
  await Promise.all(paths.map(async (path, i) => {
    const some = all.filter((_, at) => at % paths.length === i);
    await Deno.writeTextFile(bus.file(`in${i}`), some.join("\n"));
    await finish(bus.pub("--file", bus.file(`in${i}`), path));
  }));
  await Promise.all(reading);
  const number = (text: string) => parseInt(text);
  received.sort((a, b) => number(a) - number(b));
  const short = (text: string) => `${text.slice(0, 9)} ${text.length}`;
  assertEquals(received.map(short), all.map(short));
}

waiting.test("a publisher that is killed within a message costs that message only, with the queue file in the bus", async () => {
  await using bus = new Place();
  const path = await bus.closedFifo();
  await using reader = await bus.reader(path);
  await finish(bus.pub(path, "first"));
  assertEquals(await reader.line(), "first");
  reader.kill("SIGSTOP");
  const writtenAt = () => Deno.statSync(path).mtime!.getTime();
  const before = writtenAt();
  // With a timeout, it writes in pieces, and does not wait in write(2).
  await using killed = bus.pub("-s", "--timeout=60", path);
  await killed.write("x".repeat(200_000));
  await killed.end();
  const queue = `${bus.env.FIFOBUS_DIR}/${bus.queues()![0]}`;
  const isTorn = () => Deno.readTextFileSync(queue)[16] === "P";
  await eventually(() => isTorn() && writtenAt() > before);
  killed.kill("SIGKILL");
  await killed.ended();
  reader.kill("SIGCONT");
  await finish(bus.pub(path, "next"));
  assertEquals(await reader.line(), "next");
  await reader.said(/1 message was dropped/);
  await finish(bus.pub(path, "last"));
  assertEquals(await reader.line(), "last");
});

waiting.test("readers from before and after a full disk share large messages, and split none", async () => {
  await using bus = new Place();
  const path = await bus.closedFifo();
  await using before = await bus.reader(path);
  await bus.open(path);
  await using after = await bus.reader(path);
  await share(bus, [path], [before, after]);
});

waiting.test("readers from before and after a FIFO has another name share large messages, and split none", async () => {
  await using bus = new Place();
  const path = await bus.fifo();
  const other = bus.file("other");
  await using before = await bus.reader(path);
  await Deno.link(path, other);
  await using named = await bus.reader(other);
  await using after = await bus.reader(path);
  await share(bus, [path, other], [before, named, after]);
});

waiting.test("a FIFO in the folder of the bus gets another name, and its reader goes on", async () => {
  await using bus = new Place();
  const folder = bus.env.FIFOBUS_DIR!;
  await Deno.mkdir(folder, { mode: 0o700 });
  const path = `${folder}/jobs`;
  await Deno.rename(await bus.fifo(), path);
  await using reader = await bus.reader(path);
  await Deno.link(path, `${folder}/other`);
  await eventually(() => bus.queues()?.length === 1);
  await finish(bus.pub(path, "first"));
  assertEquals(await reader.line(), "first");
  await finish(bus.pub(path, "second"));
  assertEquals(await reader.line(), "second");
});

waiting.test("what waits for a FIFO with several names is there after its folder was moved", async () => {
  await using bus = new Place();
  await Deno.mkdir(bus.file("old"));
  const [path, other] = [bus.file("old/jobs"), bus.file("other")];
  await Deno.rename(await bus.fifo(), path);
  await using first = await bus.reader(path, "-C", "1");
  await Deno.link(path, other);
  await eventually(() => bus.queues()?.length === 1);
  await using pub = bus.pub("-l", path);
  await pub.write("1\n2\n3\n");
  await pub.end();
  assertEquals(await first.line(), "1");
  await Promise.all([finish(pub), finish(first)]);
  await Deno.rename(bus.file("old"), bus.file("new"));
  await using next = bus.subOnce("-C", "2", bus.file("new/jobs"));
  assertEquals([await next.line(), await next.line()], ["2", "3"]);
});

waiting.test("a FIFO that gets a name of another one shares no queue file with it", async () => {
  await using bus = new Place();
  await shareNone(bus, await bus.fifo());
});

waiting.test("a FIFO that gets a name of another one shares no queue file with it, in the bus neither", async () => {
  await using bus = new Place();
  await shareNone(bus, await bus.closedFifo());
});

/** Replaces a FIFO that has another name: both are read. */
async function shareNone(bus: Place, path: string): Promise<void> {
  const other = bus.file("other");
  await using reader = await bus.reader(path);
  await Deno.link(path, other);
  await using named = await bus.reader(other);
  await Deno.rename(await bus.fifo("next"), path);
  for (let i = 0; i < 3; i++) {
    await finish(bus.pub(path, `path ${i}`));
    assertEquals(await reader.line(), `path ${i}`);
    await finish(bus.pub(other, `other ${i}`));
    assertEquals(await named.line(), `other ${i}`);
  }
  for (const it of [reader, named]) it.kill("SIGTERM");
  await Promise.all([finish(reader), finish(named)]);
  assertEquals(bus.queues(), []);
}

waiting.test("what waits in the folder of the bus is listed, and taken, when the reason for it is gone", async () => {
  await using bus = new Place();
  const path = await bus.closedFifo();
  await using first = await bus.reader(path, "-C", "1");
  await Deno.writeTextFile(bus.file("in"), "1\n2\n3\n");
  await finish(bus.pub("--file", bus.file("in"), path));
  assertEquals((await first.ended()).stdout, "1\n");
  await bus.open(path);
  const list = await finish(bus.subOnce("--list", path));
  assertEquals(list.stdout.split("\t").slice(1, 4), [
    ...["-", "2 messages", "4 bytes"],
  ]);
  const rest = await finish(bus.subOnce("-C", "2", path));
  assertEquals(rest.stdout, "2\n3\n");
  assertEquals(bus.queues(), []);
});

waiting.test("a reader with its queue file in the bus takes what was in a FIFO that was replaced", async () => {
  await using bus = new Place();
  const path = await bus.closedFifo();
  const command = `cat; echo; while ! [ -e '${bus.file("go")}' ]; do :; done`;
  await using worker = await bus.reader(path, "--exec", command);
  await finish(bus.pub(path, "1"));
  assertEquals(await worker.line(), "1");
  await finish(bus.pub(path, "2"));
  await Deno.remove(path);
  await bus.fifo();
  await Deno.writeTextFile(bus.file("go"), "");
  assertEquals(await worker.line(), "2");
  await finish(bus.pub(path, "3"));
  assertEquals(await worker.line(), "3");
});

waiting.test("readers agree on one queue file after two were made at the same moment", async () => {
  await using bus = new Place();
  const path = await bus.fifo();
  await using before = await bus.reader(path);
  const { dev, ino, birthtime } = Deno.statSync(path);
  const name = `.queue-${dev}-${ino}-${birthtime?.getTime() ?? 0}`;
  await Deno.mkdir(bus.env.FIFOBUS_DIR!, { recursive: true, mode: 0o700 });
  // Its maker was killed before it looked beside the FIFO once more.
  await Deno.writeTextFile(`${bus.env.FIFOBUS_DIR}/${name}`, "");
  await using after = await bus.reader(path);
  await share(bus, [path], [before, after]);
  assertEquals(bus.queues(), []);
});

waiting.test("a publisher makes no bus", async () => {
  await using bus = new Place();
  const path = await bus.fifo();
  await using _plain = bus.sh('exec cat <> "$0"', path);
  await finish(bus.pub(path, "small"));
  await finish(bus.pub(path, "x".repeat(10_000)));
  assert(bus.queues() === undefined);
});

waiting.test("a reader that cannot write a queue file leaves none to other readers", async () => {
  await using bus = new Place();
  const path = await bus.fifo();
  // No file of this program may have a byte: as a full disk, for it.
  await using reader = bus.sh(
    'ulimit -f 0; trap "" XFSZ; exec "$@"',
    "sh",
    ...commandLine("sub", "--no-exit-word", path),
  );
  await reader.said(/cannot take turns/);
  await finish(bus.pub(path, "hello"));
  assertEquals(await reader.line(), "hello");
  assertThrows(() => Deno.lstatSync(pathBeside(path)), Deno.errors.NotFound);
  // It tries again with each message.
  await eventually(() => bus.queues()!.length === 0);
});
