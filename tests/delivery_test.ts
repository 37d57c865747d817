/**
 * Many programs on one FIFO: no message is lost, joined or split.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Folder } from "./harness/folder.ts";
import { finish, pub, repeatUntil, sh, sub } from "./harness/process.ts";

Deno.test("20,000 echoes of four shells, which open the FIFO each time, all arrive", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = sub(path);
  const shells = ["a", "b", "c", "d"].map((name) =>
    finish(sh(
      'i=0; while [ $i -lt 5000 ]; do echo "$1 $i" > "$0"; i=$((i+1)); done',
      path,
      name,
    ))
  );
  const ended = subscriber.ended();
  for (const { code } of await Promise.all(shells)) assertEquals(code, 0);
  await finish(sh('echo exit > "$0"', path));
  const printed = (await ended).stdout.trimEnd().split("\n");
  assertEquals(printed.length, 20_000);
  for (const name of ["a", "b", "c", "d"]) {
    assertEquals(
      printed.filter((line) => line.startsWith(name)),
      Array.from({ length: 5000 }, (_, i) => `${name} ${i}`),
    );
  }
});

Deno.test("messages of 200 kB from six publishers stay whole, with small ones between", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const large = 200_000;
  const rounds = 5;
  await using subscriber = sub("--no-exit-word", "-C", "1030", path);
  const publishers = ["a", "b", "c", "d", "e", "f"].map(async (letter) => {
    const file = folder.file(letter);
    await Deno.writeTextFile(file, `${letter.repeat(large)}\n`.repeat(rounds));
    return await finish(pub("--file", file, path));
  });
  publishers.push((async () => {
    await Deno.writeTextFile(folder.file("small"), "small\n".repeat(1000));
    return await finish(pub("--file", folder.file("small"), path));
  })());
  const { code, stdout } = await subscriber.ended();
  assertEquals(code, 0);
  for (const { code, stderr } of await Promise.all(publishers)) {
    assertEquals([code, stderr], [0, ""]);
  }
  const counts: Record<string, number> = {};
  for (const line of stdout.trimEnd().split("\n")) {
    const kind = line === line[0]!.repeat(large) ? line[0]! : line;
    counts[kind.slice(0, 20)] = (counts[kind.slice(0, 20)] ?? 0) + 1;
  }
  assertEquals(counts, {
    small: 1000,
    ...Object.fromEntries([..."abcdef"].map((letter) => [letter, rounds])),
  });
});

Deno.test("echoes between the batches of a fast pub split no message", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const lines = Array.from({ length: 50_000 }, (_, i) => `pub ${i}`);
  await Deno.writeTextFile(folder.file("lines"), lines.join("\n"));
  await using subscriber = sub("-C", "50500", path);
  const publisher = finish(pub("--file", folder.file("lines"), path));
  const echoes = finish(sh(
    'i=0; while [ $i -lt 500 ]; do echo "echo $i" > "$0"; i=$((i+1)); done',
    path,
  ));
  const printed = (await subscriber.ended()).stdout.trimEnd().split("\n");
  assertEquals((await publisher).code, 0);
  assertEquals((await echoes).code, 0);
  assertEquals(printed.filter((line) => line.startsWith("pub")), lines);
  assertEquals(
    printed.filter((line) => !line.startsWith("pub")),
    Array.from({ length: 500 }, (_, i) => `echo ${i}`),
  );
});

Deno.test("a publisher killed in mid-stream leaves whole messages, and the next one goes on", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = sub("--no-exit-word", path);
  await using killed = pub("-l", path);
  const feeding = (async () => {
    for (let i = 0;; i += 100) {
      const lines = Array.from({ length: 100 }, (_, k) => `line ${i + k}\n`);
      await killed.write(lines.join(""));
    }
  })().catch(() => "it was killed");
  await subscriber.until("line 20000\n");
  killed.kill("SIGKILL");
  await killed.ended();
  await feeding;
  assertEquals((await finish(pub(path, "after"))).code, 0);
  const rest = (await subscriber.until("after\n")).trimEnd().split("\n");
  const first = 20_001;
  assertEquals(rest, [
    ...rest.slice(1).map((_, i) => `line ${first + i}`),
    "after",
  ]);
});

Deno.test("two subscribers share the messages of a FIFO: each goes to one of them", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using one = sub("--no-exit-word", path);
  await using other = sub("--no-exit-word", path);
  const say = () => finish(sh('echo ready > "$0"', path));
  for (const subscriber of [one, other]) {
    await repeatUntil(say, subscriber.until("ready\n"));
  }
  const lines = Array.from({ length: 2000 }, (_, i) => `${i}`);
  await finish(sh(
    'i=0; while [ $i -lt 2000 ]; do echo $i > "$0"; i=$((i+1)); done',
    path,
  ));
  one.kill("SIGINT");
  const first = await one.ended();
  other.kill("SIGINT");
  const second = await other.ended();
  const printed = (first.stdout + second.stdout).trimEnd().split("\n")
    .filter((line) => line !== "ready");
  assertEquals(printed.sort((a, b) => Number(a) - Number(b)), lines);
});
