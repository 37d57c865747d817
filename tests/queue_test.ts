/**
 * A FIFO as a queue: its readers take turns, and leave what they do not handle.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { type Message, type Notice, publish, Subscriber } from "../mod.ts";
import { Folder } from "./harness/folder.ts";
import {
  testSinceDeno27,
  withoutLinux,
  withoutPython,
} from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  Process,
  pub,
  repeatUntil,
  sh,
  sub,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A program that keeps a FIFO open, and reads and writes nothing. */
async function hold(path: string): Promise<Process> {
  const holder = sh('exec 3<>"$0"; echo ready; read -r end', path);
  await holder.line();
  return holder;
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
}

function lines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

function texts(messages: Message[] | undefined): string[] | undefined {
  return messages?.map((message) => message.text);
}

function queueOf(path: string): string {
  return path.replace(/([^/]*)$/, ".$1.queue");
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What waits in the queue file. */
function inQueue(path: string): string {
  if (!exists(queueOf(path))) return "";
  const text = Deno.readTextFileSync(queueOf(path));
  const [, from, to] = /^fifobus queue 1\n.{7}(\d{14}) (\d{14})\n/.exec(text) ??
    [];
  return text.slice(Number(from), Number(to));
}

/** What a subscriber that takes some messages prints. */
async function take(count: number, path: string): Promise<string[]> {
  const args = ["--no-exit-word", "-C", `${count}`, path];
  const ended = await finish(sub(...args));
  assertEquals([ended.code, ended.stderr], [0, ""]);
  return lines(ended.stdout);
}

async function takeAll(subscriber: Subscriber): Promise<string[]> {
  await using open = subscriber;
  return await Array.fromAsync(open, (message: Message) => message.text);
}

/** Writes into a FIFO; the text stays as long as some process has it open. */
async function write(path: string, text: string): Promise<void> {
  await finish(sh('printf "$1" > "$0"', path, text));
}

waiting.test("the next reader gets messages that were written before the last reader left", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  // Each is the only reader, and leaves these messages unread when it ends.
  const leave: Record<string, () => Promise<unknown>> = {
    "Subscriber.close()": async () => {
      await using _subscriber = await Subscriber.open(path);
      await write(path, "a\nb\n");
    },
    "sub -C": async () => {
      await using subscriber = sub("-C", "1", path);
      await write(path, "taken\na\nb\n");
      assertEquals((await subscriber.ended()).stdout, "taken\n");
    },
    "the exit word": async () => {
      await using subscriber = sub(path);
      await write(path, "printed\nexit\na\nb\n");
      assertEquals((await subscriber.ended()).stdout, "printed\n");
    },
    "sub --exec": async () => {
      await using subscriber = sub("-C1", "--exec", "cat; echo", path);
      await write(path, "taken\na\nb\n");
      assertEquals((await subscriber.ended()).stdout, "taken\n");
    },
  };
  for (const [name, end] of Object.entries(leave)) {
    await end();
    assertEquals(inQueue(path), "a\nb\n", name);
    assertEquals(await take(1, path), ["a"], name);
    assertEquals(await take(1, path), ["b"], name);
    assert(!exists(queueOf(path)), `${name}: the file is gone`);
  }
});

waiting.test("a reader ended by a signal leaves the messages that it did not print", async () => {
  await using folder = new Folder();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const path = await folder.fifo(signal);
    await using subscriber = sub(path);
    await write(path, "a\nb\nunfinished");
    assertEquals(await subscriber.line(), "a");
    assertEquals(await subscriber.line(), "b");
    subscriber.kill(signal);
    const { stdout, stderr } = await subscriber.ended();
    assertEquals([stdout, stderr], ["", ""]);
    assertEquals(inQueue(path), "unfinished");
    await using next = sub("-C", "1", path);
    await write(path, ", no more\n");
    assertEquals((await next.ended()).stdout, "unfinished, no more\n");
  }
});

