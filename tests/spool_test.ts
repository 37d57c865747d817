/**
 * Files of messages that wait for a broker: `pub --spool`.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Spool } from "../lib/cli/pub/spool.ts";
import { FakeBroker } from "./harness/fake_broker.ts";
import { Folder } from "./harness/folder.ts";
import { freePort, Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import {
  commandLine,
  eventually,
  finish,
  Process,
  pub,
  quoted,
  repeatUntil,
  TestBus,
} from "./harness/process.ts";
import { Random } from "./harness/random.ts";
import * as waiting from "./harness/waiting.ts";

const encoder = new TextEncoder();

/** Opens a spool, and collects what it says. */
async function open(path: string, said: string[] = [], maxBytes = 1e6) {
  return await Spool.open({ path, maxBytes }, (text) => said.push(text));
}

function add(spool: Spool, text: string, topic = "t"): void {
  spool.add({ topic, bytes: encoder.encode(text), retained: false });
}

/** The texts of all messages that can be taken out. */
function takeAll(spool: Spool): string[] {
  const texts: string[] = [];
  for (let taken; (taken = spool.take()).length > 0;) {
    for (const { message } of taken) {
      texts.push(message ? new TextDecoder().decode(message.bytes) : "?");
    }
  }
  return texts;
}

/** The lines of messages in a spool. */
function lines(path: string): number {
  try {
    return Deno.readTextFileSync(path).split("\n").length - 2;
  } catch {
    return 0;
  }
}

waiting.test("a spool keeps any message, in order, until it is settled", async () => {
  await using folder = new Folder();
  const path = folder.file("spool");
  const messages = [
    ["a\tb\nc", ""],
    ["ü", "\ufefftwo\nlines\0, a tab\t and \u2028"],
    ["bytes", "\xff\x00\x80"],
    ["large", "x".repeat(1_000_000)],
    ["\ufeff", "last"],
  ].map(([topic, text]) => ({
    topic: topic!,
    bytes: topic === "bytes"
      ? Uint8Array.from(text!, (it) => it.charCodeAt(0))
      : encoder.encode(text),
    retained: topic === "large",
  }));
  {
    using spool = await open(path);
    for (const message of messages) spool.add(message);
  }
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  const said: string[] = [];
  {
    using spool = await open(path, said);
    assertEquals(spool.count, 5);
    const taken = [];
    while (taken.length < 5) taken.push(...spool.take());
    assertEquals(taken.map(({ message }) => message), messages);
    assertEquals(spool.take(), []);
    // An answer of the broker may come before that to an earlier message.
    for (const i of [1, 0, 3]) spool.settle(taken[i]!);
  }
  assertEquals(said, [`5 messages of an earlier run in "${path}"`]);
  {
    using spool = await open(path);
    const taken = [];
    while (taken.length < 3) taken.push(...spool.take());
    assertEquals(taken.map(({ message }) => message), messages.slice(2));
    for (const it of taken) spool.settle(it);
  }
  assertEquals(Deno.statSync(path).size, 64);
});

waiting.test("a spool is not longer than twice what waits in it, however many messages pass", async () => {
  await using folder = new Folder();
  const path = folder.file("spool");
  const random = new Random(7);
  const waiting: string[] = [];
  let number = 0;
  let longest = 0;
  const passed: string[] = [];
  for (let run = 0; run < 5; run++) {
    using spool = await open(path, [], 200_000);
    const taken = [];
    while (number < 2000 * (run + 1)) {
      while (!spool.isFull && random.below(10) > 0) {
        const text = `${number++} ${"x".repeat(random.below(500))}`;
        add(spool, text);
        waiting.push(text);
      }
      taken.push(...spool.take());
      // It is never empty, when it would begin anew.
      const count = Math.max(0, Math.min(random.below(40), taken.length - 1));
      for (const it of taken.splice(0, count)) {
        passed.push(new TextDecoder().decode(it.message!.bytes));
        spool.settle(it);
      }
      longest = Math.max(longest, Deno.statSync(path).size);
    }
    // What is taken and not settled is there in the next run.
  }
  assert(longest < 2 * 201_000, `${longest}`);
  using spool = await open(path);
  assertEquals([...passed, ...takeAll(spool)], waiting);
});

