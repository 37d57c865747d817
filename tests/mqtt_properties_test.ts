/**
 * The properties of messages: MQTT 5, section 3.3.2.3.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import {
  FifobusError,
  type Message,
  type MessageProperties,
  publish,
  Publisher,
  Subscriber,
} from "../mod.ts";
import { delay } from "../lib/delay.ts";
import { Broker } from "./harness/aedes.ts";
import { ownBus } from "./harness/bus.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { testWithout } from "./harness/needs.ts";
import { finish, pub, sub } from "./harness/process.ts";

/** What a message has beside its bytes. */
function propertiesOf(message: Message) {
  const { properties, contentType, expiryMs, qos } = message;
  return { properties: { ...properties }, contentType, expiryMs, qos };
}

testWithout(
  withoutMosquitto,
  "pub sends each property alone, too",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const cases = [
      ["--property=a=1", /^a:1\|\|$/],
      ["--content-type=text/plain", /^\|text\/plain\|$/],
      ["--expiry=10h", /^\|\|3(6000|5\d{3})$/],
    ] as const;
    for (const [i, [option, expected]] of cases.entries()) {
      await using client = broker.client(
        ...["sub", "-V", "5", "-C", "1", "-t", `${i}`] as const,
        ...["-F", "%P|%C|%E"],
      );
      const url = `${broker.url}/${i}`;
      const ended = await finish(pub("--retain", option, url, "x"));
      assertEquals([ended.code, ended.stderr], [0, ""]);
      assertMatch(await client.line(), expected);
    }
    const properties = { none: [], a: "" };
    await publish(`${broker.url}/t`, "x", { properties, retain: true });
    const { stdout } = await finish(
      broker.client("sub", "-V", "5", "-C", "1", "-t", "t", "-F", "%P|%p"),
    );
    assertEquals(stdout, "a:|x\n");
  },
);

testWithout(
  withoutMosquitto,
  "pub at QoS 0 fails if the broker ends the connection at a property",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const url = `${broker.url}/t`;
    for (const option of ["--property=a=\u0001", "--content-type=\u007f"]) {
      await using lines = pub("-l", option, url);
      await lines.write("1\n");
      await lines.said(/lost the connection/);
      await lines.end();
      await using one = pub(option, url, "x");
      for (const process of [lines, one]) {
        const { code, stderr } = await process.ended();
        assertEquals(code, 1);
        assertMatch(
          stderr,
          /\npub: Cannot publish to \S+: the connection ended .*\n$/,
        );
      }
    }
  },
);

testWithout(
  withoutMosquitto,
  "a message keeps the marks of the publishers that have passed it on",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const url = `${broker.url}/t`;
    await using all = await Subscriber.open(url);
    await using one = await Subscriber.open(url, { origin: "first" });
    const options = { origin: "last", mqtt: { qos: 1 } } as const;
    await using publisher = await Publisher.open(url, options);
    const cases = [["first", "é, b"], ["other", "last"], []];
    for (const origins of cases) {
      await publisher.publish("x", { origins });
      const [message] = (await all.read(1))!;
      assertEquals(message!.origins, [...new Set([...origins, "last"])]);
    }
    const left: Message[] = [];
    while (left.length < 2) left.push(...(await one.read())!);
    const expected = [["other", "last"], ["last"]];
    assertEquals(left.map(({ origins }) => origins), expected);
  },
);

testWithout(
  withoutMosquitto,
  "pub sends properties that mosquitto_sub shows, with --keyed lines too, and they stay with a last value",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const given = ["--property=a=1", "--property=b=x=y", "--property=a=2"];
    const more = ["--content-type=text/plain", "--expiry=1h", "--qos=1"];
    const args = [...given, ...more, "--retain"];
    await finish(pub(...args, `${broker.url}/one`, "1"));
    await using keyed = pub(...args, "--keyed", broker.url);
    await keyed.write("two\t2\n");
    await keyed.end();
    assertEquals((await keyed.ended()).stderr, "");
    const format = ["-V", "5", "-F", "%t %P %C %E"];
    for (const topic of ["one", "two"]) {
      const client = broker.client("sub", ...format, "-C", "1", "-t", topic);
      const { stdout } = await finish(client);
      assertMatch(stdout, /^\w+ a:1 a:2 b:x=y text\/plain 3(600|59\d)\n$/);
    }
  },
);