waiting.test("a loop of sub -C 1 gets every message, alone and four at a time", async () => {
  await using folder = new Folder();
  for (const loops of [1, 4]) {
    const path = await folder.fifo(`pipe${loops}`);
    const command = commandLine("sub", "-W", "2", "-C", "1", path);
    const workers = numbers(1, loops).map(() =>
      finish(sh('while m=$("$@"); do echo "$m"; done', "sh", ...command))
    );
    assertEquals((await finish(pub(path, "0"))).code, 0);
    await Deno.writeTextFile(folder.file("in"), numbers(1, 40).join("\n"));
    await finish(pub("--file", folder.file("in"), path));
    const printed = (await Promise.all(workers)).map((it) => lines(it.stdout));
    const sorted = (texts: string[]) =>
      texts.toSorted((a, b) => Number(a) - Number(b));
    assertEquals(sorted(printed.flat()), numbers(0, 40));
    // Each has its messages in order.
    for (const some of printed) assertEquals(some, sorted(some));
    assert(!exists(queueOf(path)));
  }
});

waiting.test("readers share messages of 20 kB, and split none", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const message = (i: number) => `${i} ${"x".repeat(20_000)} ${i}`;
  const all = numbers(1, 200).map((i) => message(Number(i)));
  await Deno.writeTextFile(folder.file("in"), all.join("\n"));
  const printed = [1, 2, 3].map(() => finish(sub("-W", "1", path)));
  await finish(pub("--file", folder.file("in"), path));
  const received = (await Promise.all(printed)).map((it) => lines(it.stdout));
  const sequence = (text: string) => parseInt(text);
  assertEquals(
    received.flat().sort((a, b) => sequence(a) - sequence(b)),
    all,
  );
  for (const some of received) {
    assertEquals(some, some.toSorted((a, b) => sequence(a) - sequence(b)));
  }
});

waiting.test("sub -C takes N messages, and no more, from a FIFO that is kept full", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const file = folder.file("numbers");
  await Deno.writeTextFile(file, numbers(1, 200_000).join("\n"));
  await using publisher = pub("--file", file, path);
  assertEquals(await take(1, path), ["1"]);
  assertEquals(await take(1, path), ["2"]);
  assertEquals(await take(1000, path), numbers(3, 1002));
  // The publisher waits, so the file holds at most a few times the size of a FIFO.
  assert(Deno.statSync(queueOf(path)).size < 1_000_000);
  assertEquals(await take(200_000 - 1002, path), numbers(1003, 200_000));
  assertEquals((await publisher.ended()).code, 0);
});

waiting.testWithout(
  [...withoutLinux, ...withoutPython],
  "a FIFO of 4 KiB and one of 1 MiB are queues as well",
  async () => {
    await using folder = new Folder();
    for (const bytes of [4096, 1024 * 1024]) {
      const path = await folder.fifo(`${bytes}`);
      const script = "import fcntl,sys,os\n" +
        "fd=os.open(sys.argv[1],os.O_RDWR)\n" +
        // F_SETPIPE_SZ, which only Linux has.
        "fcntl.fcntl(fd,1031,int(sys.argv[2]))\n" +
        "print('ready',flush=True)\nsys.stdin.read()";
      await using holder = new Process(
        ["python3", "-c", script, path, `${bytes}`],
      );
      assertEquals(await holder.line(), "ready");
      const count = 20_000;
      const messages = numbers(1, count).map((it) => it.padStart(15, "0"));
      await Deno.writeTextFile(folder.file("in"), messages.join("\n"));
      await using publisher = pub("--file", folder.file("in"), path);
      assertEquals(await take(1, path), [messages[0]]);
      assertEquals(await take(3, path), messages.slice(1, 4));
      assertEquals(await take(count - 4, path), messages.slice(4));
      assertEquals((await publisher.ended()).code, 0);
      // Nothing is left for a reader that is not ours, not even a marker.
      await write(path, "end\n");
      const read = await finish(sh('read -r line <> "$0"; echo "$line"', path));
      assertEquals(read.stdout, "end\n");
    }
  },
);

waiting.test("Subscriber.read(1) takes one message, and other readers get the others", async () => {
  await using folder = new Folder();
  const paths = [await folder.fifo("a"), await folder.fifo("b")];
  await using worker = await Subscriber.open(paths);
  for (const path of paths) await write(path, "1\n2\n");
  const [one] = (await worker.read(1))!;
  assertEquals(one!.text, "1");
  const received = [`${one!.topic} ${one!.text}`];
  for (const path of paths) {
    const other = await Subscriber.open(path);
    const count = path === one!.topic ? 1 : 2;
    while (received.filter((it) => it.startsWith(path)).length < 2) {
      const messages = (await other.read(count))!;
      received.push(...messages.map((it) => `${path} ${it.text}`));
    }
    await other.close();
  }
  const all = paths.flatMap((path) => [`${path} 1`, `${path} 2`]);
  assertEquals(received.toSorted(), all);
});

