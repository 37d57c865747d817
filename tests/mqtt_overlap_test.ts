/**
 * Filters of one subscriber at a broker that match the same topics.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { matchesTopic, Publisher, Subscriber } from "../mod.ts";
import { haveOverlap, withoutCovered } from "../lib/mqtt/overlap.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { testWithout } from "./harness/needs.ts";
import { sub } from "./harness/process.ts";

/** All texts of one to three levels. */
function texts(levels: string[]): string[] {
  const one = levels;
  const two = one.flatMap((a) => levels.map((b) => `${a}/${b}`));
  return [
    ...one,
    ...two,
    ...two.flatMap((a) => levels.map((b) => `${a}/${b}`)),
  ];
}

Deno.test("haveOverlap() and withoutCovered() agree with the topics that filters match", () => {
  const topics = texts(["a", "b", "", "$s"]);
  const filters = texts(["a", "", "+", "#", "$s"])
    .filter((filter) => !/#./.test(filter));
  const matched = new Map(
    filters.map((
      it,
    ) => [it, topics.filter((topic) => matchesTopic(it, topic))]),
  );
  for (const one of filters) {
    const ofOne = matched.get(one)!;
    for (const other of filters.filter((it) => it !== one)) {
      const ofOther = new Set(matched.get(other));
      const pair = [one, other];
      const overlap = ofOne.some((topic) => ofOther.has(topic));
      assertEquals([...pair, haveOverlap(pair)], [...pair, overlap]);
      if (withoutCovered(pair).includes(one)) continue;
      const rest = ofOne.filter((topic) => !ofOther.has(topic));
      assertEquals([...pair, rest], [...pair, []]);
    }
  }
  const cases: [filters: string[], left: string[]][] = [
    [["a/b", "a/#"], ["a/#"]],
    [["a", "a/#", "a/+/c"], ["a/#"]],
    [["a/#", "a/+"], ["a/#"]],
    [["#", "$SYS/#", "+/b"], ["#", "$SYS/#"]],
    [["a/+", "+/b"], ["a/+", "+/b"]],
    [["$share/g/a/b", "a/#"], ["$share/g/a/b", "a/#"]],
  ];
  for (const [filters, left] of cases) {
    assertEquals(withoutCovered(filters), left);
  }
});

for (const qos of ["0", "1", "2"]) {
  testWithout(
    withoutMosquitto,
    `sub --qos ${qos} prints a message once, however many of its filters match`,
    async () => {
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder);
      const { url } = broker;
      const mqtt = { qos: 2 } as const;
      await using publisher = await Publisher.open(url, { mqtt });
      const send = (topic: string, text: string, retain = false) =>
        publisher.publish(text, { topic, retain });
      await send("a/b", "kept", true);
      const wide = [`${url}/a/#`, `${url}/a/b`, `${url}/+/end`];
      const crossed = [`${url}/a/+`, `${url}/+/b`, `${url}/+/end`];
      for (const filters of [wide, crossed]) {
        await using ours = sub(`--qos=${qos}`, "-v", ...filters);
        assertEquals(await ours.line(), "a/b\tkept");
        for (const text of ["1", "2", "2"]) await send("a/b", text);
        await send("a/c", "3");
        await send("c/end", "end");
        const printed = await ours.until("c/end\tend\n");
        assertEquals(printed, "a/b\t1\na/b\t2\na/b\t2\na/c\t3\nc/end\tend\n");
      }
    },
  );
}

Deno.test("a message comes once, whether the broker sends one for all filters or one for each, and one of an earlier run always", async () => {
  const identifiers: number[] = [];
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd !== "subscribe") return;
    const { messageId, properties } = packet;
    send({ cmd: "suback", messageId: messageId!, granted: [0] });
    identifiers.push(properties!.subscriptionIdentifier as number);
    if (identifiers.length < 2) return;
    const [one, two] = identifiers as [number, number];
    const messages: [text: string, identifiers: number[]][] = [
      ["one for all", [two, one]],
      ["one for each", [one]],
      ["one for each", [two]],
      ["the second alone", [two]],
      ["an earlier run", [7]],
      ["without", []],
    ];
    for (const [payload, subscriptionIdentifier] of messages) {
      const isCrossed = payload !== "the second alone";
      send({
        cmd: "publish",
        topic: isCrossed ? "a/b" : "c/b",
        payload,
        qos: 0,
        dup: false,
        retain: false,
        ...subscriptionIdentifier.length > 0 &&
          { properties: { subscriptionIdentifier } },
      });
    }
  });
  const addresses = ["a/+", "+/b"].map((it) => `${broker.url}/${it}`);
  await using subscriber = await Subscriber.open(addresses);
  const texts: string[] = [];
  while (!texts.includes("without")) {
    texts.push(...(await subscriber.read())!.map(({ text }) => text));
  }
  assertEquals(texts, [
    ...["one for all", "one for each", "the second alone"],
    ...["an earlier run", "without"],
  ]);
});
