/**
 * The options for the session and the subscriptions at a broker, for the version
 * of MQTT, and for a second connection.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import type { IConnectPacket, ISubscribePacket } from "npm:mqtt-packet@9.0.2";
import { FifobusError, type MqttOptions, Subscriber } from "../mod.ts";
import { Broker } from "./harness/aedes.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import {
  eventually,
  finish,
  pub,
  repeatUntil,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A broker that takes everything, and what it was asked for. */
function listeningBroker() {
  const connects: IConnectPacket[] = [];
  const subscribes: ISubscribePacket[] = [];
  const broker = new FakeBroker((packet, send) => {
    if (packet.cmd === "connect") connects.push(packet);
    if (packet.cmd === "publish" && packet.qos === 1) {
      send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    }
    if (packet.cmd !== "subscribe") return;
    subscribes.push(packet);
    const granted = packet.subscriptions.map(() => 0 as const);
    send({ cmd: "suback", messageId: packet.messageId!, granted });
    const { topic } = packet.subscriptions[0]!;
    const flags = { qos: 0, dup: false, retain: false } as const;
    if (topic === "t") send({ cmd: "publish", topic, payload: "x", ...flags });
  });
  return { broker, connects, subscribes };
}

waiting.test("options of sub reach the broker: its session, its subscriptions, its version", async () => {
  const { broker, connects, subscribes } = listeningBroker();
  await using _ = broker;
  const session = ["--persistent", "--client-id=me"];
  const cases: [args: string[], asked: Record<string, unknown>][] = [
    [[], { version: 5, session: 3600, nl: false, rap: false, rh: 0 }],
    [["--no-local"], { nl: true }],
    [["--retain-as-published"], { rap: true }],
    [["--retain-handling=1"], { rh: 1 }],
    [["--retain-handling=2"], { rh: 2 }],
    [["--no-retained"], { rh: 2 }],
    [session, { session: 0xffff_ffff }],
    [[...session, "--session-expiry=1.5"], { session: 2 }],
    [[...session, "--session-expiry=720h"], { session: 2_592_000 }],
    [["--mqtt-version=5"], { version: 5 }],
    [["--mqtt-version=3.1.1"], { version: 4 }],
  ];
  for (const [args, asked] of cases) {
    await finish(sub(...args, "-C1", `${broker.url}/t`));
    const { protocolVersion, properties } = connects.at(-1)!;
    const [subscription] = subscribes.at(-1)!.subscriptions;
    const all: Record<string, unknown> = {
      version: protocolVersion,
      session: properties?.sessionExpiryInterval,
      ...subscription,
    };
    for (const [name, value] of Object.entries(asked)) {
      assertEquals([args, name, all[name]], [args, name, value]);
    }
  }
});

waiting.test("with MQTT 3.1.1, options that it does not have are an error, and --mqtt-version tries no other", async () => {
  await using broker = await Broker.start();
  const address = `${broker.url}/t`;
  const session = ["--persistent", "--client-id=me"];
  const cases: [args: string[], why: RegExp][] = [
    [["--no-local"], /: --no-local needs MQTT 5, this [^\n]* MQTT 3\.1\.1\n$/],
    [["--retain-as-published"], /: --retain-as-published needs MQTT 5/],
    [["--retain-handling=1"], /: --retain-handling needs MQTT 5/],
    [[...session, "--session-expiry=1h"], /: --session-expiry needs MQTT 5/],
    [["--mqtt-version=5"], /: it does not speak this version of MQTT\n$/],
  ];
  for (const [args, why] of cases) {
    const { code, stderr } = await finish(sub(...args, address));
    assertEquals(code, 1);
    assertMatch(stderr, /^sub: Cannot connect to mqtt:[^\n]+\n$/);
    assertMatch(stderr, why);
  }
  for (const mqtt of [{ noLocal: true }, { version: "5" }] as MqttOptions[]) {
    const error = await assertRejects(() => Subscriber.open(address, { mqtt }));
    assertEquals(error instanceof FifobusError && error.code, "no_connection");
  }
  const wrong = { persistent: true, clientId: "me", sessionExpiryMs: -1 };
  await assertRejects(
    () => Subscriber.open(address, { mqtt: wrong }),
    RangeError,
  );
});

