/**
 * How connections to a broker end: in order, without the last will, and with the
 * session if it is not persistent.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import type { IDisconnectPacket } from "npm:mqtt-packet@9.0.2";
import { Publisher, Subscriber } from "../mod.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import {
  eventually,
  finish,
  type Process,
  pub,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A broker that takes everything, and how its clients left it. */
class Watching extends FakeBroker {
  readonly goodbyes: (IDisconnectPacket | undefined)[] = [];
  subscribed = 0;
  published = 0;
  /** Whether nobody subscribes. */
  answersNobody = true;
  /** Whether it has stopped to answer. */
  isFrozen = false;

  constructor() {
    super((packet, send) => {
      if (packet.cmd === "disconnect") this.goodbyes.push(packet);
      if (packet.cmd === "publish") {
        this.published++;
        // No matching subscribers: MQTT 5, section 3.4.2.1.
        const { messageId = 0, qos } = packet;
        const reasonCode = this.answersNobody ? 16 : 0;
        if (qos === 1) send({ cmd: "puback", messageId, reasonCode });
      }
      if (packet.cmd !== "subscribe") return;
      this.subscribed++;
      if (this.isFrozen) return;
      const granted = packet.subscriptions.map(() => 0 as const);
      send({ cmd: "suback", messageId: packet.messageId!, granted });
    });
  }

  /** What the clients said about their sessions: 0 ends one at once. */
  get sessions(): unknown[] {
    return this.goodbyes.map((it) => it?.properties?.sessionExpiryInterval);
  }
}

/** The signals that end a program, and its exit codes then. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

for (const [signal, code] of Object.entries(SIGNALS)) {
  waiting.test(`${signal} ends the connection of sub, of its commands, and of pub in order`, async () => {
    await using broker = new Watching();
    const address = `${broker.url}/t`;
    const runs: [start: () => Process, isReady: () => boolean][] = [
      [() => sub(address), () => broker.subscribed === 1],
      [() => sub("--exec=cat", address), () => broker.subscribed === 2],
      [() => pub("-l", address), () => broker.published === 1],
      // Nothing acknowledges this one.
      [() => pub("--qos=2", address, "x"), () => broker.published === 2],
    ];
    for (const [i, [start, isReady]] of runs.entries()) {
      await using process = start();
      await process.write("line\n").catch(() => {});
      await eventually(isReady);
      process.kill(signal as Deno.Signal);
      assertEquals((await process.ended()).code, code);
      await eventually(() => broker.goodbyes.length === i + 1);
    }
    assertEquals(broker.sessions, [0, 0, 0, 0]);
  });
}

waiting.test("pub --reply ends its connections in order at a signal", async () => {
  await using broker = new Watching();
  broker.answersNobody = false;
  await using asking = pub("--reply", "--timeout=60", `${broker.url}/t`, "?");
  await eventually(() => broker.published === 1);
  asking.kill("SIGINT");
  assertEquals((await asking.ended()).code, SIGNALS.SIGINT);
  await eventually(() => broker.goodbyes.length === 2);
  assertEquals(broker.sessions, [0, 0]);
});

waiting.test("a bridge ends its connections in order at a signal", async () => {
  await using bus = new TestBus();
  await using from = new Watching();
  await using to = new Watching();
  await using bridge = bus.pub("--from", `${from.url}/t`, `${to.url}/t`);
  await eventually(() => from.subscribed === 1);
  bridge.kill("SIGTERM");
  assertEquals((await bridge.ended()).code, SIGNALS.SIGTERM);
  await eventually(() => from.goodbyes.length === 1);
  await eventually(() => to.goodbyes.length === 1);
});

waiting.test("pub and a bridge end at a signal with more messages than a silent broker takes at a time", async () => {
  await using bus = new TestBus();
  let published = 0;
  await using broker = new FakeBroker((packet) => {
    if (packet.cmd === "publish") published++;
  }, { receiveMaximum: 2 });
  const address = `${broker.url}/t`;
  const path = bus.file("pipe");
  const lines = "line\n".repeat(9);
  await using direct = pub("-l", "--qos=1", address);
  await direct.write(lines);
  await eventually(() => published === 2);
  await using bridge = bus.pub("--qos=1", "--from", path, address);
  await using writer = pub("-l", path);
  await writer.write(lines);
  await eventually(() => published === 4);
  for (const process of [direct, bridge]) {
    process.kill("SIGTERM");
    assertEquals((await process.ended()).code, SIGNALS.SIGTERM);
  }
});

waiting.test("a broker that has stopped does not hold up the end of sub", async () => {
  await using broker = new Watching();
  broker.isFrozen = true;
  await using process = sub(
    "--will-topic=w",
    "--will-message=x",
    broker.url + "/t",
  );
  await eventually(() => broker.subscribed === 1);
  process.kill("SIGTERM");
  assertEquals((await process.ended()).code, SIGNALS.SIGTERM);
  await eventually(() => broker.goodbyes.length === 1);
});

waiting.test("a program that ends by itself, and close(), end the session; --persistent keeps it", async () => {
  await using broker = new Watching();
  const address = `${broker.url}/t`;
  await finish(pub(address, "x"));
  await finish(sub("-W0.5", address));
  await (await Publisher.open(address)).close();
  await (await Subscriber.open(address)).close();
  await eventually(() => broker.goodbyes.length === 4);
  assertEquals(broker.sessions, [0, 0, 0, 0]);
  const mqtt = { persistent: true, clientId: "me" };
  await (await Subscriber.open(address, { mqtt })).close();
  await eventually(() => broker.goodbyes.length === 5);
  assertEquals(broker.sessions.at(-1), undefined);
  // 0 is the reason that keeps the last will from being published.
  assertEquals(
    new Set(broker.goodbyes.map((it) => it?.reasonCode ?? 0)),
    new Set([0]),
  );
});

waiting.test("pub --reply to a broker ends with code 3 if nobody subscribes", async () => {
  await using broker = new Watching();
  const { code, stderr } = await finish(pub("--reply", `${broker.url}/t`, "?"));
  assertEquals(code, 3);
  assertMatch(stderr, /^pub: Cannot ask \S+\/t: nobody subscribes to it\n$/);
});