waiting.test("Subscriber.close() gives unhandled messages back, before those that came later", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const worker = await Subscriber.open(path);
  await write(path, "1\n2\n3\n4\n5\n");
  const taken = (await worker.read(2))!;
  assertEquals(texts(taken), ["1", "2"]);
  // Handed out by the iterator up to "3".
  for await (const message of worker) {
    assertEquals(message.text, "3");
    break;
  }
  await worker.close(taken.slice(1));
  assertEquals(inQueue(path), "2\n4\n5\n");
  assertEquals(
    await takeAll(await Subscriber.open(path, { limit: 3 })),
    ["2", "4", "5"],
  );
  assertEquals(await worker.read(), undefined);
});

waiting.test("Subscriber.close() gives messages back while another reader waits", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const worker = await Subscriber.open(path);
  await write(path, "job\n");
  const taken = (await worker.read(1))!;
  await using other = sub("--no-exit-word", path);
  await eventually(() => exists(queueOf(path)));
  await worker.close(taken);
  assertEquals(await other.line(), "job");
});

waiting.test("a message that is cut by the end of a read waits for its end", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using worker = await Subscriber.open(path);
  await write(path, "whole\nbegun");
  assertEquals(texts(await worker.read()), ["whole"]);
  await using other = await Subscriber.open(path);
  const reading = other.read();
  await write(path, " and ended\n");
  assertEquals(texts(await reading), ["begun and ended"]);
});

waiting.test("a reader that is killed within a message costs that message only", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using _holder = await hold(path);
  await using killed = sub("--no-exit-word", path);
  await write(path, "first\n");
  assertEquals(await killed.line(), "first");
  await write(path, "a part");
  await eventually(() =>
    Deno.readTextFileSync(queueOf(path)).startsWith("fifobus queue 1\n-00-R")
  );
  killed.kill("SIGKILL");
  await killed.ended();
  await write(path, " and its end\nnext\n");
  await using subscriber = sub("-C", "1", path);
  const { stdout, stderr } = await subscriber.ended();
  assertEquals(stdout, "next\n");
  assertStringIncludes(stderr, "1 message was dropped");
});

for (
  const [where, isWritten, isWaiting] of [
    ["is gone", false, false],
    ["is in the FIFO", true, false],
    ["is gone and a publisher waits", false, true],
  ] as const
) {
  waiting.test(`the beginning of a message whose readers were killed is dropped, and told, if the rest ${where}`, async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    const header = (mark: string) =>
      Deno.readTextFileSync(queueOf(path)).startsWith(
        `fifobus queue 1\n${mark}`,
      );
    await using holder = await hold(path);
    await write(path, "first\nbegun");
    // While its command runs, the worker leaves the beginning in the queue file.
    const command = "echo busy; while kill -0 $PPID; do sleep 0.01; done";
    await using worker = sub("--exec", command, path);
    assertEquals(await worker.line(), "busy");
    await eventually(() => header("-00-B") && inQueue(path) === "begun");
    await using writer = sh('exec 3>"$0"; read -r end', path);
    if (isWritten) await write(path, " and ended\n");
    else {
      await writer.end();
      await writer.ended();
    }
    worker.kill("SIGKILL");
    await worker.ended();
    // If nobody else has the FIFO open, the system drops what is in it.
    await holder.end();
    await holder.ended();

    // It waits in open(2), and writes a moment after a reader has opened.
    await using waiter = isWaiting
      ? sh('echo ready; exec 3>"$0"; read -r go; echo next >&3', path)
      : undefined;
    await waiter?.line();
    await using next = sub("--no-exit-word", path);
    await eventually(() => header("-00-r"));
    if (waiter) await waiter.write("go\n");
    else await write(path, "next\n");
    assertEquals(await next.line(), "next");
    await next.said(/1 message was dropped/);
  });
}

