/**
 * examples/topics/publish.sh: a publisher without any code of fifobus. The full
 * clients are in interop/topic_clients.ts.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { ROOT } from "./harness/programs.ts";
import { NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { isThere } from "./harness/needs.ts";
import { finish, Process, type TestBus } from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";
import { FILTERS, ODD_TOPICS } from "./interop/_topics.ts";

const PUBLISH = `${ROOT}examples/topics/publish.sh`;

function publish(bus: TestBus, ...args: string[]): Process {
  return new Process(["sh", PUBLISH, ...args], bus.env);
}

/** Shells and locales that differ in what a character is. */
const SHELLS = await Promise.all(
  [["dash", "C"], ["dash", "C.UTF-8"], ["bash", "C"], ["bash", "C.UTF-8"]]
    .map(async ([shell, locale]) => ({
      shell: shell!,
      locale: locale!,
      absent: await isThere(shell!, "-c", ":") ? [] : [shell!],
    })),
);

/** The messages of a subscriber up to the one that a publisher of ours sends. */
async function upToEnd(
  subscriber: Subscriber,
  filter: string,
): Promise<string[]> {
  const topic = filter.replaceAll("+", "x").replace(/\/?#$/, "/x")
    .replace(/^\/x$/, "x");
  await using publisher = await Publisher.open(topic);
  await publisher.publish("the end");
  const topics: string[] = [];
  for await (const message of subscriber) {
    if (message.text === "the end") break;
    topics.push(message.topic);
  }
  return topics;
}

for (const { shell, locale, absent } of SHELLS) {
  waiting.testWithout(
    absent,
    `publish.sh reaches topics of all characters, in ${shell} and ${locale}`,
    async () => {
      await using bus = ownBus();
      const env = { ...bus.env, LC_ALL: locale };
      await using subscriber = await Subscriber.open(["#", "$SYS/#"]);
      for (const topic of ODD_TOPICS) {
        const command = [shell, PUBLISH, topic, "%s \\n"] as const;
        const { code, stderr } = await finish(new Process([...command], env));
        assertEquals([code, stderr], [0, ""], topic);
        const [message] = (await subscriber.read())!;
        assertEquals([message!.topic, message!.text], [topic, "%s \\n"]);
      }
    },
  );
}

waiting.test("publish.sh matches filters as pub does", async () => {
  await using bus = ownBus();
  for (const [filter, gets, not] of FILTERS) {
    await using subscriber = await Subscriber.open(filter);
    for (const topic of [...gets, ...not]) {
      const { code, stderr } = await finish(publish(bus, topic, "x"));
      assertEquals([code, stderr], [0, ""], topic);
    }
    assertEquals(await upToEnd(subscriber, filter), gets, filter);
  }
});

waiting.test("publish.sh writes once to a member with several filters, and to a group", async () => {
  await using bus = ownBus();
  await using both = await Subscriber.open("a/#");
  await using other = await Subscriber.open("a/b");
  await using shared = await Subscriber.open("$share/workers/a/+");
  await finish(publish(bus, "a/b", "x"));
  assertEquals(await upToEnd(both, "a/b"), ["a/b"]);
  assertEquals(await upToEnd(other, "a/b"), ["a/b"]);
  const next = await shared[Symbol.asyncIterator]().next();
  assertEquals(next.value?.text, "x");
});

waiting.test("publish.sh ends messages with NUL where that is asked for", async () => {
  await using bus = ownBus();
  await using subscriber = await Subscriber.open("a", { delimiter: "\0" });
  for (const text of ["1", "2"]) await finish(publish(bus, "a", text));
  const texts: string[] = [];
  for await (const { text } of subscriber) {
    texts.push(text);
    if (texts.length === 2) break;
  }
  assertEquals(texts, ["1", "2"]);
});

waiting.test("publish.sh writes to FIFOs only, and makes no files", async () => {
  await using bus = ownBus();
  const folder = bus.env.FIFOBUS_DIR!;
  await Deno.mkdir(folder, { mode: 0o700 });
  const precious = bus.file("precious");
  await Deno.writeTextFile(precious, "precious");
  await Deno.symlink(precious, `${folder}/%23@link`);
  const pipe = await bus.fifo("elsewhere");
  await Deno.symlink(pipe, `${folder}/a@pipe`);
  await Deno.writeTextFile(`${folder}/a@file`, "as it was");
  await Deno.mkdir(`${folder}/a@folder`);
  const { code, stderr } = await finish(publish(bus, "a", "x"));
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await Deno.readTextFile(precious), "precious");
  assertEquals(await Deno.readTextFile(`${folder}/a@file`), "as it was");
  assertEquals([...Deno.readDirSync(folder)].length, 4);
});

