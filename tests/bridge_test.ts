/**
 * Bridges, `pub --from`: what crosses them, and what does not.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import type { IPublishPacket } from "npm:mqtt-packet@9.0.2";
import { Broker } from "./harness/aedes.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { freePort, Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import {
  eventually,
  finish,
  type Process,
  pub,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

type Sent = [topic: string, payload: string];

/** A broker that sends messages to each subscriber. */
function source(messages: Sent[], qos: 0 | 1 = 0): FakeBroker {
  return new FakeBroker((packet, send) => {
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [qos] });
    for (const [i, [topic, payload]] of messages.entries()) {
      const how = { qos, dup: false, retain: false, messageId: i + 1 };
      send({ cmd: "publish", topic, payload, ...how });
    }
  });
}

/** A broker that notes what it gets. */
function target(got: Sent[], port = 0): FakeBroker {
  return new FakeBroker(
    (packet, send) => {
      if (packet.cmd !== "publish") return;
      got.push([packet.topic, `${packet.payload}`]);
      if (packet.qos === 0) return;
      send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    },
    {},
    port,
  );
}

/** Ends a bridge in order, and returns what it said. */
async function said(bridge: Process): Promise<string[]> {
  bridge.kill("SIGTERM");
  const { code, stderr } = await bridge.ended();
  assertEquals(code, 143);
  // On a slow machine a connection may take a while.
  const isSlow = (line: string) =>
    /: (trying to connect|connected) to/.test(line);
  return stderr.split("\n").filter((line) => line !== "" && !isSlow(line));
}

const LARGE = "\ufeff" + "x".repeat(256 * 1024);

/** What a line, or the bus, may not be able to hold. */
const ODD: Sent[] = [
  ["a/tab\there", "one"],
  ["a/\n", "two"],
  ["a/b", "lines\nand\0NUL\t"],
  ["a/b", ""],
  ["a/b", LARGE],
  ["a/ü", "last"],
];

for (const spool of [false, true]) {
  const how = spool ? " with a spool" : "";
  waiting.test(`a bridge${how} carries any topic and message from broker to broker`, async () => {
    await using bus = new TestBus();
    await using from = source(ODD, 1);
    const got: Sent[] = [];
    await using to = target(got);
    await using bridge = bus.pub(
      ...["--qos=1", "--from", `${from.url}/a/#`],
      ...spool ? ["--spool", bus.file("s")] : [],
      `${to.url}/x`,
    );
    await eventually(() => got.length === ODD.length);
    const expected = ODD.map(([topic, text]) =>
      [topic.replace("a/", "x/"), text] as Sent
    );
    assertEquals(got, expected);
    assertEquals(await said(bridge), []);
  });
}

/** A message with properties, the mark of another bridge among them. */
const ABOUT = {
  userProperties: { unit: ["C", "K"], name: "", "fifobus-origin": "other" },
  contentType: "text/plain",
  messageExpiryInterval: 1000,
};

/** A broker that sends such a message, and one in its last second. */
function sourceOfProperties(): FakeBroker {
  return new FakeBroker((packet, send) => {
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [0] });
    const last = { messageExpiryInterval: 0 };
    for (
      const [payload, properties] of [["21.5", ABOUT], ["end", last]] as const
    ) {
      const how = { qos: 0, dup: false, retain: false } as const;
      send({ cmd: "publish", topic: "a/b", payload, properties, ...how });
    }
  });
}

