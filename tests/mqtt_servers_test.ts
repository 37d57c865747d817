/**
 * Addresses that name several servers of one broker.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Publisher } from "../mod.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { missingOf } from "./harness/needs.ts";
import {
  eventually,
  finish,
  pub,
  repeatUntil,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A server that nobody has started. */
const DEAD = "127.0.0.1:1";

function hostOf({ url }: { url: string }): string {
  return url.replace("mqtt://", "");
}

/** A server that refuses each connection. */
function refusing(reasonCode: number): FakeBroker {
  return new FakeBroker((packet, send, close) => {
    if (packet.cmd !== "connect") return;
    send({ cmd: "connack", sessionPresent: false, reasonCode });
    close();
  });
}

/** A server that counts the messages that it gets. */
function counting(): { server: FakeBroker; topics: string[] } {
  const topics: string[] = [];
  const server = new FakeBroker((packet) => {
    if (packet.cmd === "publish") topics.push(packet.topic);
  });
  return { server, topics };
}

waiting.test("pub connects to the first server of a list that answers", async () => {
  const { server, topics } = counting();
  await using good = server;
  const { server: spare } = counting();
  await using other = spare;
  const list = `${DEAD},${hostOf(good)},${hostOf(other)}`;
  const { code, stderr } = await finish(pub(`mqtt://${list}/t`, "x"));
  assertEquals([code, stderr, topics], [0, "", ["t"]]);
  assertEquals(other.connections, 0);
});

waiting.test("pub does not give all of its --timeout to a server that is silent", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { server, topics } = counting();
  await using good = server;
  const list = `127.0.0.1:${silent.addr.port},${hostOf(good)}`;
  const args = ["--timeout=2", `mqtt://${list}/t`, "x"];
  const { code, stderr } = await finish(pub(...args));
  assertEquals([code, stderr, topics], [0, "", ["t"]]);
});

waiting.test("if no server of a list answers, the error says why each does not", async () => {
  await using busy = refusing(137);
  const list = `${DEAD},${hostOf(busy)}`;
  const refused = `Cannot connect to mqtt://${DEAD}: connection refused`;
  const why = `${refused}: nothing listens there; ` +
    `Cannot connect to mqtt://${hostOf(busy)}: it is busy`;
  const once = await finish(sub(`mqtt://ada:secret@${list}/t`));
  assertEquals([once.code, once.stderr], [1, `sub: ${why}\n`]);
  const args = ["--timeout=0.1", `mqtt://${list}/t`, "x"];
  const { code, stderr } = await finish(pub(...args));
  assertEquals(code, 124);
  // The busy server may not have answered in time.
  assertEquals(stderr.startsWith(`pub: ${refused}`), true, stderr);
  assertEquals(stderr.includes(hostOf(busy)), true, stderr);
  assertMatch(stderr, /, tried for 100 ms\n$/);
});

waiting.test("a server that does not accept the user ends the search", async () => {
  await using strict = refusing(135);
  await using other = refusing(137);
  const list = `${DEAD},${hostOf(strict)},${hostOf(other)}`;
  const args = ["--timeout=60", `mqtt://${list}/t`, "x"];
  const { code, stderr } = await finish(pub(...args));
  assertEquals(code, 1);
  assertMatch(stderr, /^pub: Cannot connect to mqtt:\S+: not authorised.*\n$/);
  assertEquals(stderr.includes(hostOf(strict)), true);
  assertEquals(other.connections, 0);
});

waiting.test("a server that sends its clients elsewhere is no end, if there are others", async () => {
  await using moved = refusing(157);
  const { server, topics } = counting();
  await using good = server;
  await using closing = new FakeBroker((packet, send, close) => {
    if (packet.cmd !== "subscribe") return;
    send({ cmd: "suback", messageId: packet.messageId!, granted: [0] });
    send({ cmd: "disconnect", reasonCode: 156 });
    close();
  });
  const to = pub(`mqtt://${hostOf(moved)},${hostOf(good)}/t`, "x");
  const { code, stderr } = await finish(to);
  assertEquals([code, stderr, topics], [0, "", ["t"]]);
  await using left = sub(`mqtt://${hostOf(closing)},${hostOf(good)}/t`);
  await left.said(/lost the connection to \S+ \(use another server for now\)/);
  await left.said(new RegExp(`connected to mqtt://${hostOf(good)} again`));
});

/** A server that can end its connections. */
function mortal(): { server: FakeBroker; ends: (() => void)[] } {
  const ends: (() => void)[] = [];
  const server = new FakeBroker(({ cmd, messageId }, send, close) => {
    if (cmd !== "subscribe" && cmd !== "publish") return;
    if (cmd === "subscribe") {
      send({ cmd: "suback", messageId: messageId!, granted: [1] });
    } else send({ cmd: "puback", messageId: messageId!, reasonCode: 0 });
    ends.push(close);
  });
  return { server, ends };
}