waiting.testWithout(
  withoutMosquitto,
  "sub --retain-as-published tells which new messages are to be kept",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const url = `${broker.url}/t`;
    for (const args of [[], ["--retain-as-published"]]) {
      await using ours = sub(...args, "-R", "-F", "%r %p", url);
      await repeatUntil(() => finish(pub(url, "ready")), ours.line());
      await finish(pub("--retain", "--qos=1", url, "kept"));
      const line = `${args.length} kept\n`;
      assertMatch(await ours.until(line), new RegExp(`^(0 ready\n)*${line}$`));
    }
  },
);

waiting.testWithout(
  withoutMosquitto,
  "sub --retain-handling 1 gets last values for a new session only",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const url = `${broker.url}/t`;
    await finish(pub("--retain", "--qos=1", url, "kept"));
    const session = ["--persistent", "--client-id=me", "--qos=1"];
    const args = [...session, "--retain-handling=1", url];
    const first = await finish(sub("-C1", ...args));
    assertEquals([first.code, first.stdout], [0, "kept\n"]);
    await finish(pub("--qos=1", url, "meanwhile"));
    await using second = sub(...args);
    assertEquals(await second.line(), "meanwhile");
    await finish(pub("--qos=1", url, "now"));
    assertEquals(await second.line(), "now");
  },
);

waiting.testWithout(
  withoutMosquitto,
  "sub --no-local does not get its own answers",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const { url } = broker;
    const command = 'echo "$FIFOBUS_TOPIC"';
    const respond = ["--exec", command, "--respond", "--no-local"];
    await using ours = sub(...respond, "--qos=1", `${url}/#`);
    await repeatUntil(() => finish(pub(`${url}/ready`, "x")), ours.line());
    const asked = await finish(pub("--reply", `${url}/ask`, "?"));
    assertEquals(asked.stdout, "ask\n");
    await finish(pub("--qos=1", `${url}/end`, "x"));
    assertMatch(await ours.until("end\n"), /^(ready\n)*end\n$/);
  },
);

waiting.test("sub --failed logs in at a broker as the options say, under an id of its own", async () => {
  await using bus = new TestBus();
  const secret = bus.file("secret");
  await Deno.writeTextFile(secret, "s3cret\n");
  const { broker, connects } = listeningBroker();
  await using _ = broker;
  const login = ["--user=ada", `--password-file=${secret}`, "--client-id=me"];
  const will = ["--will-topic=gone", "--will-message=x", "--persistent"];
  const command = ["--exec=exit 1", "--failed", `${broker.url}/failed`];
  const options = [...login, ...will, "--qos=1", ...command];
  // The messages come from a FIFO, so that this is the only connection.
  const pipe = bus.file("pipe");
  const done = finish(sub(...options, "-C1", pipe));
  await finish(pub(pipe, "job"));
  const { code, stderr } = await done;
  assertEquals(code, 0);
  assertMatch(stderr, /the message is in mqtt:\S+\/failed\n$/);
  const [connect] = connects;
  const { clientId, username, password, will: last } = connect!;
  assertEquals(
    [clientId, username, `${password}`, last ?? undefined],
    ["me-failed", "ada", "s3cret", undefined],
  );
  assertEquals(connect!.properties?.sessionExpiryInterval, 3600);
  // Options about subscriptions do not count there.
  const wrong = sub("--no-local", ...command, pipe);
  assertEquals((await finish(wrong)).code, 2);
});

waiting.test("pub --reply takes over no client, and leaves no session", async () => {
  const { broker, connects } = listeningBroker();
  await using _ = broker;
  const session = ["--client-id=me", "--persistent", "--timeout=0.2"];
  await finish(pub("--reply", ...session, `${broker.url}/t`, "?"));
  await eventually(() => connects.length > 1);
  const ids = connects.map(({ clientId }) => clientId);
  assertEquals(ids, ["me", "me-to"]);
  assertEquals(connects[1]!.properties?.sessionExpiryInterval, 3600);
});