for (const spool of [false, true]) {
  const how = spool ? " with a spool" : "";
  waiting.test(`a bridge${how} carries properties from broker to broker, and the time that is left`, async () => {
    await using bus = new TestBus();
    await using from = sourceOfProperties();
    const got: IPublishPacket[] = [];
    await using to = new FakeBroker((packet, send) => {
      if (packet.cmd !== "publish") return;
      got.push(packet);
      send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    });
    await using bridge = bus.pub(
      ...["--qos=1", "--from", `${from.url}/a/#`],
      ...spool ? ["--spool", bus.file("s")] : [],
      `${to.url}/x`,
    );
    await eventually(() => got.length === 2);
    // Every machine has a loopback, so its name is that of the bus.
    const id = Deno.readTextFileSync(`${bus.env.FIFOBUS_DIR}/.id`);
    const places = [from, to].map(({ url }) => `${id}:${new URL(url).port}`);
    const { userProperties, contentType, messageExpiryInterval: left } = got[0]!
      .properties!;
    assertEquals(
      [{ ...userProperties }, contentType],
      [
        { ...ABOUT.userProperties, "fifobus-origin": ["other", ...places] },
        "text/plain",
      ],
    );
    assert(left! > 900 && left! <= 1000, `${left}`);
    assertEquals(got[1]!.properties?.messageExpiryInterval, 1);
    assertEquals(await said(bridge), []);
  });
}

waiting.test("a bridge to MQTT 3.1.1 passes messages on without properties, and says so once", async () => {
  await using from = sourceOfProperties();
  const got: string[] = [];
  await using to = new FakeBroker((packet, _send, close) => {
    if (packet.cmd === "connect" && packet.protocolVersion === 5) close();
    if (packet.cmd === "publish") got.push(`${packet.payload}`);
  });
  await using bridge = pub("--from", `${from.url}/a/#`, `${to.url}/x`);
  await eventually(() => got.length === 2);
  assertEquals(got, ["21.5", "end"]);
  const [marks, first, more] = await said(bridge);
  assertMatch(marks!, /speaks MQTT 3\.1\.1, where no mark/);
  assertMatch(first!, /^pub: 1 message passed on without .*: they need MQTT 5/);
  assertMatch(more!, /^pub: 1 more message passed on without /);
});

waiting.test("a bridge to topics says what they do not take, once for each kind, and goes on", async () => {
  await using bus = new TestBus();
  await using lines = await bus.sub("-v", "x/#");
  await using any = await bus.sub("--null", "--json", "x/#");
  const messages: Sent[] = [
    ...ODD,
    ["a/c\u0007", "three"],
    ["a/c", "\0"],
    ["a/c", "two\nlines"],
    ["a/c", "\n"],
    ["a/b", "end"],
  ];
  await using from = source(messages);
  await using bridge = bus.pub("--from", `${from.url}/a/#`, "x");
  assertEquals(
    await lines.until("end\n"),
    `x/b\t\nx/b\t${LARGE}\nx/ü\tlast\nx/b\tend\n`,
  );
  const printed = (await any.until('end"}\0')).split("\0").slice(0, -1)
    .map((line) => JSON.parse(line)).map((it) => [it.topic, it.message]);
  assertEquals(printed, [
    ...[["x/b", ""], ["x/b", LARGE], ["x/ü", "last"]],
    ...[["x/c", "two\nlines"], ["x/c", "\n"], ["x/b", "end"]],
  ]);
  const text = await said(bridge);
  const expected = [
    /^pub: 1 message not passed on: Cannot use the topic "x\/tab\\there": it holds a control character$/,
    /^pub: 1 message not passed on: Cannot publish to "x": byte 9 of the message is a NUL/,
    /^pub: 1 message dropped for subscriber [^:]*: it takes no messages that hold a line feed/,
    /^pub: 2 more messages not passed on, like the first: Cannot use the topic "x\/tab\\there"/,
    /^pub: 1 more message not passed on, like the first: Cannot publish to "x": byte 9/,
    /^pub: 1 more message dropped for subscriber [^:]*, like the first: it takes no/,
  ];
  assertEquals(text.length, expected.length, text.join("\n"));
  for (const [i, pattern] of expected.entries()) assertMatch(text[i]!, pattern);
});