waiting.test("a spool that a killed process left within a message, or while it was cut, is whole again", async () => {
  await using folder = new Folder();
  const path = folder.file("spool");
  const said: string[] = [];
  {
    using spool = await open(path);
    for (const text of ["one", "two"]) add(spool, text);
  }
  const whole = Deno.readTextFileSync(path);
  const torn: [content: string, texts: string[], say: number][] = [
    [whole + '{"topic":"t","message":"thr', ["one", "two"], 2],
    [whole + "garbage\n\0\0\n", ["one", "two", "?", "?"], 1],
    // The last write said where to cut, and the cut is missing.
    [
      whole.replace(/"cut": *0/, (it) => {
        const end = whole.indexOf('{"topic"', 65);
        return `"cut":${String(end).padStart(it.length - 6)}`;
      }),
      ["one"],
      1,
    ],
    // The file was cut, and the first line is of the time before.
    [whole.slice(0, 64).replace(/ 64/, "999"), [], 0],
    ["", [], 0],
  ];
  for (const [content, texts, say] of torn) {
    said.length = 0;
    Deno.writeTextFileSync(path, content);
    using spool = await open(path, said);
    assertEquals(takeAll(spool), texts);
    add(spool, "new");
    assertEquals(takeAll(spool), ["new"]);
    assertEquals(said.length, say, said.join("\n"));
  }
});

waiting.test("pub --spool refuses a file that is not a spool of its own, and leaves it alone", async () => {
  await using folder = new Folder();
  const path = folder.file("file");
  const cases: [make: () => void | Promise<unknown>, reason: RegExp][] = [
    [() => Deno.writeTextFileSync(path, "precious\n"), /is not a spool/],
    [() => Deno.writeTextFileSync(path, "x".repeat(99)), /is not a spool/],
    [() => Deno.symlinkSync("/nonexistent", path), /it is a symbolic link/],
    [() => Deno.mkdirSync(path), /it is a folder/],
    [() => folder.fifo("file"), /it is a/],
  ];
  for (const [make, reason] of cases) {
    await make();
    const before = Deno.lstatSync(path);
    const ended = await finish(
      pub("--qos=1", "--spool", path, "mqtt://127.0.0.1:1/t", "x"),
    );
    assertEquals(ended.code, 1);
    assertMatch(ended.stderr, reason);
    assertMatch(ended.stderr, /^pub: Cannot use "[^\n]*" as a spool: .*\n$/);
    assertEquals(Deno.lstatSync(path).size, before.size);
    await Deno.remove(path);
  }
  {
    using _spool = await open(path);
    const second = await finish(
      pub("--qos=1", "--spool", path, "mqtt://127.0.0.1:1/t", "x"),
    );
    assertEquals(second.code, 1);
    assertMatch(second.stderr, /: another pub uses it\n$/);
  }
  const refused = await finish(
    pub("--spool", path, "mqtt://127.0.0.1:1/t", "x"),
  );
  assertEquals(refused.code, 2);
  assertMatch(refused.stderr, /--spool needs --qos 1 or 2/);
});

/** A broker that notes what it gets, and acknowledges it at QoS 1. */
function noting(
  got: [topic: string, text: string, retain: boolean][],
  port?: number,
): FakeBroker {
  return new FakeBroker(
    (packet, send) => {
      if (packet.cmd !== "publish") return;
      got.push([packet.topic, `${packet.payload}`, packet.retain]);
      send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    },
    {},
    port,
  );
}

waiting.test("a message that pub --spool could not send is sent by the next run, before its own", async () => {
  await using folder = new Folder();
  const port = freePort();
  const args = ["--qos=1", "--spool", folder.file("s")];
  const address = `mqtt://127.0.0.1:${port}/a`;
  const failed = await finish(pub(...args, "--retain", address, "one"));
  assertEquals(failed.code, 1);
  assertMatch(failed.stderr, /pub: 1 message left in ".*"\n/);
  assertMatch(failed.stderr, /pub: Cannot connect to .*\n$/);
  const got: [string, string, boolean][] = [];
  await using _broker = noting(got, port);
  const sent = await finish(pub(...args, `${address}/b`, "two"));
  assertEquals(sent.code, 0);
  assertEquals(got, [["a", "one", true], ["a/b", "two", false]]);
  assertEquals(lines(folder.file("s")), 0);
});

waiting.test("a spool keeps the properties of messages, and drops what has expired", async () => {
  await using folder = new Folder();
  const path = folder.file("spool");
  const away = `mqtt://127.0.0.1:${freePort()}/t`;
  const how = ["--qos=1", "--spool", path];
  const about = ["--property=a=1", "--content-type=text/x", "--expiry=1000"];
  await finish(pub(...how, ...about, away, "one"));
  {
    using spool = await open(path);
    const bytes = encoder.encode("old");
    const properties = { expires: Date.now() };
    spool.add({ topic: "t", bytes, retained: false, properties });
  }
  const got: unknown[] = [];
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd !== "publish") return;
    const { payload, properties } = packet;
    got.push([`${payload}`, { ...properties?.userProperties }]);
    got.push(properties?.contentType);
    send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    const { messageExpiryInterval: left = 1000 } = properties ?? {};
    assert(left > 900 && left <= 1000, `${left}`);
  });
  const last = await finish(pub(...how, `${broker.url}/t`, "two"));
  assertEquals(last.code, 0);
  assertEquals(got, [["one", { a: "1" }], "text/x", ["two", {}], undefined]);
  assertEquals(lines(path), 0);
});

