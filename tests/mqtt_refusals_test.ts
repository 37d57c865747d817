/**
 * Brokers that say no: limits, messages that end the connection, and codes.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { FifobusError, Publisher, Subscriber } from "../mod.ts";
import { Broker } from "./harness/aedes.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { missingOf, testSinceDeno27 } from "./harness/needs.ts";
import {
  eventually,
  finish,
  type Process,
  pub,
  repeatUntil,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

const OPEN = ["listener {port} 127.0.0.1", "allow_anonymous true"];

const REFUSALS: [limit: string, args: string[], bytes: number, why: RegExp][] =
  [
    ["max_packet_size 2000", [], 3000, /3000 bytes, the broker takes .* 2000$/],
    ["max_packet_size 2000", ["--qos", "1"], 3000, /the broker takes .* 2000$/],
    ["max_qos 0", ["--qos", "1"], 3, /QoS 1, the broker takes 0 at most$/],
    ["max_qos 1", ["--qos", "2"], 3, /QoS 2, the broker takes 1 at most$/],
    ["retain_available false", ["--retain"], 3, /keeps no last values$/],
    ["message_size_limit 1000", ["--qos", "1"], 1500, /says .* too large$/],
    ["message_size_limit 1000", ["--qos", "2"], 1500, /says .* too large$/],
  ];

for (const [limit, args, bytes, why] of REFUSALS) {
  waiting.testWithout(
    withoutMosquitto,
    `pub ${args.join(" ")} fails at a broker with ${limit}, and says why`,
    async () => {
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder, [...OPEN, limit]);
      await using sent = pub("-s", ...args, `${broker.url}/t`);
      await sent.write("x".repeat(bytes));
      await sent.end();
      const { code, stderr } = await sent.ended();
      assertEquals(code, 1);
      assertMatch(stderr.trimEnd(), why);
      assertMatch(stderr, /^pub: Cannot publish to mqtt:.*\/t: [^\n]*\n$/);
    },
  );
}

waiting.testWithout(
  withoutMosquitto,
  "pub gives up a message that ends the connection again and again",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    // mosquitto ends the connection at a topic of more than 200 levels.
    const topic = "a/".repeat(250) + "a";
    const { code, stderr } = await finish(
      pub("--qos", "1", `${broker.url}/${topic}`, "x"),
    );
    assertEquals(code, 1);
    assertMatch(stderr, /: the broker ended the connection 3 times at it\n$/);
  },
);

waiting.testWithout(
  withoutMosquitto,
  "a bridge reports the message that a broker does not take, and passes the others on",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    const levels = "a/".repeat(250) + "a";
    await using to = sub("--qos", "1", "-v", `${broker.url}/site/#`);
    await using bridge = await startBridge(bus, `${broker.url}/site`);
    // The subscriber is there once a message comes back.
    await repeatUntil(() => finish(bus.pub("wh/first", "1")), to.line());
    await finish(bus.pub(`wh/${levels}`, "bad"));
    await finish(bus.pub("wh/last", "good"));
    await to.until("site/last\tgood\n");
    await bridge.said(/the broker ended the connection 3 times at it/);
  },
);

async function startBridge(bus: TestBus, to: string) {
  const bridge = bus.pub("--qos", "1", "--from", "wh/#", to);
  await eventually(() => bus.namesOf("wh/#").length > 0);
  return bridge;
}

waiting.testWithout(
  withoutMosquitto,
  "two clients with one id are told what may be the reason",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    await finish(pub("--qos=1", "--retain", `${broker.url}/t`, "ready"));
    await using first = sub("--client-id", "twin", `${broker.url}/t`);
    assertEquals(await first.line(), "ready");
    await using _second = sub("--client-id", "twin", `${broker.url}/t`);
    await first.said(/\(perhaps another client uses the client id "twin"\)/);
  },
);

/** Codes of DISCONNECT, and what they mean for a program. */
const ENDINGS: [code: number, words: RegExp, isFinal: boolean][] = [
  [142, /another client uses the same client id/, true],
  [135, /not authorised/, true],
  [139, /\(it shuts down\); trying again/, false],
  [200, /\(reason code 200\); trying again/, false],
];

