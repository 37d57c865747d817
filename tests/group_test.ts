/**
 * Shared subscriptions: a group gets each message once.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { type Message, publish, request, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { testSinceDeno27 } from "./harness/needs.ts";
import { commandLine, eventually, finish, Process } from "./harness/process.ts";

const GROUP = "$share/workers/jobs/#";

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`);
}

function sorted(texts: string[]): string[] {
  return texts.toSorted((a, b) => Number(a) - Number(b));
}

function lines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

/** All names in the folder of the bus, hidden ones as well. */
function allNames(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

Deno.test("a group gets each message once, and so do plain subscribers and other groups", async () => {
  await using bus = ownBus();
  const members = await Promise.all(
    [1, 2, 3].map(() => Subscriber.open(GROUP)),
  );
  await using other = await Subscriber.open("$share/others/jobs/#");
  await using plain = await Subscriber.open("jobs/+");
  const received: string[][] = [[], [], []];
  const reading = members.map(async (member, i) => {
    for await (const { topic, text } of member) {
      assertEquals(topic, "jobs/a");
      received[i]!.push(text);
    }
  });
  for (const text of numbers(60)) await publish("jobs/a", text);
  await eventually(() => received.flat().length === 60);
  for (const member of members) await member.close();
  await Promise.all(reading);
  assertEquals(sorted(received.flat()), numbers(60));
  for (const some of received) assertEquals(some, sorted(some));
  for (const subscriber of [other, plain]) {
    const texts: string[] = [];
    while (texts.length < 60) {
      texts.push(...(await subscriber.read())!.map(({ text }) => text));
    }
    assertEquals(texts, numbers(60));
  }
  await other.close();
  await plain.close();
  assertEquals(allNames(bus.env.FIFOBUS_DIR!), []);
});

Deno.test("members of a group share fairly, one message at a time", async () => {
  await using bus = ownBus();
  await using one = await Subscriber.open(GROUP);
  await using two = await Subscriber.open(GROUP);
  const taken = [0, 0];
  const reading = [one, two].map(async (member, i) => {
    for await (const _ of member) taken[i]!++;
  });
  for (const text of numbers(40)) {
    const before = taken[0]! + taken[1]!;
    await publish("jobs/a", text);
    await eventually(() => taken[0]! + taken[1]! > before);
  }
  await eventually(() => taken[0]! + taken[1]! === 40);
  await one.close();
  await two.close();
  await Promise.all(reading);
  assert(taken[0]! > 0 && taken[1]! > 0, `${taken}`);
  assertEquals(bus.names(), []);
});

Deno.test("a group gets no last values, and gets messages that a member gave back", async () => {
  await using bus = ownBus();
  await publish("jobs/kept", "old", { retain: true });
  const member = await Subscriber.open(GROUP);
  await publish("jobs/a", "1");
  await publish("jobs/a", "2");
  const taken: Message[] = [];
  while (taken.length < 2) taken.push(...(await member.read(1))!);
  assertEquals(taken.map(({ text }) => text), ["1", "2"]);
  await member.close(taken);
  assertEquals(bus.names(), []);
  await using next = await Subscriber.open(GROUP, { limit: 2 });
  const again = await Array.fromAsync(next, ({ topic, text }) => [topic, text]);
  assertEquals(again, [["jobs/a", "1"], ["jobs/a", "2"]]);
  assertEquals(
    await Array.fromAsync(await Subscriber.open(GROUP, { retained: "only" })),
    [],
  );
});

Deno.test("a request to a group is answered once", async () => {
  await using _bus = ownBus();
  const members = await Promise.all([1, 2].map(() => Subscriber.open(GROUP)));
  let asked = 0;
  const answering = members.map(async (member) => {
    for await (const message of member) {
      asked++;
      await message.reply(message.text.toUpperCase());
    }
  });
  assertEquals((await request("jobs/upper", "hi")).text, "HI");
  assertEquals((await request("jobs/upper", "ho")).text, "HO");
  assertEquals(asked, 2);
  for (const member of members) await member.close();
  await Promise.all(answering);
});

testSinceDeno27(
  "it cannot try a lock",
  "sub --list shows a group with its living members",
  async () => {
    await using bus = ownBus();
    const start = () => new Process(commandLine("sub", GROUP), bus.env);
    await using one = start();
    await using two = start();
    const signs = () =>
      bus.names().length > 0 &&
      allNames(bus.env.FIFOBUS_DIR!).filter((name) =>
          name.includes("@+workers.") && !name.endsWith(".queue")
        ).length === 2;
    await eventually(signs);
    const list = async () =>
      lines((await finish(bus.subOnce("--list"))).stdout)
        .map((line) => line.split("\t").slice(0, 2));
    const of = (pid: number) => [GROUP, `${pid}`];
    assertEquals(
      (await list()).toSorted(),
      [of(one.pid), of(two.pid)].toSorted(),
    );
    one.kill("SIGKILL");
    await one.ended();
    await eventually(async () => (await list()).length === 1);
    assertEquals(await list(), [of(two.pid)]);
    two.kill("SIGTERM");
    await two.ended();
    assertEquals(allNames(bus.env.FIFOBUS_DIR!), []);
  },
);

Deno.test("all members of a group have the same delimiter", async () => {
  await using _bus = ownBus();
  await using _member = await Subscriber.open(GROUP, { delimiter: "\0" });
  await assertRejects(() => Subscriber.open(GROUP), Error, "NUL");
});

Deno.test("members that come and go lose nothing", async () => {
  await using bus = ownBus();
  await using stays = await Subscriber.open(GROUP);
  const received: string[] = [];
  const take = async (member: Subscriber) => {
    for await (const { text } of member) received.push(text);
  };
  const reading = [take(stays)];
  const coming = (async () => {
    for (let i = 0; i < 20; i++) {
      const member = await Subscriber.open(GROUP);
      const done = take(member);
      reading.push(done);
      await publish("jobs/b", `${1000 + i}`);
      await member.close();
    }
  })();
  for (const text of numbers(300)) await publish("jobs/a", text);
  await coming;
  await eventually(() => received.length >= 320);
  await stays.close();
  await Promise.all(reading);
  assertEquals(sorted(received), [
    ...numbers(300),
    ...numbers(20).map((it) => `${1000 + Number(it)}`),
  ]);
  assertEquals(bus.names(), []);
});
