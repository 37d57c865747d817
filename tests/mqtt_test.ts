/**
 * Both programs at a real broker, with mosquitto's own clients on the other
 * side.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { Publisher, request, Subscriber } from "../mod.ts";
import { Folder } from "./harness/folder.ts";
import { freePort, Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { isThere } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  Process,
  pub,
  repeatUntil,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

function mqttTest(name: string, test: () => Promise<void>): void {
  waiting.testWithout(withoutMosquitto, name, test);
}

/** The configuration of a broker that keeps sessions when it is killed. */
function persistent(folder: Folder): string[] {
  return [
    "listener {port} 127.0.0.1",
    "allow_anonymous true",
    "persistence true",
    `persistence_location ${folder.path}/`,
    "autosave_interval 1",
    "autosave_on_changes true",
  ];
}

/** A subscriber of ours at a broker, once it is there. */
async function subscribed(
  broker: Mosquitto,
  ...args: string[]
): Promise<Process> {
  const ready = `ready/${crypto.randomUUID()}`;
  const process = sub(...args, "--format=%t %p", `${broker.url}/${ready}`);
  await finish(broker.client("pub", "-r", "-t", ready, "-m", "."));
  await process.until(`${ready} .\n`);
  return process;
}

mqttTest("pub and sub speak to mosquitto's clients, at each QoS", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  for (const qos of ["0", "1", "2"]) {
    await using ours = await subscribed(
      broker,
      `--qos=${qos}`,
      `${broker.url}/warehouse/+/t`,
    );
    await using theirs = broker.client("sub", "-v", "-q", qos, "-t", "#", "-R");
    await finish(
      broker.client("pub", "-q", qos, "-t", "warehouse/a1/t", "-m", "21.5 °C"),
    );
    assertEquals(await ours.line(), "warehouse/a1/t 21.5 °C");
    const sent = await finish(
      pub(`--qos=${qos}`, `${broker.url}/warehouse/a2/t`, "19.8"),
    );
    assertEquals([sent.code, sent.stderr], [0, ""]);
    assertEquals(await ours.line(), "warehouse/a2/t 19.8");
    await theirs.until("warehouse/a2/t 19.8\n");
  }
});

mqttTest("WebSockets take messages both ways", async () => {
  await using folder = new Folder();
  const port = freePort();
  await using _broker = await Mosquitto.start(folder, [
    // The harness connects here, to see that the broker is ready.
    "listener {port} 127.0.0.1",
    `listener ${port} 127.0.0.1`,
    "protocol websockets",
    "allow_anonymous true",
  ]);
  const address = `ws://127.0.0.1:${port}/kept`;
  await finish(pub("--retain", "--qos=1", address, "21.5 °C"));
  const { stdout } = await finish(sub("-C1", "-v", address));
  assertEquals(stdout, "kept\t21.5 °C\n");
});

mqttTest("retained messages are kept by the broker, and cleared", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  const address = `${broker.url}/kept`;
  await finish(pub("--retain", "--qos=1", address, "last value"));
  const shown = broker.client("sub", "-C", "1", "-t", "kept");
  assertEquals((await finish(shown)).stdout, "last value\n");
  for (const args of [["-C1"], ["--retained-only"], ["--json", "-C1"]]) {
    const { code, stdout } = await finish(sub(...args, `${broker.url}/#`));
    assertEquals(code, 0);
    assertStringIncludes(stdout, "last value");
  }
  const none = await finish(sub("-R", "-W1", `${broker.url}/#`));
  assertEquals([none.code, none.stdout], [124, ""]);
  await finish(pub("--retain", "-n", address));
  const cleared = await finish(sub("--retained-only", `${broker.url}/#`));
  assertEquals([cleared.code, cleared.stdout], [0, ""]);
});

mqttTest("lines with topics go out under a prefix, and come back", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  await using ours = await subscribed(broker, `${broker.url}/site1/#`);
  await using keyed = pub("-l", "--keyed", `${broker.url}/site1`);
  await keyed.write("a/b\tone\nc\ttwo\n");
  await keyed.end();
  assertEquals((await keyed.ended()).code, 0);
  assertEquals(await ours.line(), "site1/a/b one");
  assertEquals(await ours.line(), "site1/c two");
});

