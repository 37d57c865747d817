/**
 * Which messages a subscriber hands out and answers if its connection breaks.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import type { IPublishPacket } from "npm:mqtt-packet@9.0.2";
import { Subscriber } from "../mod.ts";
import { type Answer, FakeBroker } from "./harness/fake_broker.ts";
import { eventually } from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A message of a broker. */
function message(
  messageId: number,
  payload: string,
  qos: 1 | 2,
  dup = false,
): IPublishPacket {
  return {
    cmd: "publish",
    topic: "t",
    messageId,
    payload,
    qos,
    dup,
    retain: false,
  };
}

/** A broker that accepts subscriptions, and does the rest as a test wants. */
function broker(answer: Answer): FakeBroker {
  return new FakeBroker((packet, send, close) => {
    if (packet.cmd === "subscribe") {
      send({ cmd: "suback", messageId: packet.messageId!, granted: [2] });
    }
    answer(packet, send, close);
  });
}

waiting.test("a message of QoS 2 is handed out once, whatever of its answers is lost", async () => {
  const answers: string[] = [];
  await using fake = broker(({ cmd, messageId }, send, close) => {
    if (cmd.startsWith("pub")) answers.push(`${cmd} ${messageId}`);
    const count = answers.length;
    switch (cmd) {
      case "subscribe":
        return send(message(1, "A", 2));
      case "connect":
        // With the session, what has no answer yet comes again.
        if (fake.connections === 2) {
          queueMicrotask(() => send(message(1, "A", 2, true)));
        }
        if (fake.connections === 3) {
          queueMicrotask(() => send({ cmd: "pubrel", messageId: 1 }));
        }
        return;
      case "pubrec":
        // The first answer is lost, and the next one is not.
        if (count === 1) return close();
        return send({ cmd: "pubrel", messageId: messageId! });
      case "pubcomp":
        if (count === 3) return close();
        // The number is free for the next message.
        if (count === 4) send(message(1, "B", 2));
    }
  });
  fake.keepsSessions = true;
  const mqtt = { qos: 2, persistent: true, clientId: "me" } as const;
  await using subscriber = await Subscriber.open(`${fake.url}/t`, { mqtt });
  const texts: string[] = [];
  for await (const { text } of subscriber) {
    texts.push(text);
    if (text === "B") break;
  }
  assertEquals(texts, ["A", "B"]);
  assertEquals(answers.slice(0, 4), [
    ...["pubrec 1", "pubrec 1"],
    ...["pubcomp 1", "pubcomp 1"],
  ]);
});

for (const qos of [1, 2] as const) {
  waiting.test(`an answer of QoS ${qos} is for the connection on which the message came`, async () => {
    const answers: unknown[] = [];
    await using fake = broker(({ cmd, messageId }, send, close) => {
      if (cmd === "subscribe") {
        // The session is lost, and the number goes to another message.
        send(message(1, fake.connections === 1 ? "A" : "B", qos));
        if (fake.connections === 1) close();
      }
      if (cmd !== "puback" && cmd !== "pubrec") return;
      answers.push(messageId);
      if (answers.length === 1) send(message(2, "C", qos));
    });
    const mqtt = { qos, persistent: true, clientId: "me" };
    await using subscriber = await Subscriber.open(`${fake.url}/t`, { mqtt });
    assertEquals((await subscriber.read(1))![0]!.text, "A");
    await eventually(() => fake.connections === 2);
    // Each read says that the message before is handled.
    assertEquals((await subscriber.read(1))![0]!.text, "B");
    assertEquals((await subscriber.read(1))![0]!.text, "C");
    const reading = subscriber.read(1);
    await eventually(() => answers.includes(2));
    assertEquals(answers, [1, 2]);
    await subscriber.close();
    await reading;
  });
}

for (const qos of [1, 2] as const) {
  waiting.test(`a message of QoS ${qos} that comes again with the number of another one is handed out`, async () => {
    // NATS numbers what it sends again anew.
    await using fake = broker(({ cmd }, send, close) => {
      if (cmd === "subscribe") {
        send(message(1, "A", qos));
        close();
      }
      if (cmd === "connect" && fake.connections === 2) {
        queueMicrotask(() => send(message(1, "B", qos, true)));
      }
    });
    fake.keepsSessions = true;
    const mqtt = { qos, persistent: true, clientId: "me" };
    await using subscriber = await Subscriber.open(`${fake.url}/t`, { mqtt });
    assertEquals((await subscriber.read(1))![0]!.text, "A");
    await eventually(() => fake.connections === 2);
    assertEquals((await subscriber.read(1))![0]!.text, "B");
  });
}