waiting.test("a bridge to a FIFO says what a line cannot hold, and goes on", async () => {
  await using bus = new TestBus();
  const path = bus.file("pipe");
  await using from = source(ODD);
  await using bridge = bus.pub("--from", `${from.url}/a/#`, path);
  await using lines = sub(path);
  assertEquals(await lines.until("last\n"), `one\ntwo\n\n${LARGE}\nlast\n`);
  assertEquals((await said(bridge)).length, 1);
});

waiting.test("a bridge carries messages with line feeds from topics to a broker", async () => {
  await using bus = new TestBus();
  const got: Sent[] = [];
  await using to = target(got);
  await using _bridge = bus.pub("--from", "a/#", `${to.url}/x`);
  await eventually(() => bus.namesOf("a/#").length > 0);
  await finish(bus.pub("--null", "a/b", "two\nlines"));
  await eventually(() => got.length > 0);
  assertEquals(got, [["x/b", "two\nlines"]]);
});

waiting.test("a message over the limit does not stop a bridge, wherever it comes from", async () => {
  await using bus = new TestBus();
  const large = "x".repeat(101);
  const path = bus.file("pipe");
  await using from = source([["a", large], ["a", "next"]]);
  const froms = [path, "a/#", `${from.url}/a`];
  for (const address of froms) {
    const got: Sent[] = [];
    await using to = target(got);
    await using bridge = bus.pub(
      ...["--max-size=100", "--from", address, `${to.url}/x`],
    );
    if (address === "a/#") {
      await eventually(() => bus.namesOf("a/#").length > 0);
      await finish(bus.pub("a", large));
      await bridge.said(/not passed on/);
      await eventually(() => bus.namesOf("a/#").length > 0);
      await finish(bus.pub("--wait", "a", "next"));
    } else if (address === path) {
      await finish(bus.pub(path, large));
      await finish(bus.pub(path, "next"));
    }
    await eventually(() => got.length > 0);
    assertEquals(got, [["x", "next"]], address);
    const text = await said(bridge);
    assertMatch(text[0]!, /^pub: 1 message not passed on: .* limit is \d+$/);
    assertEquals(text.length, 1);
  }
});

waiting.test("pub does not continue the session of a killed one with the same client id", async () => {
  const packets: string[] = [];
  await using broker = new FakeBroker((packet, send) => {
    const { properties } = packet as { properties?: Record<string, unknown> };
    const expiry = properties?.sessionExpiryInterval;
    packets.push(packet.cmd === "disconnect" ? `end ${expiry}` : packet.cmd);
    broker.sessionPresent = packets.length === 1;
    if (packet.cmd !== "publish") return;
    send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
  });
  const args = ["--client-id=me", "--qos=1", `${broker.url}/a`, "x"];
  assertEquals((await finish(pub(...args))).code, 0);
  assertEquals(packets, ["connect", "end 0", "connect", "publish", "end 0"]);
});

waiting.test("pub --timeout does not give up on a broker before its time", async () => {
  const startedAt = performance.now();
  const address = `mqtt://127.0.0.1:${freePort()}/t`;
  const ended = await finish(pub("--timeout=1", address, "x"));
  assert(performance.now() - startedAt >= 1000);
  assertEquals(ended.code, 124);
  assertMatch(ended.stderr, /connection refused.*, tried for 1000 ms\n$/);
});

waiting.test("a bridge with --timeout takes messages before its broker is there", async () => {
  await using bus = new TestBus();
  const port = freePort();
  await using bridge = bus.pub(
    ...["--from", "a/#", "--timeout=60", `mqtt://127.0.0.1:${port}/x`],
  );
  await eventually(() => bus.namesOf("a/#").length > 0);
  for (const text of ["1", "2"]) await finish(bus.pub("a/b", text));
  await bridge.said(/^pub: trying to connect to mqtt:\S*\n/);
  const got: Sent[] = [];
  await using _to = target(got, port);
  await bridge.said(/\npub: connected to mqtt:\S*\n/);
  await eventually(() => got.length === 2);
  assertEquals(got, [["x/b", "1"], ["x/b", "2"]]);
});