testWithout(
  withoutMosquitto,
  "sub --json and sub -F show the properties of a message, and nothing where there are none",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const given = [
      ["user-property", "a", "1"],
      ["user-property", "a", "2"],
      ["user-property", "b", "\u202e"],
      ["content-type", "text/plain"],
      ["message-expiry-interval", "3600"],
    ].flatMap((property) => ["-D", "publish", ...property]);
    const sent = ["-V", "5", "-q", "1", "-r", "-m", "x"];
    await finish(broker.client("pub", ...sent, "-t", "t/1", ...given));
    await finish(broker.client("pub", ...sent, "-t", "t/2"));
    const print = async (...args: string[]) => {
      const all = ["--retained-only", "--qos=1", ...args, `${broker.url}/t/#`];
      const { code, stdout, stderr } = await finish(sub(...all));
      assertEquals([code, stderr], [0, ""]);
      return stdout;
    };
    assertMatch(
      await print("-F", "%t|%P|%C|%E|%q"),
      /^t\/1\|a:1 a:2 b:\u202e\|text\/plain\|3(600|59\d)\|1\nt\/2\|\|\|\|1\n$/,
    );
    const json = await print("--json");
    // It is safe to show on a terminal.
    assertMatch(json, /"b":"\\u202e"/);
    const [full, plain] = json.trimEnd().split("\n").map((it) =>
      JSON.parse(it)
    );
    assertEquals(full.properties, { a: ["1", "2"], b: "\u202e" });
    assertEquals([full.content_type, full.qos], ["text/plain", 1]);
    assertEquals(full.expiry > 3500 && full.expiry <= 3600, true);
    const members = ["topic", "time", "sequence", "retained", "qos", "length"];
    assertEquals(Object.keys(plain), [...members, "message"]);
  },
);

testWithout(
  withoutMosquitto,
  "Publisher.publish() and Message have the properties of a message",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const mqtt = { qos: 1 } as const;
    await using subscriber = await Subscriber.open(`${broker.url}/t`, { mqtt });
    await using publisher = await Publisher.open(`${broker.url}/t`, {
      mqtt,
      // A mark of the library itself, which is not shown.
      origin: "mark",
    });
    const text = "é".repeat(32_767) + "x";
    const properties = { [text]: text, empty: "", "__proto__x": ["1", "2"] };
    const sent = { properties, contentType: "a/b", expiryMs: 1500 };
    await publisher.publish("full", sent);
    await publisher.publish("plain");
    const messages: Message[] = [];
    while (messages.length < 2) messages.push(...(await subscriber.read())!);
    const [full, plain] = messages.map(propertiesOf);
    assertEquals(full, { ...sent, expiryMs: 2000, qos: 1 });
    assertEquals(plain, {
      properties: {},
      contentType: undefined,
      expiryMs: undefined,
      qos: 1,
    });
    const bad: MessageProperties[] = [
      { properties: { a: "\0" } },
      { properties: { "fifobus-origin": "a" } },
      { properties: { "\0": "a" } },
      { properties: { a: ["b", "\ud800"] } },
      { properties: { a: text + "x" } },
      { contentType: text + "x" },
      { expiryMs: 0 },
      { expiryMs: -1 },
      { expiryMs: NaN },
      { expiryMs: 2 ** 32 * 1000 },
    ];
    for (const properties of bad) {
      await assertRejects(() => publisher.publish("x", properties), RangeError);
    }
    // The next message is sent all the same.
    await publisher.publish("after", { expiryMs: Infinity });
    assertEquals((await subscriber.read())![0]!.text, "after");
  },
);