waiting.test("the part of a killed publisher's message joins no other, though its end is gone with the FIFO", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const header = () => Deno.readTextFileSync(queueOf(path)).slice(16, 23);
  await using holder = await hold(path);
  await using reader = sub("--no-exit-word", path);
  await eventually(() => exists(queueOf(path)) && header() === "-00-r00");
  reader.kill("SIGSTOP");
  const writtenAt = () => Deno.statSync(path).mtime!.getTime();
  const before = writtenAt();
  // With a timeout, it writes in pieces, and does not wait in write(2).
  await using killed = pub("-s", "--timeout=60", path);
  await killed.write("x".repeat(200_000));
  await killed.end();
  await eventually(() => header().startsWith("P01") && writtenAt() > before);
  killed.kill("SIGKILL");
  await killed.ended();
  reader.kill("SIGCONT");
  reader.kill("SIGTERM");
  await reader.ended();
  assertEquals(header().slice(0, 5), "P01-B");
  // It writes the end of the part, which goes with the FIFO.
  await finish(pub(path, "gone"));
  assertEquals(header().slice(0, 5), "-01-B");
  await holder.end();
  await holder.ended();

  await using next = sub("--no-exit-word", path);
  await eventually(() => header() === "-01-r01");
  await finish(pub(path, "next"));
  assertEquals(await next.line(), "next");
  await next.said(/1 message was dropped/);
});

waiting.test("sub gives back messages that it could not print", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using pipeline = sh(
    '"$@" | { read -r line; exec <&-; echo "$line"; echo gone; }',
    "sh",
    ...commandLine("sub", path),
  );
  await write(path, "a\n");
  assertEquals(await pipeline.line(), "a");
  assertEquals(await pipeline.line(), "gone");
  await write(path, "b\nc\n");
  await eventually(() => inQueue(path) === "b\nc\n");
});

waiting.test("the limit of a Subscriber counts over all FIFOs, and the other messages go back", async () => {
  await using folder = new Folder();
  const paths = [await folder.fifo("a"), await folder.fifo("b")];
  await using _holderA = await hold(paths[0]!);
  await using _holderB = await hold(paths[1]!);
  for (let round = 0; round < 10; round++) {
    await Promise.all(paths.map((path) => publish(path, path)));
    const first = await takeAll(await Subscriber.open(paths, { limit: 1 }));
    const second = await takeAll(await Subscriber.open(paths, { limit: 1 }));
    assertEquals([...first, ...second].sort(), paths);
  }
});

waiting.test("the limit of a Subscriber works with NUL, and with a large message after the last", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const large = "two\nlines ".repeat(10_000);
  await Deno.writeTextFile(folder.file("in"), `a\nb\0${large}\0c\0`);
  await using publisher = pub("--null", "--file", folder.file("in"), path);
  const take = async (limit?: number) =>
    await takeAll(await Subscriber.open(path, { delimiter: "\0", limit }));
  assertEquals(await take(1), ["a\nb"]);
  assertEquals(await take(1), [large]);
  assertEquals(await take(1), ["c"]);
  assertEquals((await publisher.ended()).code, 0);
});

waiting.test("the limit of a Subscriber is 0 or more", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  assertEquals(await takeAll(await Subscriber.open(path, { limit: 0 })), []);
  await assertRejects(() => Subscriber.open(path, { limit: -1 }), RangeError);
  await assertRejects(() => Subscriber.open(path, { limit: NaN }), RangeError);
});

waiting.test("a message over the limit is dropped and reported, and the next reader goes on behind it", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const long = "x".repeat(200);
  for (const sent of [`a\n${long}\nb\n`, `a\n${"x".repeat(100_000)}\nb\n`]) {
    await using limited = sub("--max-size", "100", path);
    await write(path, sent);
    const { code, stdout, stderr } = await limited.ended();
    assertEquals([code, stdout], [1, "a\n"]);
    assertStringIncludes(stderr, "the limit is 100");
    assertEquals(await take(1, path), ["b"]);
  }
});

const FOREIGN = `${"x".repeat(19)}L${"x".repeat(60)}`;