waiting.test("publish.sh passes over a full inbox and a dead one", async () => {
  await using bus = ownBus();
  const folder = bus.env.FIFOBUS_DIR!;
  await using subscriber = await Subscriber.open("a");
  const full = `${folder}/a@full`;
  await finish(new Process(["mkfifo", "-m", "600", full, `${folder}/a@dead`]));
  using _reader = Deno.openSync(full, { read: true, write: true });
  const writer = NonblockingWriter.open(full)!;
  for (const size of [4096, 1]) {
    while (writer.tryWrite(new Uint8Array(size)) > 0);
  }
  writer.close();
  const { code, stderr } = await finish(publish(bus, "a", "x"));
  const line = 'publish.sh: a subscriber of "a" did not get it\n';
  // Elsewhere what is written to the dead one goes nowhere.
  const times = Deno.build.os === "linux" ? 2 : 1;
  assertEquals([code, stderr], [0, line.repeat(times)]);
  const next = await subscriber[Symbol.asyncIterator]().next();
  assertEquals(next.value?.text, "x");
});

waiting.test("publish.sh refuses what is not a topic and what is not one message", async () => {
  await using bus = ownBus();
  const long = "x".repeat(4094);
  const refused = [
    ["", "x"],
    ["a/+", "x"],
    ["#", "x"],
    ["$share/g/t", "x"],
    ["a\tb", "x"],
    ["a\u0085b", "x"],
    ["a", "x\x16fifobus wake 0123abcd\x16"],
    ["a", "x\x18fifobus torn\x18"],
    ["a", "x\x18fifobus lost\x18"],
    ["a", "\x18fifobus large 5\x18"],
    ["a", "x\ny"],
    ["a", long],
  ];
  await using subscriber = await Subscriber.open("a");
  for (const args of refused) {
    const { code, stdout, stderr } = await finish(publish(bus, ...args));
    assertEquals([code, stdout], [1, ""], args.join(" "));
    assert(/^publish.sh: Cannot publish to "[^]*": .+\n$/.test(stderr), stderr);
  }
  assertEquals((await finish(publish(bus, "a", long.slice(1)))).code, 0);
  const next = await subscriber[Symbol.asyncIterator]().next();
  assertEquals(next.value?.length, 4093);
});

waiting.testWithout(
  await isThere("flock", "-V") ? [] : ["flock"],
  "publish.sh does not write into the middle of a large message",
  async () => {
    await using bus = ownBus();
    await using subscriber = await Subscriber.open("a");
    const path = `${bus.env.FIFOBUS_DIR}/${bus.names()[0]}`;
    using file = Deno.openSync(path, { write: true });
    file.lockSync(true);
    file.writeSync(new TextEncoder().encode("a\tin two "));
    const { stderr } = await finish(publish(bus, "a", "in between"));
    assertEquals(stderr, 'publish.sh: a subscriber of "a" did not get it\n');
    file.writeSync(new TextEncoder().encode("writes\n"));
    file.unlockSync();
    await finish(publish(bus, "a", "behind it"));
    await subscriber.end();
    const texts: string[] = [];
    for await (const { text } of subscriber) texts.push(text);
    assertEquals(texts, ["in two writes", "behind it"]);
  },
);