waiting.test("pub -l --spool takes lines while the broker is away, and a later run sends them", async () => {
  await using folder = new Folder();
  const port = freePort();
  const path = folder.file("s");
  const address = `mqtt://127.0.0.1:${port}/a`;
  const args = ["--qos=1", "--spool", path, "--keyed", address];
  {
    await using lost = pub(...args);
    await lost.write("b\tone\nc/d\ttwo\n");
    await eventually(() => lines(path) === 2);
    lost.kill("SIGKILL");
    await lost.ended();
  }
  const got: [string, string, boolean][] = [];
  await using waiting = pub(...args);
  await waiting.write("e\tthree\n");
  await eventually(() => lines(path) === 3);
  await using _broker = noting(got, port);
  await waiting.end();
  const { code, stderr } = await waiting.ended();
  assertEquals([code, stderr], [
    0,
    `pub: 2 messages of an earlier run in "${path}"\n`,
  ]);
  const plain = got.map(([topic, text]) => `${topic} ${text}`);
  assertEquals(plain, ["a/b one", "a/c/d two", "a/e three"]);
});

waiting.test("a message that the broker refuses does not stay in a spool, and pub fails", async () => {
  await using folder = new Folder();
  const path = folder.file("s");
  const got: string[] = [];
  await using broker = new FakeBroker((packet, send) => {
    if (packet.cmd !== "publish") return;
    const isBad = `${packet.payload}` === "bad";
    if (!isBad) got.push(`${packet.payload}`);
    const reasonCode = isBad ? 135 : 0;
    send({ cmd: "puback", messageId: packet.messageId!, reasonCode });
  });
  await using publisher = pub(
    ...["--qos=1", "--spool", path, `${broker.url}/a`],
  );
  await publisher.write("one\nbad\nbad\nbad\ntwo\n");
  await publisher.end();
  const { code, stderr } = await publisher.ended();
  assertEquals([code, got], [1, ["one", "two"]]);
  assertMatch(
    stderr,
    /^pub: 1 message not passed on: Cannot publish to .*\/a: not authorised.*\npub: 2 more messages not passed on, like the first: .*\npub: 3 messages refused\n$/,
  );
  assertEquals(lines(path), 0);
});

waiting.test("a message that was on its way when pub was killed is sent again, also at QoS 2", async () => {
  await using folder = new Folder();
  const args = ["--qos=2", "--spool", folder.file("s")];
  const got: string[] = [];
  let isSilent = true;
  await using broker = new FakeBroker((packet, send) => {
    const { messageId } = packet as { messageId: number };
    if (packet.cmd === "publish") {
      got.push(`${packet.payload}`);
      send({ cmd: "pubrec", messageId, reasonCode: 0 });
    }
    if (packet.cmd !== "pubrel" || isSilent) return;
    send({ cmd: "pubcomp", messageId, reasonCode: 0 });
  });
  {
    await using killed = pub(...args, `${broker.url}/a`, "one");
    await eventually(() => got.length === 1);
    killed.kill("SIGKILL");
    await killed.ended();
  }
  isSilent = false;
  assertEquals((await finish(pub(...args, `${broker.url}/a`, "two"))).code, 0);
  assertEquals(got, ["one", "one", "two"]);
});

