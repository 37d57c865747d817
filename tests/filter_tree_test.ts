/**
 * The tree of filters, and who gets a message, compared with a naive matcher.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { FilterTree } from "../lib/bus/filter_tree.ts";
import { subscriptionName } from "../lib/bus/names.ts";
import { Routes } from "../lib/bus/routes.ts";
import { TopicCache } from "../lib/bus/topic_cache.ts";
import { Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { Folder } from "./harness/folder.ts";
import { fuzzTest, type Random } from "./harness/random.ts";

const LEVELS = ["a", "b", "", "$s", "é"];

function topic(random: Random): string {
  return random.list(4, () => random.pick(LEVELS), 1).join("/") || "a";
}

function filter(random: Random): string {
  const level = () => random.once(3) ? "+" : random.pick(LEVELS);
  const levels = random.list(4, level, 1);
  if (random.once(4)) levels.push("#");
  if (random.once(10)) return "#";
  return levels.join("/") || "+";
}

/** Compares one level at a time; slow and plain. */
function matchesNaively(filter: string, name: string): boolean {
  if (name.startsWith("$") && /^[+#]/.test(filter)) return false;
  const matches = (wanted: string[], levels: string[]): boolean => {
    const [first, ...rest] = wanted;
    if (first === "#") return true;
    if (first === undefined || levels.length === 0) {
      return first === undefined && levels.length === 0;
    }
    return (first === "+" || first === levels[0]) &&
      matches(rest, levels.slice(1));
  };
  return matches(filter.split("/"), name.split("/"));
}

fuzzTest(
  "FilterTree finds what a naive matcher finds, while filters come and go",
  300,
  (random) => {
    const tree = new FilterTree<number>();
    let added: [filter: string, value: number][] = [];
    for (let i = 0; i < 60; i++) {
      if (random.once(3) && added.length > 0) {
        const gone = random.pick(added);
        tree.delete(...gone);
        added = added.filter((it) => it[0] !== gone[0] || it[1] !== gone[1]);
      } else {
        const one: [string, number] = [filter(random), random.below(5)];
        tree.add(...one);
        added.push(one);
      }
      const name = topic(random);
      const expected = new Set(
        added.filter(([it]) => matchesNaively(it, name)).map(([, it]) => it),
      );
      assertEquals(tree.match(name).sort(), [...expected].sort(), name);
    }
    // What was never added.
    tree.delete("a/never/added", 1);
    for (const one of added) tree.delete(...one);
    assertEquals(tree.match(topic(random)), []);
  },
);

fuzzTest(
  "Routes finds who subscribes, while members join and leave between messages",
  10,
  async (random) => {
    await using folder = new Folder();
    const fifo = await folder.fifo(".fifo");
    const routes = new Routes(folder.path, {
      origin: "bridge",
      shared: false,
      slowTimeoutMs: 60_000,
      signal: undefined,
      onDropped: () => {},
    });
    const names = new Map<string, { filter: string; member: string }>();
    const members = ["1-a", "2-b", "3-c", "4-d~bridge"];
    for (let i = 0; i < 30; i++) {
      for (let changes = random.below(4); changes > 0; changes--) {
        const member = random.pick(members);
        const wanted = filter(random);
        const name = subscriptionName(wanted, member, "\n");
        if (names.delete(name)) await Deno.remove(folder.file(name));
        else {
          await Deno.link(fifo, folder.file(name));
          names.set(name, { filter: wanted, member });
        }
        // As if a moment had passed: the folder has changed since a listing.
        const now = new Date(Date.now() - 60_000 + i * 1000 + changes * 100);
        await Deno.utime(folder.path, now, now);
      }
      const topics = random.list(20, () => topic(random), 1);
      const found = routes.findAll(topics)
        .map((links) => links.map(({ member }) => member).sort());
      const expected = topics.map((topic) => {
        const them = [...names.values()]
          .filter((it) => matchesNaively(it.filter, topic))
          .map(({ member }) => member)
          .filter((member) => !member.endsWith("~bridge"));
        return [...new Set(them)].sort();
      });
      assertEquals(found, expected);
    }
    await routes.close();
  },
);

Deno.test("TopicCache has the value of the topic asked for, and is bounded", () => {
  const cache = new TopicCache<string>();
  const found = new Map<string, number>();
  const find = (topic: string) => {
    found.set(topic, (found.get(topic) ?? 0) + 1);
    return `value of ${topic}`;
  };
  const long = "x".repeat(300);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 40_000; i++) {
      const topic = `topic/${i % 20_000}`;
      const value = cache.get(topic, find);
      if (value !== `value of ${topic}`) throw new Error(value);
    }
  }
  for (let i = 0; i < 5; i++) cache.get("often", find);
  for (let i = 0; i < 5; i++) cache.get(long, find);
  assertEquals([found.get("often"), found.get(long)], [2, 5]);
  cache.clear();
  cache.get("often", find);
  assertEquals(found.get("often"), 3);
});

Deno.test("each Subscriber of a process gets what its filters match, while others come and go", async () => {
  await using bus = ownBus();
  await using stays = await Subscriber.open(["s/+", "s/1"]);
  const lines = (from: number) =>
    Array.from({ length: 100 }, (_, i) => `s/${i % 10}\t${from + i}\n`);
  const publish = async (from: number) => {
    await using pub = bus.pub("--keyed");
    await pub.write(lines(from).join(""));
    await pub.end();
    assertEquals((await pub.ended()).code, 0);
  };
  const numbers = (from: number, isWanted: (i: number) => boolean) =>
    Array.from({ length: 100 }, (_, i) => i).filter(isWanted)
      .map((i) => `${from + i}`);
  const read = async (subscriber: Subscriber, count: number) => {
    const texts: string[] = [];
    while (texts.length < count) {
      texts.push(...(await subscriber.read())!.map(({ text }) => text));
    }
    return texts;
  };
  {
    await using leaves = await Subscriber.open(["s/1", "s/2"]);
    await publish(0);
    const wanted = numbers(0, (i) => i % 10 === 1 || i % 10 === 2);
    assertEquals(await read(leaves, 20), wanted);
    assertEquals(await read(stays, 100), numbers(0, () => true));
  }
  await using joins = await Subscriber.open("+/3");
  await publish(1000);
  assertEquals(await read(joins, 10), numbers(1000, (i) => i % 10 === 3));
  assertEquals(await read(stays, 100), numbers(1000, () => true));
});