waiting.test("a file that only has the name of a queue file is reported, and not changed", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.file("precious"), "precious");
  const cases: [make: (path: string) => void, reason: string][] = [
    [(path) => Deno.symlinkSync(folder.file("precious"), path), "link"],
    [(path) => Deno.mkdirSync(path), "not a regular file"],
    [(path) => Deno.writeTextFileSync(path, "garbage"), "not a queue file"],
    [(path) => Deno.writeTextFileSync(path, "removed\n"), "not a queue file"],
    // An L is where readers say that they leave.
    [
      (path) => Deno.writeTextFileSync(path, FOREIGN),
      "not a queue file",
    ],
    [
      (path) => {
        Deno.writeTextFileSync(path, "");
        Deno.linkSync(path, `${path}2`);
      },
      "several names",
    ],
  ];
  for (const [i, [make, reason]] of cases.entries()) {
    const path = await folder.fifo(`pipe${i}`);
    make(queueOf(path));
    const isFile = Deno.lstatSync(queueOf(path)).isFile;
    const content = () => isFile && Deno.readTextFileSync(queueOf(path));
    const before = content();
    // With no bus either, there is no place for one.
    const env = { FIFOBUS_DIR: folder.file("nowhere/bus") };
    await using subscriber = new Process(
      commandLine("sub", "-C", "2", path),
      env,
    );
    await write(path, "a\nb\n");
    const { code, stdout, stderr } = await subscriber.ended();
    assertEquals([code, stdout], [0, "a\nb\n"]);
    assertStringIncludes(stderr, reason);
    assertStringIncludes(stderr, "cannot take turns");
    assertEquals(content(), before);
  }
  assertEquals(await Deno.readTextFile(folder.file("precious")), "precious");
});

testSinceDeno27(
  "a program may not stop itself",
  "Ctrl-Z gives the turn to another reader, whether it has it or waits for it",
  async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    const readers = [sub("--no-exit-word", path), sub("--no-exit-word", path)];
    await using one = readers[0]!;
    await using two = readers[1]!;
    const state = async (pid: number) =>
      (await finish(new Process(["ps", "-o", "stat=", "-p", `${pid}`]))).stdout;
    for (const [stopped, other] of [[one, two], [two, one]] as const) {
      // Both run, and one of them has the turn.
      for (const reader of readers) {
        await repeatUntil(
          () => finish(sh('echo ready > "$0"; sleep 0.01', path)),
          reader.until("ready\n"),
        );
      }
      stopped.kill("SIGTSTP");
      await eventually(async () => (await state(stopped.pid)).startsWith("T"));
      for (const text of ["a", "b"]) {
        await finish(pub(path, text));
        await other.until(`${text}\n`);
      }
      stopped.kill("SIGCONT");
    }
  },
);

waiting.test("readers agree on a queue file again when somebody has removed it", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using first = sub("-W", "1", path);
  await write(path, "ready\n");
  assertEquals(await first.line(), "ready");
  await Deno.remove(queueOf(path));
  // The second reader makes another file, and has the turn there.
  await using second = sub("-W", "1", path);
  await eventually(() => exists(queueOf(path)));
  const printed = [first.ended(), second.ended()];
  // Each reader looks at the path again with one of the next messages.
  for (let i = 0; i < 20; i++) {
    await finish(sh('echo small > "$0"; sleep 0.02', path));
  }
  const large = numbers(1, 100).map((it) => `${it} ${"x".repeat(20_000)}`);
  await Deno.writeTextFile(folder.file("in"), large.join("\n"));
  await finish(pub("--file", folder.file("in"), path));
  const received = (await Promise.all(printed))
    .flatMap(({ stdout }) => lines(stdout)).filter((it) => it !== "small");
  assertEquals(
    received.sort((a, b) => parseInt(a) - parseInt(b)),
    large,
  );
});

waiting.test("messages left to others survive the removal of the queue file", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using first = sub("--no-exit-word", "-C", "1", path);
  await eventually(() => exists(queueOf(path)));
  await Deno.remove(queueOf(path));
  await write(path, "1\\n2\\n3\\n");
  assertEquals((await first.ended()).stdout, "1\n");
  assertEquals(await take(2, path), ["2", "3"]);
});

waiting.test("readers go on with the FIFO that has replaced theirs", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using first = sub("--no-exit-word", path);
  await eventually(() => exists(queueOf(path)));
  await write(path, "old\\n");
  assertEquals(await first.line(), "old");
  await Deno.remove(path);
  await folder.fifo();
  // It waits for the turn, which the first one still has in the old FIFO.
  await using second = sub("--no-exit-word", path);
  const lines = Promise.all([first.line(), second.line()]);
  await repeatUntil(
    () => finish(sh('echo new > "$0"; sleep 0.01', path)),
    lines,
  );
  assertEquals(await lines, ["new", "new"]);
});