waiting.test("a bridge whose broker does not come in time, or goes for good, gives a FIFO its messages back", async () => {
  await using bus = new TestBus();
  const path = bus.file("pipe");
  await using leaving = new FakeBroker((packet, send, close) => {
    if (packet.cmd !== "publish") return;
    send({ cmd: "disconnect", reasonCode: 142 });
    close();
  });
  const nobody = `mqtt://127.0.0.1:${freePort()}`;
  const cases: [url: string, time: string, code: number, why: RegExp][] = [
    [leaving.url, "60", 1, /pub: The broker .* another client .*\n$/],
    [nobody, "0.5", 124, /pub: Cannot connect .*, tried for 500 ms\n$/],
  ];
  for (const [url, time, code, why] of cases) {
    await using bridge = bus.pub(
      ...["--from", path, "--qos=1", "--timeout", time, `${url}/x`],
    );
    const written = finish(bus.pub("--file", await numbers(bus), path));
    const ended = await bridge.ended();
    assertEquals(ended.code, code);
    assertMatch(ended.stderr, why);
    const { stdout } = await finish(sub("-C100", path));
    assertEquals(stdout, Deno.readTextFileSync(bus.file("numbers")));
    await written;
  }
});

async function numbers(bus: TestBus): Promise<string> {
  const file = bus.file("numbers");
  const lines = Array.from({ length: 100 }, (_, i) => `${i}\n`);
  await Deno.writeTextFile(file, lines.join(""));
  return file;
}

waiting.test("one signal ends a bridge that has no room, and the messages of its FIFO go back", async () => {
  await using bus = new TestBus();
  const path = bus.file("pipe");
  await using bridge = bus.pub(
    ...["--from", path, "--timeout=60", "--queue-bytes=1k"],
    `mqtt://127.0.0.1:${freePort()}/x`,
  );
  const written = finish(bus.pub("--file", await numbers(bus), path));
  await written;
  await bridge.said(/trying to connect/);
  bridge.kill("SIGTERM");
  assertEquals((await bridge.ended()).code, 143);
  const { stdout } = await finish(sub("-C100", path));
  assertEquals(stdout, Deno.readTextFileSync(bus.file("numbers")));
});

waiting.test("a bridge from a persistent session acknowledges a message once it is through", async () => {
  await using bus = new TestBus();
  const events: string[] = [];
  await using from = new FakeBroker((packet, send) => {
    if (packet.cmd === "puback") events.push(`through ${packet.messageId}`);
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [1] });
    for (const messageId of [1, 2]) {
      const how = { qos: 1, dup: false, retain: false, messageId } as const;
      send({ cmd: "publish", topic: "a", payload: `${messageId}`, ...how });
    }
  });
  await using to = new FakeBroker((packet, send) => {
    if (packet.cmd !== "publish") return;
    const { messageId, payload } = packet;
    // Long enough for a bridge that would not wait for it.
    setTimeout(() => {
      events.push(`answer ${payload}`);
      send({ cmd: "puback", messageId: messageId!, reasonCode: 0 });
    }, 100);
  });
  await using _bridge = bus.pub(
    ...["--persistent", "--client-id=b", "--qos=1"],
    ...["--from", `${from.url}/a`, `${to.url}/x`],
  );
  await eventually(() => events.length === 4);
  const expected = ["answer 1", "through 1", "answer 2", "through 2"];
  assertEquals(events, expected);
});