mqttTest("requests are answered over MQTT 5", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  const address = `${broker.url}/double`;
  const nobody = await finish(pub("--reply", address, "21"));
  assertEquals(nobody.code, 3);
  assertMatch(nobody.stderr, /^pub: Cannot ask .*: nobody subscribes to it\n$/);
  const command = 'read n; echo "$((2 * n))"';
  await using _ours = sub("--exec", command, "--respond", address);
  await eventually(async () => {
    const { code, stdout } = await finish(pub("--reply", address, "21"));
    return code === 0 && stdout === "42\n";
  });
  assertEquals((await request(address, "4")).text, "8");
  // Any MQTT 5 client can ask as well.
  const asked = await finish(
    new Process([
      "mosquitto_rr",
      ...broker.address,
      ...["-t", "double", "-e", "answers", "-m", "5"],
    ]),
  );
  assertEquals(asked.stdout, "10\n");
});

mqttTest("the library publishes and receives bytes of any kind", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  const mqtt = { qos: 2 as const };
  const filters = [`${broker.url}/a/#`, `${broker.url}/b`];
  await using subscriber = await Subscriber.open(filters, { mqtt });
  await using publisher = await Publisher.open(`${broker.url}/a/x`, { mqtt });
  const sent = ["two\nlines\0and a NUL", "", "x".repeat(500_000)];
  for (const text of sent) await publisher.publish(text);
  await publisher.publish("elsewhere", { topic: "b" });
  const received: [string, string][] = [];
  for await (const { topic, text } of subscriber) {
    received.push([topic, text]);
    if (topic === "b") break;
  }
  const expected = sent.map((text) => ["a/x", text] as [string, string]);
  assertEquals(received, [...expected, ["b", "elsewhere"]]);
});

mqttTest(
  "a Subscriber that is not read holds up the broker, and does not fill memory",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    const mqtt = { qos: 1 as const };
    await using subscriber = await Subscriber.open(`${broker.url}/t`, { mqtt });
    await using publisher = await Publisher.open(`${broker.url}/t`, { mqtt });
    const COUNT = 5000;
    const sent = Array.from(
      { length: COUNT },
      (_, i) => publisher.publish(String(i)),
    );
    await Promise.all(sent);
    let next = 0;
    for await (const { text } of subscriber) {
      assertEquals(text, String(next++));
      if (next === COUNT) break;
    }
  },
);

mqttTest(
  "an error is one line, without the password",
  async () => {
    await using folder = new Folder();
    const file = folder.file("passwords");
    await using broker = await Mosquitto.start(folder, [
      "listener {port} 127.0.0.1",
      `password_file ${file}`,
    ], async () => {
      const args = ["-b", "-c", file, "ada", "s3cret"];
      await new Deno.Command("mosquitto_passwd", { args }).output();
      await Deno.chmod(file, 0o644);
    });
    const { port } = broker;
    const host = `127.0.0.1:${port}`;
    const cases: [args: string[], code: number, text: RegExp][] = [
      [[`mqtt://127.0.0.1:1/a`, "x"], 1, /connection refused/],
      [["mqtt://nosuch.invalid/a", "x"], 1, /there is no such host/],
      [[`mqtt://${host}/a`, "x"], 1, /not authorised/],
      [[`mqtt://ada:wr0ng@${host}/a`, "x"], 1, /not authorised|are wrong/],
      [["--timeout=0.2", "mqtt://127.0.0.1:1/a", "x"], 124, /tried for 200 ms/],
      [["--ca=/nosuch", `mqtts://${host}/a`, "x"], 1, /Cannot read --ca/],
    ];
    for (const [args, code, text] of cases) {
      const ended = await finish(pub(...args));
      assertEquals(ended.code, code, ended.stderr);
      assertMatch(ended.stderr, /^pub: [^\n]+\n$/);
      assertMatch(ended.stderr, text);
      assert(!/s3cret|wr0ng/.test(ended.stderr), ended.stderr);
    }
    const secret = folder.file("secret");
    await Deno.writeTextFile(secret, "s3cret\n");
    const right = [
      pub(`mqtt://ada:s3cret@${host}/a`, "x"),
      pub("--user=ada", `--password-file=${secret}`, `mqtt://${host}/a`, "x"),
      new Process(commandLine("pub", `mqtt://${host}/a`, "x"), {
        FIFOBUS_MQTT_USER: "ada",
        FIFOBUS_MQTT_PASSWORD: "s3cret",
      }),
    ];
    for (const process of right) {
      const { code, stderr } = await finish(process);
      assertEquals([code, stderr], [0, ""]);
    }
  },
);