for (const [code, words, isFinal] of ENDINGS) {
  waiting.test(`sub ${isFinal ? "ends" : "goes on"} when a broker ends the connection with ${code}, and says why`, async () => {
    await using broker = new FakeBroker((packet, send, close) => {
      if (packet.cmd !== "subscribe") return;
      const { messageId } = packet;
      send({ cmd: "suback", messageId: messageId!, granted: [0] });
      if (broker.connections > 1) return;
      send({ cmd: "disconnect", reasonCode: code });
      close();
    });
    await using client = sub(`${broker.url}/t`);
    await client.said(words);
    if (!isFinal) return await eventually(() => broker.connections > 1);
    assertEquals((await client.ended()).code, 1);
    assertEquals(broker.connections, 1);
  });
}

for (const code of [149, 160, 200]) {
  waiting.test(`pub fails when a broker answers a message with ${code}, also if MQTT has no such answer`, async () => {
    await using broker = new FakeBroker((packet, send) => {
      if (packet.cmd !== "publish") return;
      const { messageId } = packet;
      send({ cmd: "puback", messageId: messageId!, reasonCode: code });
    });
    const ended = await finish(pub("--qos", "1", `${broker.url}/t`, "x"));
    assertEquals(ended.code, 1);
    assertMatch(ended.stderr, /: the broker says/);
    assertEquals(broker.connections, 1);
  });
}

waiting.testWithout(
  withoutMosquitto,
  "a message at QoS 0 settles when the connection breaks",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const publisher = await Publisher.open(`${broker.url}/t`);
    const message = new Uint8Array(500_000);
    // The broker is stopped, so that the messages wait in the socket.
    broker.signal("SIGSTOP");
    const sent = Array.from(
      { length: 40 },
      () => publisher.publish(message).then(() => "sent", () => "failed"),
    );
    await Promise.all([sent[0], broker.kill()]);
    await broker.restart();
    const ends = new Set(await Promise.all(sent));
    assert(ends.has("failed"), [...ends].join());
    // close() fails if the last message may be lost, which this one is not.
    await publisher.publish("after");
    await publisher.close();
  },
);

waiting.test("Subscriber.read() and Publisher.publish() fail when the broker has ended the connection for good", async () => {
  let end = () => {};
  await using broker = new FakeBroker((packet, send, close) => {
    if (packet.cmd === "subscribe") {
      const { messageId } = packet;
      send({ cmd: "suback", messageId: messageId!, granted: [0] });
    }
    if (packet.cmd === "subscribe" || packet.cmd === "publish") {
      end = () => {
        send({ cmd: "disconnect", reasonCode: 142 });
        close();
      };
      if (packet.cmd === "publish") end();
    }
  });
  const subscriber = await Subscriber.open(`${broker.url}/t`);
  const read = assertRejects(() => subscriber.read(), FifobusError, "same");
  end();
  await read;
  await subscriber.close();
  const mqtt = { qos: 1 } as const;
  const publisher = await Publisher.open(`${broker.url}/t`, { mqtt });
  for (const text of ["in flight", "later"]) {
    await assertRejects(() => publisher.publish(text), FifobusError, "same");
  }
  await publisher.close();
});

waiting.test("a reader that holds messages keeps its connection", async () => {
  let pings = 0;
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd === "pingreq") pings++;
    if (packet.cmd !== "subscribe") return;
    const { messageId } = packet;
    send({ cmd: "suback", messageId: messageId!, granted: [0] });
    for (let i = 0; i < 3000; i++) {
      const payload = `${i}`;
      send({
        cmd: "publish",
        topic: "t",
        payload,
        qos: 0,
        dup: false,
        retain: false,
      });
    }
  }, { serverKeepAlive: 1 });
  await using subscriber = await Subscriber.open(`${broker.url}/t`);
  const first = (await subscriber.read(1))!;
  // MQTT.js gives up a connection 1.5 s after a ping that is not answered.
  await eventually(() => pings >= 10);
  const texts = first.map(({ text }) => text);
  while (texts.length < 3000) {
    texts.push(...(await subscriber.read())!.map(({ text }) => text));
  }
  assertEquals(texts, Array.from({ length: 3000 }, (_, i) => `${i}`));
  assertEquals(broker.connections, 1);
});