waiting.test("readers can end while a stopped process has the turn", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using stopped = sub("--no-exit-word", path);
  await write(path, "ready\\n");
  assertEquals(await stopped.line(), "ready");
  stopped.kill("SIGSTOP");
  const timedOut = await finish(sub("-W", "0.1", path));
  assertEquals([timedOut.code, timedOut.stderr], [124, ""]);
  await using ended = sub(path);
  await using third = sub("-C", "1", path);
  for (const reader of [ended, third]) reader.kill("SIGTERM");
  assertEquals((await ended.ended()).stdout, "");
  assertEquals((await third.ended()).stdout, "");
  stopped.kill("SIGKILL");
});

waiting.test("a worker gives messages back although many readers wait for the turn", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const worker = await Subscriber.open(path);
  await write(path, "job\\n");
  const taken = (await worker.read(1))!;
  const received: string[] = [];
  const waiting = await Promise.all(
    numbers(1, 15).map(() => Subscriber.open(path)),
  );
  const reading = waiting.map(async (subscriber) => {
    for await (const { text } of subscriber) received.push(text);
  });
  await worker.close(taken);
  await eventually(() => received.length === 1);
  for (const subscriber of waiting) await subscriber.close();
  await Promise.all(reading);
  assertEquals(received, ["job"]);
});

waiting.test("without turns, a worker keeps messages that it cannot handle yet, in order", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await Deno.mkdir(queueOf(path));
  const env = { FIFOBUS_DIR: folder.file("nowhere/bus") };
  const args = ["-C", "8", "--exec", "cat; echo", path];
  await using holder = await hold(path);
  await using worker = new Process(commandLine("sub", ...args), env);
  await worker.said(/cannot take turns/);
  await finish(sh('seq 10 19 > "$0"', path));
  assertEquals(lines((await worker.ended()).stdout), numbers(10, 17));
  // The rest is in the FIFO again.
  await using next = new Process(commandLine("sub", "-C", "2", path), env);
  assertEquals(lines((await next.ended()).stdout), numbers(18, 19));
  await holder.end();
});

waiting.test("a bridge that ends gives back messages that it could not pass on", async () => {
  await using folder = new Folder();
  const [from, to] = [await folder.fifo("from"), await folder.fifo("to")];
  await using bridge = pub("--from", from, to);
  await write(from, "1\n2\n3\n");
  // Nobody reads the other FIFO.
  await eventually(() => exists(queueOf(from)));
  bridge.kill("SIGTERM");
  const { code, stderr } = await bridge.ended();
  assertEquals([code, stderr], [143, ""]);
  assertEquals(await take(3, from), ["1", "2", "3"]);
});

testSinceDeno27(
  "it cannot try a lock",
  "sub --list says whether a FIFO is read, and how many messages wait",
  async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    const list = async (...more: string[]) =>
      (await finish(sub("--list", ...more, path))).stdout.replace(path, "pipe");
    assertEquals(await list(), "pipe\t-\t0 messages\t0 bytes\t-\n");
    {
      await using reader = sub(path);
      await eventually(async () =>
        await list() === "pipe\twaiting\t0 messages\t0 bytes\t-\n"
      );
      await write(path, "exit\nfirst\nsecond\n");
      await reader.ended();
    }
    const [, reader, messages, bytes, since] = (await list()).trim().split(
      "\t",
    );
    assertEquals([reader, messages, bytes], ["-", "2 messages", "13 bytes"]);
    assert(Math.abs(Date.parse(since!) - Date.now()) < 60_000, since);
    const { fifo, ...json } = JSON.parse(await list("--json"));
    assertEquals([fifo, json.reader, json.messages, json.bytes, json.since], [
      ...["pipe", null, 2, 13, since],
    ]);
    await using holder = await hold(path);
    assertEquals((await list()).split("\t")[1], "open");
    await holder.end();
    const missing = await finish(sub("--list", `${path}2`));
    assertEquals(missing.code, 1);
  },
);

waiting.test("the second name of a queue file whose maker was killed is removed", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const queue = queueOf(path);
  await Deno.writeTextFile(queue, "");
  await Deno.link(queue, `${queue}-${crypto.randomUUID()}`);
  await using subscriber = sub("-C", "1", path);
  await write(path, "a\nb\n");
  const { stdout, stderr } = await subscriber.ended();
  assertEquals([stdout, stderr], ["a\n", ""]);
  assertEquals(await take(1, path), ["b"]);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

waiting.test("a lock on the folder of a FIFO disturbs nobody", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  using locked = Deno.openSync(folder.path);
  locked.lockSync(true);
  await using holder = await hold(path);
  await write(path, "a\nb\n");
  assertEquals(await take(1, path), ["a"]);
  assertEquals(await take(1, path), ["b"]);
  await holder.end();
});