waiting.test("a disk without room makes pub --spool keep messages in memory, in order", async () => {
  await using folder = new Folder();
  const port = freePort();
  const path = folder.file("s");
  const long = "x".repeat(900);
  // A file can have 4 blocks of 512 bytes.
  await using limited = new Process([
    "sh",
    "-c",
    `ulimit -f 4; trap "" XFSZ; exec ${
      quoted(
        commandLine(
          ...["pub", "-l", "--qos=1", "--spool", path] as const,
          `mqtt://127.0.0.1:${port}/a`,
        ),
      )
    }`,
  ]);
  await limited.write(`1${long}\n2${long}\n3${long}\n4${long}\n5\n`);
  await limited.said(/Cannot write to ".*": .*; new messages wait in memory\n/);
  const got: [string, string, boolean][] = [];
  await using _broker = noting(got, port);
  await limited.end();
  assertEquals((await limited.ended()).code, 0);
  assertEquals(got.map(([, text]) => text[0]), ["1", "2", "3", "4", "5"]);
  assertEquals(lines(path), 0);
});

waiting.testWithout(
  withoutMosquitto,
  "what waits for a broker in the spool of a bridge survives kill -9, and arrives in order",
  async () => {
    await using bus = new TestBus();
    await using broker = await Mosquitto.start(bus);
    const path = bus.file("s");
    const args = [
      ...["--from", "a/#", "--qos=1", "--spool", path, `${broker.url}/x`],
    ];
    await broker.kill();
    for (const texts of [["1", "2"], ["3"]]) {
      const before = lines(path);
      await using bridge = bus.pub(...args);
      const isThere = (name: string) => name.includes(`@${bridge.pid}-`);
      await eventually(() => bus.names().some(isThere));
      for (const text of texts) await finish(bus.pub("a/n", text));
      await eventually(() => lines(path) === before + texts.length);
      await bridge.said(/trying to connect to mqtt:/);
      bridge.kill("SIGKILL");
      await bridge.ended();
    }
    await broker.restart();
    await using theirs = broker.client("sub", "-v", "-t", "#");
    await repeatUntil(
      () => finish(broker.client("pub", "-t", "ready", "-m", "y")),
      theirs.until("ready y\n"),
    );
    await using bridge = bus.pub(...args);
    const received = await repeatUntil(
      () => finish(bus.pub("a/end", "y")),
      theirs.until("x/end y\n"),
    );
    const texts = received.matchAll(/^x\/n (.*)$/gm).map(([, it]) => it);
    assertEquals([...texts], ["1", "2", "3"]);
    bridge.kill("SIGTERM");
    const { code, stderr } = await bridge.ended();
    assertEquals(code, 143);
    assertMatch(stderr, /^pub: 3 messages of an earlier run in ".*"\n/);
    assert(!stderr.includes("left"), stderr);
    assertEquals(lines(path), 0);
  },
);

// The end of the input began a wait for the broker that nothing could end.
waiting.test("a signal ends pub --spool though its input has ended and its broker is away", async () => {
  await using folder = new Folder();
  const path = folder.file("spool");
  const address = `mqtt://127.0.0.1:${freePort()}/a`;
  await using publisher = pub("-l", "--qos=1", "--spool", path, address);
  await publisher.write("1\n2\n");
  await publisher.end();
  await eventually(() => lines(path) === 2);
  publisher.kill("SIGTERM");
  const { code, stderr } = await publisher.ended();
  assertEquals(code, 143);
  assert(stderr.includes(`pub: 2 messages left in "${path}"\n`), stderr);
});

for (const [seed, qos] of [[1, "1"], [2, "1"], [3, "2"]] as const) {
  waiting.testWithout(
    withoutMosquitto,
    `kill -9 of a bridge with a spool in mid-stream loses nothing at QoS ${qos}, seed ${seed}`,
    async () => {
      const random = new Random(seed);
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder);
      const { url } = broker;
      const bridge = () =>
        pub(
          ...["--persistent", "--client-id=bridge", `--qos=${qos}`],
          ...["--spool", folder.file("s"), "--from", `${url}/in/#`],
          `${url}/out`,
        );
      // Both have sessions before the first message.
      const session = ["-i", "me", "-c", "-q", qos, "-t", "out/#"];
      await finish(broker.client("sub", ...session, "-E"));
      const first = bridge();
      await using theirs = broker.client("sub", ...session);
      await repeatUntil(
        () => finish(broker.client("pub", "-t", "in/n", "-m", "ready")),
        theirs.until("ready\n"),
      );
      const COUNT = 1000;
      const expected = Array.from({ length: COUNT }, (_, i) => `${i}.`);
      await using publisher = pub(
        ...["-l", "--qos=1", "--rate=1500", `${url}/in/n`],
      );
      const written = publisher.write(expected.join("\n") + "\n")
        .then(() => publisher.end());
      let received = "";
      let running = first;
      for (const part of [1, 2, 3]) {
        const at = part * COUNT / 4 + random.below(COUNT / 8);
        received += await theirs.until(`${at}.\n`);
        running.kill("SIGKILL");
        await running[Symbol.asyncDispose]();
        running = bridge();
      }
      await written;
      received += await theirs.until(`${COUNT - 1}.\n`);
      await running[Symbol.asyncDispose]();
      const numbers = received.split("\n").filter((it) => it.endsWith("."));
      assertEquals([...new Set(numbers)], expected);
    },
  );
}