waiting.testWithout(
  [
    ...withoutMosquitto,
    ...await isThere("openssl", "version") ? [] : ["openssl"],
  ],
  "TLS: a certificate is checked, ours is shown, and --insecure takes any",
  async () => {
    await using folder = new Folder();
    const make = `cd "$0" && openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
        -subj /CN=ours -keyout ca.key -out ca.pem 2>/dev/null &&
      for who in localhost client; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" \
          -keyout $who.key -out $who.csr 2>/dev/null &&
        printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' > ext &&
        openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -days 2 \
          -CAcreateserial -extfile ext -out $who.pem 2>/dev/null || exit 1
      done; chmod 644 *.key; chmod 755 .`;
    const made = await finish(new Process(["sh", "-c", make, folder.path]));
    assertEquals(made.code, 0, made.stderr);
    const file = (name: string) => folder.file(name);
    await using broker = await Mosquitto.start(folder, [
      "listener {port} 127.0.0.1",
      "allow_anonymous true",
      `cafile ${file("ca.pem")}`,
      `certfile ${file("localhost.pem")}`,
      `keyfile ${file("localhost.key")}`,
      "require_certificate true",
    ]);
    const address = `mqtts://localhost:${broker.port}/a`;
    const ours = [
      `--cert=${file("client.pem")}`,
      `--key=${file("client.key")}`,
    ];
    const trusted = [`--ca=${file("ca.pem")}`, ...ours];
    await using received = sub(
      ...trusted,
      "-C1",
      "--timeout=60",
      address,
    );
    const { stdout } = await repeatUntil(async () => {
      const { code, stderr } = await finish(pub(...trusted, address, "safe"));
      assertEquals([code, stderr], [0, ""]);
    }, received.ended());
    assertEquals(stdout, "safe\n");
    const doubtful = await finish(pub(...ours, address, "x"));
    assertEquals(doubtful.code, 1);
    assertMatch(doubtful.stderr, /certificate is not trusted: (see )?--ca/);
    const unknown = await finish(pub(trusted[0]!, address, "x"));
    assertEquals(unknown.code, 1);
    assertMatch(
      unknown.stderr,
      /it wants a certificate: --cert and --key|see --ca and --cert/,
    );
    const any = await finish(pub("--insecure", ...ours, address, "x"));
    assertEquals([any.code, any.stderr], [0, ""]);
    const plain = await finish(pub(address.replace("mqtts", "mqtt"), "x"));
    assertEquals(plain.code, 1);
  },
);

mqttTest("a will is published when a subscriber is killed", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  await using mourner = await subscribed(broker, `${broker.url}/gone`);
  {
    await using doomed = await subscribed(
      broker,
      ...["--will-topic=gone", "--will-message=sensor 1", `${broker.url}/x`],
    );
    doomed.kill("SIGKILL");
  }
  assertEquals(await mourner.line(), "gone sensor 1");
});

mqttTest(
  "the will of a subscriber that leaves a stream is not published",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder);
    await using wills = await Subscriber.open(`${broker.url}/will`);
    const many = ["-m", "a message", "--repeat", "100000000"];
    await using _stream = broker.client(
      "pub",
      "-t",
      "stream",
      "-q",
      "1",
      ...many,
    );
    const will = { topic: "will", message: "dead" };
    for (let i = 0; i < 10; i++) {
      await using subscriber = await Subscriber.open(`${broker.url}/stream`, {
        mqtt: { qos: 1, will },
      });
      let left = 200;
      for await (const _ of subscriber) if (--left === 0) break;
    }
    await finish(pub(`${broker.url}/will`, "none"));
    assertEquals((await wills.read(1))![0]!.text, "none");
  },
);