waiting.test("a plain reader beside a loop of sub -C 1 sees few wake markers", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using plain = sh('exec cat "$0"', path);
  const loop = finish(sh(
    'for i in 1 2 3 4 5; do "$@"; done',
    "sh",
    ...commandLine("sub", "-W", "0.2", "-C", "1", path),
  ));
  await Deno.writeTextFile(folder.file("in"), numbers(1, 2000).join("\n"));
  await using publisher = pub("--file", folder.file("in"), "--rate=2000", path);
  const taken = lines((await loop).stdout);
  await publisher.ended();
  // The plain reader has the FIFO alone now, and sees its end.
  const seen = lines((await plain.ended()).stdout);
  const messages = seen.filter((it) => !it.includes("fifobus wake"));
  // At most a few for each reader that ends.
  assert(seen.length - messages.length <= 20, `${seen.length}`);
  const left = inQueue(path);
  const all = [...taken, ...messages, ...lines(left)];
  assertEquals(
    all.sort((a, b) => Number(a) - Number(b)),
    numbers(1, 2000),
  );
});

waiting.test("where there can be no queue file beside the FIFO, it is in the folder of the bus", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await Deno.mkdir(queueOf(path));
  const env = { FIFOBUS_DIR: folder.file("bus") };
  const run = (...args: string[]) =>
    new Process(commandLine("sub", ...args, path), env);
  await using first = run("-C", "1");
  await write(path, "a\nb\n");
  const { stdout, stderr } = await first.ended();
  assertEquals([stdout, stderr], ["a\n", ""]);
  await using second = run("-C", "1");
  assertEquals((await second.ended()).stdout, "b\n");
});

waiting.test("with permission for the FIFO alone there are no turns, and no prompt", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const script = folder.file("script.ts");
  await Deno.writeTextFile(
    script,
    `import { Subscriber } from "${new URL("../mod.ts", import.meta.url)}";
    const onNotice = ({ code }) => console.log(code);
    const subscriber = await Subscriber.open(Deno.args[0], { limit: 2, onNotice });
    for await (const { text } of subscriber) console.log(text);`,
  );
  const config = new URL("../deno.json", import.meta.url).pathname;
  const options = [`--allow-read=${path}`, `--allow-write=${path}`];
  await using process = new Process([
    ...[Deno.execPath(), "run", "--no-prompt", "--config", config],
    ...[...options, script, path],
  ] as [string, ...string[]]);
  assertEquals(await process.line(), "no_queue");
  await write(path, "a\nb\nc\n");
  const { code, stdout } = await process.ended();
  assertEquals([code, stdout], [0, "a\nb\n"]);
});

waiting.test("messages are kept while the disk is full, and sub says so", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  // No file of this program may grow over 512 bytes: as a full disk, for it.
  await using worker = sh(
    'ulimit -f 1; trap "" XFSZ; exec "$@"',
    "sh",
    ...commandLine("sub", "--no-exit-word", path),
  );
  const long = "x".repeat(2000);
  await write(path, `a\n${long}`);
  assertEquals(await worker.line(), "a");
  await worker.said(
    /are kept here until they can: the file would be too large/,
  );
  // It goes on with the messages that it keeps.
  await write(path, `${long}\nb\n`);
  assertEquals(await worker.line(), long + long);
  assertEquals(await worker.line(), "b");
  worker.kill("SIGTERM");
  assertEquals((await worker.ended()).stdout, "");
});

waiting.test("Subscriber reports with onNotice, which may throw", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await Deno.writeTextFile(queueOf(path), "fifobus queue 1\n-00-R");
  const notices: Notice[] = [];
  await using subscriber = await Subscriber.open(path, {
    onNotice: (notice) => {
      notices.push(notice);
      throw new Error("of the callback");
    },
  });
  const reading = subscriber.read();
  await write(path, "a\n");
  assertEquals(texts(await reading), ["a"]);
});