waiting.test("a reader that stops holds the broker back, gets each message once, and keeps its connection", async () => {
  const COUNT = 3000;
  let [sent, acknowledged, most, pings] = [0, 0, 0, 0];
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd === "connect") {
      most = packet.properties?.receiveMaximum ?? 65_535;
    }
    if (packet.cmd === "pingreq") pings++;
    if (packet.cmd === "puback") acknowledged++;
    if (packet.cmd === "subscribe") {
      send({ cmd: "suback", messageId: packet.messageId!, granted: [1] });
    }
    if (packet.cmd !== "puback" && packet.cmd !== "subscribe") return;
    for (; sent < COUNT && sent - acknowledged < most; sent++) {
      const flags = { qos: 1, dup: false, retain: false } as const;
      const messageId = 1 + sent % most;
      const payload = `${sent}`;
      send({ cmd: "publish", topic: "t", payload, messageId, ...flags });
    }
  }, { serverKeepAlive: 1 });
  const mqtt = { qos: 1 } as const;
  await using subscriber = await Subscriber.open(`${broker.url}/t`, { mqtt });
  const texts = (await subscriber.read(1))!.map(({ text }) => text);
  await eventually(() => pings >= 8);
  // It has what fits into its memory, and there it is held.
  assert(sent < COUNT, `${sent} sent, ${acknowledged} acknowledged`);
  while (texts.length < COUNT) {
    texts.push(...(await subscriber.read())!.map(({ text }) => text));
  }
  assertEquals(texts, Array.from({ length: COUNT }, (_, i) => `${i}`));
  assertEquals(broker.connections, 1);
});

waiting.test("sub --persistent with a slow command keeps its connection, and runs it once for each message", async () => {
  await using folder = new Folder();
  let [pings, acknowledged] = [0, 0];
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd === "pingreq") pings++;
    if (packet.cmd === "puback") acknowledged++;
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [1] });
    for (const messageId of [1, 2, 3]) {
      const flags = { qos: 1, dup: false, retain: false } as const;
      const payload = `job ${messageId}`;
      send({ cmd: "publish", topic: "t", payload, messageId, ...flags });
    }
  }, { serverKeepAlive: 1 });
  const command = `cat; echo; while [ ! -e ${folder.file("go")} ]; do ` +
    "sleep 0.05; done";
  const session = ["--persistent", "--client-id=me", "--qos=1"];
  const args = [...session, "-C3", "--exec", command, `${broker.url}/t`];
  await using worker = sub(...args);
  assertEquals(await worker.line(), "job 1");
  await eventually(() => pings >= 8);
  assertEquals(acknowledged, 0);
  await Deno.writeTextFile(folder.file("go"), "");
  const { code, stdout, stderr } = await worker.ended();
  assertEquals([code, stdout, stderr], [0, "job 2\njob 3\n", ""]);
  assertEquals(broker.connections, 1);
});

for (const qos of ["0", "1", "2"]) {
  waiting.testWithout(
    withoutMosquitto,
    `sub --retained-only --qos ${qos} gets more last values than wait in memory`,
    async () => {
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder);
      const lines = Array.from({ length: 2500 }, (_, i) => `t/${i}\t${i}\n`);
      await using sent = pub("--keyed", "--retain", "--qos=1", broker.url);
      await sent.write(lines.join(""));
      await sent.end();
      assertEquals((await sent.ended()).code, 0);
      const args = ["--retained-only", "--qos", qos, `${broker.url}/t/#`];
      const { code, stdout } = await finish(sub(...args));
      assertEquals([code, stdout.split("\n").length - 1], [0, 2500]);
    },
  );
}

