/**
 * A subscriber with a limit takes that many messages, and nothing beyond.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { type Message, publish, Subscriber } from "../mod.ts";
import { Folder } from "./_folder.ts";
import {
  commandLine,
  eventually,
  finish,
  type Process,
  pub,
  sh,
  sub,
  TestBus,
} from "./_process.ts";

/** A program that keeps a FIFO open, and reads and writes nothing. */
async function hold(path: string): Promise<Process> {
  const holder = sh('exec 3<>"$0"; echo ready; read -r end', path);
  await holder.line();
  return holder;
}

/** A publisher of the numbers from 1 that does not come to its end by itself. */
async function flood(folder: Folder, path: string, count: number) {
  const file = folder.file("numbers");
  await Deno.writeTextFile(file, numbers(1, count).join("\n"));
  return pub("--file", file, path);
}

function writtenAt(path: string): number {
  return Deno.statSync(path).mtime!.getTime();
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
}

function lines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

/** What a subscriber that takes one message prints. */
async function takeOne(...args: string[]): Promise<string> {
  const ended = await finish(sub("--no-exit-word", "-C", "1", ...args));
  assertEquals([ended.code, ended.stderr], [0, ""]);
  return ended.stdout;
}

async function takeAll(subscriber: Subscriber): Promise<string[]> {
  await using open = subscriber;
  return await Array.fromAsync(open, (message: Message) => message.text);
}

Deno.test("sub -C 1 leaves the next message to the next reader, the shell's read too", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using _holder = await hold(path);
  await finish(sh('printf "a\\nb\\nc\\n" > "$0"', path));
  assertEquals(await takeOne(path), "a\n");
  assertEquals(await takeOne(path), "b\n");
  const read = await finish(sh('read -r line <> "$0"; echo "$line"', path));
  assertEquals(read.stdout, "c\n");
});

Deno.test("sub -C takes its messages out of a FIFO that is kept full, and no more", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using _holder = await hold(path);
  await using publisher = await flood(folder, path, 200_000);
  assertEquals(await takeOne(path), "1\n");
  assertEquals(await takeOne(path), "2\n");
  const { stdout } = await finish(sub("-C", "1000", path));
  assertEquals(lines(stdout), numbers(3, 1002));
  await using rest = sub("-C", `${200_000 - 1002}`, path);
  assertEquals(lines((await rest.ended()).stdout), numbers(1003, 200_000));
  assertEquals((await publisher.ended()).code, 0);
});

Deno.test("sub -C 1 that waits takes one message of those that come at once", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using _holder = await hold(path);
  for (const start of ["while it starts", "later"]) {
    const before = writtenAt(path);
    await using first = sub("-C", "1", path);
    // It leaves a marker in the FIFO, which is then all that was ever written.
    if (start === "later") await eventually(() => writtenAt(path) > before);
    await using publisher = await flood(folder, path, 200_000);
    assertEquals((await first.ended()).stdout, "1\n");
    await using rest = sub("--no-exit-word", path);
    const ended = publisher.ended();
    await rest.until("200000\n").then((text) =>
      assertEquals(lines(text), numbers(2, 200_000))
    );
    assertEquals((await ended).code, 0);
  }
});

/**
 * Runs 20 readers one after the other, which take one message each, and prints
 * what they took.
 */
function takeOneByOne(path: string): Process {
  return sh(
    'for i in $(seq 20); do message=$("$@"); echo "$message"; done',
    "takeOneByOne",
    ...commandLine("sub", "--no-exit-word", "-C", "1", path),
  );
}

/** Publishes numbers as long as a file is there, then prints the last one. */
function publishWhile(file: string, burst: number, path: string): Process {
  return sh(
    `i=0
    { while [ -e "$0" ]; do
      [ "$1" = 0 ] || seq $((i + 1)) $((i + $1)); i=$((i + $1))
      for k in 1 2 3 4 5; do i=$((i + 1)); echo $i; sleep 0.02; done
    done; echo $i >&2; } | { shift; "$@"; }`,
    file,
    `${burst}`,
    ...commandLine("pub", "-l", path),
  );
}