waiting.testWithout(
  withoutPython,
  "a reader that leaves waits for the publishers, however often they fill the FIFO",
  async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    await using subscriber = sub("--no-exit-word", path);
    await finish(pub(path, "first"));
    assertEquals(await subscriber.line(), "first");
    // Several publishers have the lock by turns, one at each moment: to the
    // reader they look like this one, which goes on when it is asked to wait.
    const script = "import fcntl,os,struct,sys,termios,time\n" +
      "fd=os.open(sys.argv[1],os.O_WRONLY)\n" +
      "fcntl.flock(fd,fcntl.LOCK_SH)\n" +
      "end=time.time()+20\n" +
      "count=asked=0\n" +
      "while asked<20:\n" +
      " if asked or open(sys.argv[2]).read()[19]=='L': asked+=1\n" +
      " os.write(fd,b'%d\\n'%count)\n" +
      " count+=1\n" +
      " while struct.unpack('i',fcntl.ioctl(fd,termios.FIONREAD,b'0000'))[0]:\n" +
      "  if time.time()>end: sys.exit('nobody reads')\n" +
      " if time.time()>end: sys.exit('nobody asks')\n" +
      " print(count,flush=True)\n" +
      "os.write(fd,b'last\\n')\n";
    await using publisher = new Process(
      ["python3", "-c", script, path, queueOf(path)],
    );
    await publisher.line();
    subscriber.kill("SIGTERM");
    const written = await publisher.ended();
    assertEquals([written.code, written.stderr], [0, ""]);
    const count = Number(lines(written.stdout).at(-1));
    const { stdout } = await subscriber.ended();
    const rest = await finish(sub("-W", "0.1", path));
    const all = [...numbers(0, count - 1), "last", ""].join("\n");
    assertEquals(stdout + rest.stdout, all);
  },
);

/** The header of a queue file whose reader leaves. */
const LEAVING = `fifobus queue 1\n-00L-00${"53".padStart(14, "0")} ${
  "53".padStart(14, "0")
}\n`;

waiting.test("a reader that was killed while it left holds up nobody", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const isLeaving = async () =>
    (await Deno.readTextFile(queueOf(path)))[LEAVING.indexOf("L")] === "L";
  await Deno.writeTextFile(queueOf(path), LEAVING, { mode: 0o600 });
  await using plain = sh('exec cat "$0"', path);
  await finish(pub(path, "1"));
  assertEquals([await plain.line(), await isLeaving()], ["1", false]);
  await plain.ended();
  await Deno.writeTextFile(queueOf(path), LEAVING);
  await using subscriber = sub("--no-exit-word", path);
  await eventually(async () => !await isLeaving());
  await finish(pub(path, "2"));
  assertEquals(await subscriber.line(), "2");
});

waiting.testWithout(
  withoutPython,
  "publishers let a reader that leaves have the lock, and write when it has left",
  async () => {
    await using folder = new Folder();
    const path = await folder.fifo();
    await Deno.writeTextFile(queueOf(path), LEAVING, { mode: 0o600 });
    // It has the turn, as a reader that leaves, and takes the lock again and again.
    const script = "import fcntl,os,struct,sys,termios,time\n" +
      "queue=os.open(sys.argv[2],os.O_RDWR)\n" +
      "fcntl.flock(queue,fcntl.LOCK_EX)\n" +
      "fd=os.open(sys.argv[1],os.O_RDWR)\n" +
      "lock=os.open(sys.argv[1],os.O_RDWR)\n" +
      "print('ready',flush=True)\n" +
      "end=time.time()+20\n" +
      "isSeen=False\n" +
      "count=0\n" +
      "while not isSeen or count<1000:\n" +
      " if time.time()>end: sys.exit('it does not let go')\n" +
      " try:\n" +
      "  fcntl.flock(lock,fcntl.LOCK_EX|fcntl.LOCK_NB)\n" +
      "  fcntl.flock(lock,fcntl.LOCK_UN)\n" +
      "  count+=isSeen\n" +
      " except BlockingIOError: isSeen=True\n" +
      " if struct.unpack('i',fcntl.ioctl(fd,termios.FIONREAD,b'0000'))[0]:\n" +
      "  sys.exit('it writes')\n" +
      "os.pwrite(queue,b'-',19)\n" +
      "print(os.read(fd,100).decode(),end='')\n";
    await using reader = new Process(
      ["python3", "-c", script, path, queueOf(path)],
    );
    assertEquals(await reader.line(), "ready");
    await finish(pub(path, "hello"));
    const { stdout, stderr } = await reader.ended();
    assertEquals([stdout, stderr], ["hello\n", ""]);
  },
);