waiting.test("sub --retained-only gets all last values of a broker that sends them late", async () => {
  await using broker = await Broker.start();
  const publisher = await Publisher.open(`${broker.url}/`);
  for (let i = 0; i < 300; i++) {
    await publisher.publish(`${i}`, { topic: `t/${i}`, retain: true });
  }
  await publisher.close();
  for (let i = 0; i < 3; i++) {
    const args = ["--retained-only", `${broker.url}/t/#`];
    const { code, stdout } = await finish(sub(...args));
    assertEquals([code, stdout.split("\n").length - 1], [0, 300]);
  }
});

waiting.test("sub --retained-only at a broker that refuses its marker gets the last values", async () => {
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd !== "subscribe") return;
    const { messageId, subscriptions } = packet;
    const isOurs = subscriptions[0]!.topic === "t";
    send({
      cmd: "suback",
      messageId: messageId!,
      granted: [isOurs ? 0 : 135],
    });
    if (!isOurs) return;
    const flags = { qos: 0, dup: false, retain: true } as const;
    send({ cmd: "publish", topic: "t", payload: "kept", ...flags });
  });
  const args = ["--retained-only", `${broker.url}/t`];
  const { code, stdout, stderr } = await finish(sub(...args));
  assertEquals([code, stdout, stderr], [0, "kept\n", ""]);
});

waiting.testWithout(
  withoutMosquitto,
  "sub --retained-only needs no permission for other topics",
  async () => {
    await using folder = new Folder();
    const acl = folder.file("acl");
    const lines = [...OPEN, `acl_file ${acl}`];
    const prepare = () => Deno.writeTextFile(acl, "topic readwrite t/#\n");
    await using broker = await Mosquitto.start(folder, lines, prepare);
    await finish(pub("--retain", "--qos=1", `${broker.url}/t/a`, "1"));
    const { code, stdout } = await finish(
      sub("--retained-only", `${broker.url}/t/#`),
    );
    assertEquals([code, stdout], [0, "1\n"]);
  },
);

testSinceDeno27(
  "it does not say what is wrong with a certificate",
  "pub says in words what is wrong with a certificate",
  async () => {
    await using folder = new Folder();
    const file = (name: string) => folder.file(name);
    const make = `cd "$0" && openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
        -subj /CN=ours -keyout ca.key -out ca.pem &&
      openssl x509 -in ca.pem -outform der -out ca.der && echo junk > junk.pem &&
      for host in localhost elsewhere; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$host" \
          -keyout $host.key -out $host.csr &&
        printf "subjectAltName=DNS:$host\\nbasicConstraints=CA:FALSE\\n" > ext &&
        openssl x509 -req -in $host.csr -CA ca.pem -CAkey ca.key -days 2 \
          -CAcreateserial -extfile ext -out $host.pem || exit 1
      done &&
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=strange \
        -keyout strange.key -out strange.pem &&
      touch index && echo 01 > serial &&
      printf "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\n" > ca.conf &&
      printf "new_certs_dir=.\npolicy=p\n[p]\ncommonName=supplied\n" >> ca.conf &&
      printf "subjectAltName=DNS:localhost\n" > ext &&
      openssl ca -batch -config ca.conf -md sha256 -in localhost.csr \
        -cert ca.pem -keyfile ca.key -extfile ext -notext -out old.pem \
        -startdate 20200101000000Z -enddate 20200102000000Z &&
      cp localhost.key old.key && chmod 644 *.key && chmod 755 .`;
    const made = await finish(sh(make, folder.path));
    assertEquals(made.code, 0, made.stderr);
    const start = (host: string) =>
      Mosquitto.start(folder, [
        ...OPEN,
        `certfile ${file(`${host}.pem`)}`,
        `keyfile ${file(`${host}.key`)}`,
      ]);
    await using good = await start("localhost");
    await using other = await start("elsewhere");
    await using old = await start("old");
    const ca = (name: string) => `--ca=${file(name)}`;
    const cert = (name: string) => `--cert=${file(name)}`;
    const key = (name: string) => `--key=${file(name)}`;
    const cases: [Mosquitto, string[], string][] = [
      [good, [], "its certificate is not trusted: --ca is for"],
      [good, [ca("strange.pem")], "its certificate is not trusted: --ca is"],
      [other, [ca("ca.pem")], "its certificate is for another host"],
      [old, [ca("ca.pem")], "has expired"],
      [good, [`--ca=${folder.path}`], `--ca "${folder.path}": it is a folder`],
      [good, [ca("junk.pem")], "there is no certificate in PEM in --ca"],
      [good, [ca("ca.der")], "there is no certificate in PEM in --ca"],
      [
        good,
        [ca("ca.pem"), cert("localhost.pem"), key("junk.pem")],
        "there is no private key in PEM in --key",
      ],
      [
        good,
        [ca("ca.pem"), cert("localhost.pem"), key("elsewhere.key")],
        "perhaps --key is not the key of --cert",
      ],
    ];
    for (const [{ port }, args, why] of cases) {
      const address = `mqtts://localhost:${port}/t`;
      const { code, stderr } = await finish(pub(...args, address, "x"));
      assertEquals(code, 1);
      assertStringIncludes(stderr, why);
    }
    const trusted = pub(ca("ca.pem"), `mqtts://localhost:${good.port}/t`, "x");
    assertEquals((await finish(trusted)).code, 0);
  },
  [...withoutMosquitto, ...await missingOf(["openssl"])],
);

