/**
 * Brokers behind networks that delay, cut, or swallow what is sent.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import type { Packet } from "npm:mqtt-packet@9.0.2";
import { delay } from "../lib/delay.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { eventually, finish, pub, sub } from "./harness/process.ts";
import { Proxy } from "./harness/proxy.ts";
import { Random } from "./harness/random.ts";
import * as waiting from "./harness/waiting.ts";

/** A broker that takes everything, and tells what it has got. */
function answering(
  properties = {},
  onPacket: (packet: Packet) => void = () => {},
): FakeBroker {
  return new FakeBroker((packet, send) => {
    onPacket(packet);
    const { messageId } = packet;
    if (packet.cmd === "subscribe") {
      send({ cmd: "suback", messageId: messageId!, granted: [1] });
    }
    if (packet.cmd === "publish" && packet.qos === 1) {
      send({ cmd: "puback", messageId: messageId!, reasonCode: 0 });
    }
  }, properties);
}

waiting.testWithout(
  withoutMosquitto,
  "pub and sub work over a network that passes one byte at a time, and late",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    await using slow = new Proxy(broker.url, async (bytes, write) => {
      for (const byte of bytes) {
        await write(Uint8Array.of(byte));
        await delay(1);
      }
    });
    for (const qos of ["0", "1", "2"]) {
      const address = `${slow.url}/t/${qos}`;
      const sent = pub(`--qos=${qos}`, "--retain", address, "21.5 °C");
      assertEquals((await finish(sent)).code, 0);
      const { code, stdout } = await finish(
        sub("-C1", `--qos=${qos}`, address),
      );
      assertEquals([code, stdout], [0, "21.5 °C\n"]);
    }
  },
);

waiting.test("a connection that has died without a word is found by its pings, and made again", async () => {
  const got = new Set<string>();
  await using broker = answering(
    { serverKeepAlive: 1 },
    ({ cmd }) => got.add(cmd),
  );
  await using network = new Proxy(broker.url);
  await using client = sub("--qos=1", `${network.url}/t`);
  await using publisher = pub("-l", "--qos=1", `${network.url}/t`);
  await publisher.write("first\n");
  await eventually(() => got.has("subscribe") && got.has("publish"));
  network.goSilent();
  await publisher.write("kept meanwhile\n");
  for (const it of [client, publisher]) await it.said(/lost the connection/);
  network.recover();
  for (const it of [client, publisher]) await it.said(/connected to \S+ again/);
  await publisher.end();
  assertEquals((await publisher.ended()).code, 0);
});

/** The last packet that comes through, and what is started. */
const SILENCES: [last: Packet["cmd"], args: string[], code: number][] = [
  ["connect", ["pub", "ADDRESS", "x"], 124],
  ["connect", ["sub", "ADDRESS"], 124],
  ["subscribe", ["sub", "ADDRESS"], 124],
  ["subscribe", ["sub", "--retained-only", "ADDRESS"], 124],
  ["pingreq", ["sub", "ADDRESS"], 124],
  ["publish", ["pub", "--qos=1", "ADDRESS", "x"], 124],
  ["publish", ["pub", "--qos=2", "ADDRESS", "x"], 124],
  ["publish", ["pub", "--reply", "ADDRESS", "x"], 124],
  ["disconnect", ["pub", "--qos=1", "ADDRESS", "x"], 0],
];

waiting.test("--timeout ends pub and sub when a broker is silent, whatever it did before", async () => {
  await Promise.all(SILENCES.map(async ([last, [name, ...args], code]) => {
    await using broker = answering({ serverKeepAlive: 2 }, ({ cmd }) => {
      if (cmd === last) network.goSilent();
    });
    await using network = new Proxy(broker.url);
    const all = args.map((it) => it.replace("ADDRESS", `${network.url}/t`));
    const program = name === "pub" ? pub : sub;
    const ended = await finish(program("--timeout=2", ...all));
    const shown = `${last}: ${name} ${all.join(" ")}: ${ended.stderr}`;
    assertEquals(ended.code, code, shown);
    if (last === "publish") assertMatch(ended.stderr, /no answer/);
  }));
});

waiting.test("Ctrl-C ends sub at a broker that is silent", async () => {
  await Promise.all(["connect", "subscribe", "pingreq"].map(async (last) => {
    await using broker = answering({ serverKeepAlive: 2 }, ({ cmd }) => {
      if (cmd === last) network.goSilent();
    });
    await using network = new Proxy(broker.url);
    await using client = sub(`${network.url}/t`);
    await eventually(() => network.isSilent);
    client.kill("SIGINT");
    assertEquals((await client.ended()).code, 130);
  }));
});

waiting.test("sub subscribes again if the connection breaks before the broker has answered", async () => {
  await using broker = new FakeBroker(
    (packet, send, close) => {
      if (packet.cmd !== "subscribe") return;
      if (broker.connections === 1) return close();
      const messageId = packet.messageId!;
      send({ cmd: "suback", messageId, granted: [0] });
      const rest = { qos: 0, dup: false, retain: false } as const;
      send({ cmd: "publish", topic: "t", payload: "here", ...rest });
    },
  );
  broker.keepsSessions = true;
  await using client = sub(`${broker.url}/t`);
  assertEquals(await client.line(), "here");
});

waiting.test("sub ends if a broker that has lost the session refuses the subscription", async () => {
  await using broker = new FakeBroker((packet, send, close) => {
    if (packet.cmd !== "subscribe") return;
    const isFirst = broker.connections === 1;
    const granted = [isFirst ? 0 : 135];
    send({ cmd: "suback", messageId: packet.messageId!, granted });
    if (isFirst) close();
  });
  const { code, stderr } = await finish(sub(`${broker.url}/t`));
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /Cannot subscribe to mqtt:\S+: the broker refuses it: not auth.*\n$/,
  );
});

/** Cuts two times, as each pause is longer than the last, in the middle of what is sent. */
function cutting(url: string, seed: number): { network: Proxy; cuts: number } {
  const random = new Random(seed);
  let left = 10_000;
  const made = {
    cuts: 0,
    network: new Proxy(url, async (bytes, write, cut) => {
      left -= bytes.length;
      const isCut = left <= 0 && made.cuts < 2;
      if (!isCut) return await write(bytes);
      made.cuts++;
      left = 5_000 + random.below(10_000);
      await write(bytes.subarray(0, random.below(bytes.length)));
      cut();
    }),
  };
  return made;
}

waiting.testWithout(
  withoutMosquitto,
  "QoS 1: messages arrive whole and in order through networks that cut packets in two",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const outward = cutting(broker.url, 7);
    await using out = outward.network;
    const inward = cutting(broker.url, 8);
    await using back = inward.network;
    const session = ["--client-id=s", "--persistent", "--qos=1"];
    // It leaves a session.
    await finish(sub("--timeout=0.1", ...session, `${broker.url}/t`));
    await using publisher = pub("-l", "--qos=1", `${out.url}/t`);
    const expected = Array.from({ length: 3000 }, (_, i) => `${i}`);
    await publisher.write(expected.join("\n") + "\n");
    await publisher.end();
    assertEquals((await publisher.ended()).code, 0);
    await using client = sub(...session, `${back.url}/t`);
    const last = expected.at(-1);
    const lines = (await client.until(`\n${last}\n`)).trim().split("\n");
    assertEquals([outward.cuts, inward.cuts], [2, 2]);
    // Some come again; what comes for the first time is in order.
    assertEquals([...new Set(lines)], expected);
  },
);