mqttTest("a persistent session gets what was published meanwhile", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  const args = ["--persistent", "--client-id=me", "--qos=1", `${broker.url}/t`];
  {
    await using first = await subscribed(broker, ...args);
    first.kill("SIGTERM");
    await first.ended();
  }
  for (const text of ["one", "two", "three"]) {
    await finish(pub("--qos=1", `${broker.url}/t`, text));
  }
  // The next run gets the messages that this run does not take.
  for (const text of ["one", "two", "three"]) {
    assertEquals((await finish(sub("-C1", ...args))).stdout, `${text}\n`);
  }
  const nothing = await finish(sub("-W1", ...args));
  assertEquals([nothing.code, nothing.stdout], [124, ""]);
});

mqttTest(
  "QoS 1: nothing is lost when the broker is restarted in mid-stream",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder, persistent(folder));
    const COUNT = 3000;
    await using subscriber = await subscribed(
      broker,
      ...["--qos=1", "--client-id=s", "--persistent", `${broker.url}/t`],
    );
    await using publisher = pub(
      "-l",
      "--qos=1",
      "--rate=2000",
      `${broker.url}/t`,
    );
    const lines = Array.from({ length: COUNT }, (_, i) => `${i}\n`);
    const written = publisher.write(lines.join("")).then(() => publisher.end());
    await subscriber.until("t 500\n");
    // A killed broker may lose messages that it has acknowledged.
    await broker.restart("SIGTERM");
    await written;
    const seen = new Set<number>(Array.from({ length: 501 }, (_, i) => i));
    let duplicates = 0;
    while (!seen.has(COUNT - 1)) {
      const number = Number((await subscriber.line()).split(" ")[1]);
      if (seen.has(number)) duplicates++;
      seen.add(number);
    }
    assertEquals(seen.size, COUNT, `${duplicates} duplicates`);
    const { code, stderr } = await publisher.ended();
    assertEquals(code, 0);
    assertMatch(stderr, /lost the connection to mqtt:\S+; trying again\n/);
    assertMatch(stderr, /connected to mqtt:\S+ again\n/);
  },
);