waiting.test("a bridge that ends leaves a persistent session what its target has not taken", async () => {
  await using bus = new TestBus();
  const acknowledged: number[] = [];
  await using from = new FakeBroker((packet, send) => {
    if (packet.cmd === "puback") acknowledged.push(packet.messageId!);
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [1] });
    const how = { qos: 1, dup: false, retain: false, messageId: 1 } as const;
    send({ cmd: "publish", topic: "a", payload: "1", ...how });
  });
  let arrived = 0;
  // It answers nothing.
  await using to = new FakeBroker(({ cmd }) => {
    if (cmd === "publish") arrived++;
  });
  await using bridge = bus.pub(
    ...["--persistent", "--client-id=b", "--qos=1"],
    ...["--from", `${from.url}/a`, `${to.url}/x`],
  );
  await eventually(() => arrived > 0);
  bridge.kill("SIGTERM");
  assertEquals((await bridge.ended()).code, 143);
  assertEquals(acknowledged, []);
});

waiting.test("bridges at a broker of MQTT 3.1.1 are told that it has no marks, and do not feed themselves", async () => {
  await using bus = new TestBus();
  await using broker = await Broker.start();
  const { url } = broker;
  const circles = [["a/#", "a"], ["+/b", "a"], ["a/b", "a/b"]];
  for (const [filter, topic] of circles) {
    const ended = await finish(
      bus.pub("--from", `${url}/${filter}`, `${url}/${topic}`),
    );
    assertEquals(ended.code, 1, filter);
    assertMatch(ended.stderr, /MQTT 3\.1\.1, .* in circles\n$/);
  }
  for (const [from, to] of [["a/#", "x"], ["a/b", "a/c"]]) {
    await using bridge = bus.pub("--from", `${url}/${from}`, `${url}/${to}`);
    await bridge.said(/^pub: \S* speaks MQTT 3\.1\.1, .* sends it back, .*\n/);
  }
  const path = bus.file("pipe");
  const self = await finish(bus.pub("--from", path, path));
  assertEquals(self.code, 2);
});

waiting.testWithout(
  withoutMosquitto,
  "a topic with a control character costs a bridge its connection three times at most",
  async () => {
    await using bus = new TestBus();
    await using to = await Mosquitto.start(bus);
    const messages: Sent[] = [["a/1\t", "x"], ["a/2\t", "x"], ["a/3", "end"]];
    await using from = source(messages, 1);
    await using bridge = bus.pub(
      ...["--qos=1", "--retain", "--from", `${from.url}/a/#`, `${to.url}/x`],
    );
    const { stdout } = await finish(sub("-C1", `${to.url}/x/3`));
    assertEquals(stdout, "end\n");
    const text = await said(bridge);
    const isLoss = (line: string) => line.startsWith("pub: lost");
    assert(text.filter(isLoss).length <= 3, text.join("\n"));
    assertMatch(
      text.join("\n"),
      /\/x\/1.*: .* ended the connection 3 times at/,
    );
    assertMatch(text.join("\n"), /: 1 more message not passed on, like/);
  },
);

waiting.test("the last will of a bridge is at the ADDRESS, or at the only broker", async () => {
  await using bus = new TestBus();
  const wills: Record<string, string[]> = {};
  const broker = (name: string) => {
    const topics: string[] = wills[name] = [];
    return new FakeBroker((packet, send) => {
      if (packet.cmd === "connect") topics.push(packet.will?.topic ?? "none");
      if (packet.cmd !== "subscribe") return;
      send({ cmd: "suback", messageId: packet.messageId!, granted: [0] });
    });
  };
  await using from = broker("from");
  await using to = broker("to");
  const will = ["--will-topic=w", "--will-message=gone"];
  const cases = [
    [`${from.url}/a`, `${to.url}/x`],
    [`${from.url}/a`, "x"],
    ["a", `${to.url}/x`],
  ];
  await using stack = new AsyncDisposableStack();
  for (const [source, target] of cases) {
    const before = from.connections + to.connections;
    stack.use(bus.pub(...will, "--from", source!, target!));
    const count = [source!, target!].filter((it) => it.includes(":")).length;
    await eventually(() =>
      from.connections + to.connections === before + count
    );
  }
  assertEquals(wills, { from: ["none", "w"], to: ["w", "w"] });
});