for (const burst of [0, 3000]) {
  for (const other of ["a plain sub", "another loop"]) {
    const messages = burst ? "messages in bursts" : "a message every 20 ms";
    Deno.test(`a loop of sub -C 1 beside ${other} loses, doubles and parts nothing: ${messages}`, async () => {
      await using folder = new Folder();
      const path = await folder.fifo();
      await using _holder = await hold(path);
      const goesOn = folder.file("goes on");
      await Deno.writeTextFile(goesOn, "");
      const plain = () => sub("--exit-word=stop", path);
      await using loop = takeOneByOne(path);
      await using beside = other === "a plain sub"
        ? plain()
        : takeOneByOne(path);
      await using publisher = publishWhile(goesOn, burst, path);
      // Read from now on: who cannot print does not read either.
      const besideEnded = beside.ended();
      const received = [(await loop.ended()).stdout];
      assertEquals(lines(received[0]!).length, 20);
      if (other === "another loop") {
        received.push((await besideEnded).stdout);
        assertEquals(lines(received[1]!).length, 20);
      }
      await Deno.remove(goesOn);
      await using rest = plain();
      const ended = [rest.ended()];
      if (other === "a plain sub") ended.push(besideEnded);
      const published = await publisher.ended();
      let running = ended.length;
      for (const end of ended) end.then(() => running--);
      while (running > 0) await publish(path, "stop");
      for (const end of ended) received.push((await end).stdout);
      const all = lines(received.join(""));
      all.sort((a, b) => Number(a) - Number(b));
      const expected = numbers(1, Number(published.stderr));
      // Of so many, assertEquals() could not show the difference.
      const wrong = all.filter((it, i) => it !== expected[i]).slice(0, 5);
      assertEquals([all.length, wrong], [expected.length, []]);
    });
  }
}

Deno.test("Subscriber limit counts over all FIFOs, and what one holds goes back", async () => {
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

Deno.test("Subscriber limit counts over topics, last values included", async () => {
  await using bus = new TestBus();
  for (const [topic, text] of [["a/1", "x"], ["a/2", "y"]] as const) {
    await finish(bus.pub("--retain", topic, text));
  }
  const one = await finish(bus.subOnce("-C", "1", "a/#"));
  assertEquals(lines(one.stdout).length, 1);
  await using three = await bus.sub("-C", "3", "a/#");
  await finish(bus.sh('seq 10 | "$@"', "", ...commandLine("pub", "-l", "a/3")));
  const { code, stdout } = await three.ended();
  assertEquals([code, lines(stdout).sort()], [0, ["1", "x", "y"]]);
});

Deno.test("Subscriber limit with NUL, and a large message after the last", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using _holder = await hold(path);
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

Deno.test("Subscriber limit ends the subscriber, and is a number from 0", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using _holder = await hold(path);
  await finish(sh('printf "a\\nb\\nunfinished" > "$0"', path));
  {
    await using subscriber = await Subscriber.open(path, { limit: 1 });
    assertEquals((await subscriber.read())?.map(({ text }) => text), ["a"]);
    assertEquals(await subscriber.read(), undefined);
  }
  assertEquals(await takeAll(await Subscriber.open(path, { limit: 0 })), []);
  await finish(sh('echo " no more" > "$0"', path));
  assertEquals(
    await takeAll(await Subscriber.open(path, { limit: 2 })),
    ["b", "unfinished no more"],
  );
  await assertRejects(() => Subscriber.open(path, { limit: -1 }), RangeError);
  await assertRejects(() => Subscriber.open(path, { limit: NaN }), RangeError);
});

Deno.test("Subscriber with a limit is closed while it waits, and leaves nothing behind", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using holder = await hold(path);
  const subscriber = await Subscriber.open(path, { limit: 2 });
  const before = writtenAt(path);
  const reading = subscriber.read();
  await eventually(() => writtenAt(path) > before);
  await subscriber.close();
  assertEquals(await reading, undefined);
  await finish(sh('echo next > "$0"', path));
  const read = await finish(sh('read -r line <> "$0"; echo "$line"', path));
  assertEquals(read.stdout, "next\n");
  await holder.end();
});