mqttTest(
  "QoS 2: a bridge loses and doubles nothing when the broker is restarted",
  async () => {
    await using folder = new Folder();
    const log = folder.file("log");
    await using broker = await Mosquitto.start(folder, [
      ...persistent(folder),
      `log_dest file ${log}`,
      "log_type debug",
    ]);
    await using bus = new TestBus();
    await using bridge = bus.pub("--from=a/#", "--qos=2", `${broker.url}/x`);
    await eventually(() => bus.names().length > 0);
    const session = ["-i", "me", "-c", "-q", "2", "-t", "x/#"];
    await finish(broker.client("sub", ...session, "-E"));
    await using theirs = broker.client("sub", ...session);
    const COUNT = 3000;
    const expected = Array.from({ length: COUNT }, (_, i) => `${i}`);
    await using publisher = bus.pub("-l", "--rate=2000", "a/n");
    const written = publisher.write(expected.join("\n") + "\n")
      .then(() => publisher.end());
    const before = await theirs.until("\n500\n");
    await broker.restart("SIGTERM");
    await written;
    // A message that was just on its way may come to their client twice, and
    // mosquitto 2.0 may send what waited for it behind what is new.
    const received = new Set(before.trimEnd().split("\n"));
    while (received.size < COUNT) received.add(await theirs.line());
    assertEquals(received, new Set(expected));
    bridge.kill("SIGTERM");
    await bridge.ended();
    await broker.kill("SIGTERM");
    // Sent again under its number a message is known to the broker.
    const numbers = (await Deno.readTextFile(log))
      .matchAll(/Received PUBLISH from fifobus-\S+ \(d[01], q2, r0, (m\d+)/g)
      .map(([, number]) => number);
    const first = [...new Set(numbers)].map((it) => Number(it!.slice(1)));
    assertEquals(first.length, COUNT);
    // In the order in which they were published; 1 comes after 65535.
    const behind = first.map((number) => (number - first[0]! + 65535) % 65535);
    assertEquals(behind, behind.toSorted((a, b) => a - b));
  },
);

mqttTest("bridges in opposite directions pass each message once", async () => {
  await using folder = new Folder();
  await using broker = await Mosquitto.start(folder);
  const site = `${broker.url}/site`;
  await using one = new TestBus();
  await using two = new TestBus();
  const bridges: Process[] = [];
  for (const bus of [one, two]) {
    bridges.push(bus.pub("--from=a/#", "--qos=2", site));
    bridges.push(bus.pub(`--from=${site}/#`, "--qos=2", "a"));
  }
  const heard = [];
  for (const bus of [one, two]) heard.push(await bus.sub("-v", "a/#"));
  await using theirs = broker.client("sub", "-v", "-t", "#");
  // Until all four are there: a message of each bus is heard on the other.
  for (const [bus, other] of [[one, heard[1]!], [two, heard[0]!]] as const) {
    await repeatUntil(
      () => finish(bus.pub("a/ready", "ready")),
      other.until("ready\n"),
    );
  }
  for (let i = 0; i < 20; i++) {
    await finish((i % 2 ? one : two).pub("a/n", `${i}.`));
  }
  // All of them are at the broker before the last one.
  const text: string[] = [];
  while (text.filter((line) => /^site\/n \d+\./.test(line)).length < 20) {
    text.push(await theirs.line());
  }
  await finish(broker.client("pub", "-q", "2", "-t", "site/n", "-m", "last"));
  for (const process of [heard[0]!, heard[1]!]) {
    const text = await process.until("a/n\tlast\n");
    const numbers = [...text.matchAll(/^a\/n\t(\d+)\./gm)].map(([, n]) => n);
    const all = Array.from({ length: 20 }, (_, i) => String(i));
    assertEquals(numbers.toSorted((a, b) => Number(a) - Number(b)), all);
  }
  // None comes twice.
  assertEquals(await theirs.until("site/n last\n"), "site/n last\n");
  for (const bridge of bridges) {
    bridge.kill("SIGTERM");
    assertEquals((await bridge.ended()).stderr, "");
    await bridge[Symbol.asyncDispose]();
  }
  for (const process of heard) await process[Symbol.asyncDispose]();
});

mqttTest(
  "a bridge keeps messages that are published while the broker is away",
  async () => {
    await using folder = new Folder();
    await using broker = await Mosquitto.start(folder, persistent(folder));
    await using bus = new TestBus();
    await using bridge = bus.pub(
      ...["--from=a/#", "--qos=2", "--queue-bytes=100k", `${broker.url}/x`],
    );
    await eventually(() => bus.names().length > 0);
    const session = ["-i", "me", "-c", "-q", "2", "-v", "-t", "x/#"];
    await finish(broker.client("sub", ...session, "-E"));
    // A broker that is killed may not have stored this session yet.
    await broker.kill("SIGTERM");
    for (let i = 0; i < 5; i++) await finish(bus.pub("a/n", String(i)));
    // Together more than the bridge may keep.
    await finish(bus.pub("a/large", "x".repeat(102_400)));
    await finish(bus.pub("a/large", "too much"));
    await broker.restart();
    await using theirs = broker.client("sub", ...session);
    const received = await repeatUntil(
      () => finish(bus.pub("a/end", "end")),
      theirs.until("x/end end\n"),
    );
    assertEquals(
      received.split("\n").filter((line) => line.startsWith("x/n ")),
      ["x/n 0", "x/n 1", "x/n 2", "x/n 3", "x/n 4"],
    );
    bridge.kill("SIGTERM");
    const { stderr } = await bridge.ended();
    assertMatch(stderr, /lost the connection/);
    assertMatch(stderr, /dropping messages: 102400 bytes wait already/);
    assertMatch(stderr, /pub: \d+ messages? dropped: the backlog was full/);
  },
);

for (const qos of [1, 2]) {
  mqttTest(
    `a persistent session keeps the message of QoS ${qos} whose command failed with --strict, or was killed`,
    async () => {
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder);
      const args = [
        "--persistent",
        "--client-id=me",
        `--qos=${qos}`,
        `${broker.url}/t`,
      ];
      // It leaves a session.
      await finish(sub("--timeout=0.1", ...args));
      for (const text of ["A", "B"]) {
        await finish(pub(`--qos=${qos}`, `${broker.url}/t`, text));
      }
      const strict = sub("--exec=cat; echo; exit 1", "--strict", ...args);
      const failed = await finish(strict);
      assertEquals([failed.code, failed.stdout], [1, "A\n"]);
      await using killed = sub("--exec=cat; echo; exec sleep 1", ...args);
      assertEquals(await killed.line(), "A");
      killed.kill("SIGKILL");
      await killed.ended();
      const { stdout } = await finish(sub("-C2", ...args));
      assertEquals(stdout, "A\nB\n");
    },
  );
}