waiting.testWithout(
  withoutMosquitto,
  "pub and sub say which topic they have no permission for",
  async () => {
    await using folder = new Folder();
    const acl = folder.file("acl");
    const lines = [...OPEN, `acl_file ${acl}`];
    const prepare = () => Deno.writeTextFile(acl, "topic write in/#\n");
    await using broker = await Mosquitto.start(folder, lines, prepare);
    await using deaf = new FakeBroker((packet, send) => {
      if (packet.cmd !== "subscribe") return;
      const { messageId } = packet;
      send({ cmd: "suback", messageId: messageId!, granted: [0, 135] });
    });
    const cases: [Process, RegExp][] = [
      [
        pub("--qos=1", `${broker.url}/out`, "x"),
        /^pub: Cannot publish to \S+\/out: not authorised to publish there\n$/,
      ],
      [
        sub(`${deaf.url}/in`, `${deaf.url}/out/#`),
        /^sub: Cannot subscribe to \S+\/out\/#: the broker refuses it: not authorised[^\n]+\n$/,
      ],
    ];
    for (const [process, text] of cases) {
      const { code, stderr } = await finish(process);
      assertEquals(code, 1);
      assertMatch(stderr, text);
    }
  },
);

waiting.testWithout(
  withoutMosquitto,
  "pub --from with a shared subscription keeps the topics",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    await using to = await bus.sub("-v", "wh/#");
    const from = `${broker.url}/$share/bridges/site/#`;
    await using _bridge = bus.pub("--from", from, "wh");
    const received = await repeatUntil(
      () => finish(pub("--qos=1", `${broker.url}/site/a/temp`, "21")),
      to.line(),
    );
    assertEquals(received, "wh/a/temp\t21");
  },
);

waiting.test("sub refuses a filter that the broker does not take, and says why", async () => {
  const properties = {
    wildcardSubscriptionAvailable: false,
    sharedSubscriptionAvailable: false,
  };
  await using broker = new FakeBroker(() => {}, properties);
  const cases = [["t/#", "no wildcards"], ["$share/g/t", "no shared subscr"]];
  for (const [filter, why] of cases) {
    const { code, stderr } = await finish(sub(`${broker.url}/${filter}`));
    assertEquals(code, 1);
    assertStringIncludes(stderr, why!);
  }
});

waiting.test("pub speaks MQTT 3.1.1 to a broker that hangs up at MQTT 5", async () => {
  const topics: string[] = [];
  await using broker = new FakeBroker((packet, _send, close) => {
    if (packet.cmd === "connect" && packet.protocolVersion === 5) close();
    if (packet.cmd === "publish") topics.push(packet.topic);
  });
  const { code, stderr } = await finish(pub(`${broker.url}/t`, "x"));
  assertEquals([code, stderr, topics], [0, "", ["t"]]);
});