Deno.test("pub sends no message without its properties: a connection with MQTT 3.1.1 is an error", async () => {
  await using broker = await Broker.start();
  const { url } = broker;
  for (const option of ["--property=a=1", "--content-type=a", "--expiry=1h"]) {
    const { code, stderr } = await finish(pub(option, `${url}/t`, "x"));
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^pub: Cannot publish to mqtt:\S+\/t: properties [^\n]*MQTT 3\.1\.1\n$/,
    );
  }
  const error = await assertRejects(() =>
    publish(`${url}/t`, "x", { contentType: "a" })
  );
  assertEquals(error instanceof FifobusError && error.code, "no_connection");
});

Deno.test("a FIFO and a topic of this machine take no properties", async () => {
  await using bus = ownBus();
  await using _reader = await Subscriber.open([bus.file("pipe"), "t"]);
  for (const address of [bus.file("pipe"), "t"]) {
    const { code, stderr } = await finish(pub("--property=a=1", address, "x"));
    assertEquals(code, 2);
    assertMatch(stderr, /^pub: option --property is for MQTT, and [^\n]+\n$/);
    const error = await assertRejects(() =>
      publish(address, "x", { properties: { a: "1" } })
    );
    assertEquals(error instanceof FifobusError && error.code, "bad_address");
  }
  const wrong = [["--property=a"], ["--property==a"], ["--expiry=0"], [
    "--property=fifobus-origin=a",
  ]];
  for (const args of wrong) {
    const { code } = await finish(pub(...args, "mqtt://127.0.0.1:1/t", "x"));
    assertEquals(code, 2);
  }
});

Deno.test("a message that expires while it waits for the broker is not sent, and others with the time that is left", async () => {
  const got: string[] = [];
  const left: (number | undefined)[] = [];
  const first = Promise.withResolvers<void>();
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd !== "publish") return;
    got.push(`${packet.payload}`);
    left.push(packet.properties?.messageExpiryInterval);
    const answer = { cmd: "puback", messageId: packet.messageId! } as const;
    first.promise.then(() => send({ ...answer, reasonCode: 0 }));
  }, { receiveMaximum: 1 });
  await using publisher = await Publisher.open(`${broker.url}/t`, {
    mqtt: { qos: 1 },
  });
  const sent = [
    publisher.publish("first"),
    publisher.publish("short", { expiryMs: 10 }),
    publisher.publish("long", { expiryMs: 100_000 }),
    publisher.publish("last"),
  ];
  await delay(1100);
  first.resolve();
  await Promise.all(sent);
  assertEquals(got, ["first", "long", "last"]);
  const isLess = left[1]! < 100 && left[1]! > 0;
  assertEquals([left[0], isLess, left[2]], [undefined, true, undefined]);
});

Deno.test("pub --json-lines reports a line with properties that MQTT does not allow, and publishes the others", async () => {
  const got: string[] = [];
  await using broker = new FakeBroker((packet) => {
    if (packet.cmd === "publish") got.push(`${packet.payload}`);
  });
  await using process = pub("--json-lines", broker.url);
  const lines = [
    { properties: { "fifobus-origin": "x" } },
    { properties: { a: "\0" } },
    { expiry: 0 },
    { properties: { a: "b" }, expiry: 10, content_type: "c" },
    {},
  ].map((it, i) => JSON.stringify({ topic: "t", message: `${i}`, ...it }));
  await process.write(`${lines.join("\n")}\n`);
  await process.end();
  const { code, stderr } = await process.ended();
  assertEquals([code, got], [1, ["3", "4"]]);
  const expected = [
    /^pub: Cannot publish line 1 of standard input: .*"fifobus-origin"/,
    /^pub: Cannot publish line 2 of standard input: .*it holds a NUL$/,
    /^pub: Cannot publish line 3 of standard input: .*expiryMs 0/,
    /^pub: 3 messages could not be published$/,
  ];
  const said = stderr.trimEnd().split("\n");
  assertEquals(said.length, expected.length, stderr);
  for (const [i, pattern] of expected.entries()) assertMatch(said[i]!, pattern);
});