waiting.test("on a loss, pub and sub go on to the next server, and name both", async () => {
  const { server, ends } = mortal();
  await using first = server;
  const { server: spare, ends: later } = mortal();
  await using second = spare;
  const list = `${hostOf(first)},${DEAD},${hostOf(second)}`;
  await using to = sub("--qos=1", `mqtt://${list}/t`);
  await eventually(() => ends.length === 1);
  await using from = pub("-l", "--qos=1", `mqtt://${list}/t`);
  await from.write("before\n");
  await eventually(() => ends.length === 2);
  for (const end of ends) end();
  for (const client of [to, from]) {
    await client.said(
      new RegExp(`lost the connection to mqtt://${hostOf(first)};`),
    );
    await client.said(
      new RegExp(`connected to mqtt://${hostOf(second)} again`),
    );
  }
  await from.write("after\n");
  // Both have subscribed and published there.
  await eventually(() => later.length === 2);
});

waiting.test("Publisher tells in onConnection which server it lost, and which it has", async () => {
  const { server, ends } = mortal();
  await using first = server;
  const { server: spare, ends: later } = mortal();
  await using second = spare;
  const changes: string[] = [];
  const address = `${first.url},${hostOf(second)}/t`;
  await using publisher = await Publisher.open(address, {
    mqtt: { qos: 1, onConnection: ({ broker }) => changes.push(broker) },
  });
  await publisher.publish("before");
  ends[0]!();
  await eventually(() => changes.length === 2);
  await publisher.publish("after");
  assertEquals(later.length, 1);
  assertEquals(changes, [first.url, second.url]);
});

waiting.testWithout(
  withoutMosquitto,
  "bridges in opposite directions may name the servers in any order",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    const host = hostOf(broker);
    await using local = await bus.sub("a/#");
    await using remote = sub("-v", `${broker.url}/#`);
    const marked = `mqtt://${host},${DEAD}/site`;
    await using _to = bus.pub("--from=a/#", "--qos=1", marked);
    const back = `mqtt://${DEAD},${host}/site/#`;
    await using _from = bus.pub(`--from=${back}`, "--qos=1", "a");
    await repeatUntil(
      () => finish(pub("--qos=1", `${broker.url}/site/in`, "in")),
      local.until("in\n"),
    );
    await repeatUntil(
      () => finish(bus.pub("a/out", "out")),
      remote.until("site/out\tout\n"),
    );
    // What came in does not go out again, nor does it come back.
    for (const text of ["1", "2"]) {
      await finish(pub("--qos=1", `${broker.url}/site/once`, text));
    }
    await local.until("2\n");
    await finish(bus.pub("a/last", "last"));
    const seen = await remote.until("site/last\tlast\n");
    assertEquals([...seen.matchAll(/^site\/once\t/gm)].length, 2, seen);
  },
);

waiting.testWithout(
  [...withoutMosquitto, ...await missingOf(["openssl"])],
  "mqtts: the certificate of each server is for its own host",
  async () => {
    await using folder = new Folder();
    const make = `cd "$0" && key() {
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $1.key
      }
      key ca && openssl req -x509 -key ca.key -days 2 -subj /CN=ours -out ca.pem &&
      for name in DNS:localhost IP:127.0.0.1; do
        key $name && openssl req -new -key $name.key -subj /CN=x -out $name.csr &&
        printf "subjectAltName=$name\\n" > ext &&
        openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -days 2 \
          -CAcreateserial -extfile ext -out $name.pem || exit 1
      done; chmod 644 *.key; chmod 755 .`;
    const made = await finish(sh(make, folder.path));
    assertEquals(made.code, 0, made.stderr);
    const start = (name: string) =>
      Mosquitto.start(folder, [
        "listener {port} 127.0.0.1",
        "allow_anonymous true",
        `certfile ${folder.file(`${name}.pem`)}`,
        `keyfile ${folder.file(`${name}.key`)}`,
      ]);
    await using named = await start("DNS:localhost");
    await using numbered = await start("IP:127.0.0.1");
    const ca = `--ca=${folder.file("ca.pem")}`;
    const hosts = [`localhost:${named.port}`, `127.0.0.1:${numbered.port}`];
    await using client = sub(ca, "--qos=1", `mqtts://${hosts}/t`);
    const publish = (host: string) =>
      finish(pub(ca, "--qos=1", `mqtts://${host}/t`, host));
    for (const [i, broker] of [named, numbered].entries()) {
      await repeatUntil(
        () => publish(hosts[i]!),
        client.until(`${hosts[i]}\n`),
      );
      await broker.kill();
    }
    await numbered.restart();
    await client.said(new RegExp(`connected to mqtts://${hosts[1]} again`));
  },
);
