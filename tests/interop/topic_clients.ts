/**
 * examples/topics: the clients in Python and Go, which were written from
 * docs/protocol.md, with our programs and with each other.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Publisher, request, requestAll, Subscriber } from "../../mod.ts";
import { ownBus } from "../harness/bus.ts";
import { testWithout } from "../harness/needs.ts";
import {
  eventually,
  finish,
  Process,
  repeatUntil,
  type TestBus,
} from "../harness/process.ts";
import {
  type Command,
  isInstalled,
  LANGUAGES,
  prepare,
} from "../harness/programs.ts";
import { FILTERS, ODD_TOPICS } from "./_topics.ts";

const FOLDER = new URL("../../examples/topics/", import.meta.url);
const PYTHON = new URL("fifobus.py", FOLDER).pathname;

/** A client, and our programs behind the same commands. */
interface Client {
  name: string;
  absent: string[];
  command(): Promise<Command>;
}

const CLIENTS: Client[] = await Promise.all(
  LANGUAGES.filter(({ name }) => ["Python", "Go"].includes(name))
    .map(async (language) => ({
      name: `fifobus.${language.extension}`,
      absent: await isInstalled(language) ? [] : [language.name],
      command: () =>
        language.name === "Python"
          // Without site-packages it starts in half the time.
          ? Promise.resolve<Command>(["python3", "-S", PYTHON])
          : prepare(language, FOLDER, "fifobus"),
    })),
);

/** Declares a test of each client. */
function clientTest(
  title: string,
  test: (client: Client, bus: TestBus) => Promise<void>,
): void {
  for (const client of CLIENTS) {
    testWithout(client.absent, `${client.name} ${title}`, async () => {
      await using bus = ownBus();
      await test(client, bus);
    });
  }
}

/** Declares a test that needs all clients. */
function allClientsTest(
  title: string,
  test: (bus: TestBus) => Promise<void>,
): void {
  testWithout(CLIENTS.flatMap(({ absent }) => absent), title, async () => {
    await using bus = ownBus();
    await test(bus);
  });
}

async function start(
  { command }: Client,
  bus: TestBus,
  ...args: string[]
): Promise<Process> {
  return new Process([...await command(), ...args], bus.env);
}

/** Runs a command of a client that has to succeed without a word. */
async function run(
  client: Client,
  bus: TestBus,
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await finish(
    await start(client, bus, ...args),
  );
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

/** The names of subscriptions, those that start with a dot, too. */
function inboxes(bus: TestBus): string[] {
  try {
    return [...Deno.readDirSync(bus.env.FIFOBUS_DIR!)].map(({ name }) => name)
      .filter((name) => name !== "retained");
  } catch {
    return [];
  }
}

/** Starts a subscriber or who answers, and waits for its names. */
async function join(
  client: Client,
  bus: TestBus,
  names: number,
  ...args: string[]
): Promise<Process> {
  const wanted = inboxes(bus).length + names + 1;
  const process = await start(client, bus, ...args);
  await eventually(() => inboxes(bus).length === wanted);
  return process;
}

/** The other client, or the same if it is the only one. */
function otherOf(client: Client): Client {
  const other = CLIENTS.find((it) => it !== client)!;
  return other.absent.length === 0 ? other : client;
}

/** Waits for all lines up to one, and returns those before it. */
async function linesTo(process: Process, last: string): Promise<string[]> {
  const lines: string[] = [];
  for (let line; (line = await process.line()) !== last;) lines.push(line);
  return lines;
}

clientTest(
  "gets topics of all characters, and keeps bytes that are not UTF-8",
  async (client, bus) => {
    // To a file: what a Process prints is read as text.
    const output = bus.file("output");
    const command = [...await client.command(), "sub", "--", ...ODD_TOPICS];
    await using subscriber = new Process(
      ["sh", "-c", 'exec "$@" >"$0"', output, ...command],
      bus.env,
    );
    await eventually(() => inboxes(bus).length === ODD_TOPICS.length + 1);
    const bytes = [0xff, 0x41, 0xc3, 0x28, 0x80];
    const expected: number[] = [];
    for (const topic of ODD_TOPICS) {
      await using publisher = await Publisher.open(topic);
      await publisher.publish(Uint8Array.from(bytes));
      expected.push(...new TextEncoder().encode(`${topic}\t`), ...bytes, 10);
    }
    await eventually(() => Deno.statSync(output).size >= expected.length);
    assertEquals([...Deno.readFileSync(output)], expected);
    subscriber.kill("SIGTERM");
    await subscriber.ended();
    assertEquals(inboxes(bus), []);
  },
);

clientTest(
  "publishes to topics of all characters, and keeps their last values",
  async (client, bus) => {
    await using early = await Subscriber.open(["#", "$SYS/#"]);
    await Promise.all(
      ODD_TOPICS.map((topic) =>
        run(client, bus, "pub", "-r", "--", topic, "%s \\n")
      ),
    );
    const check = async (subscriber: Subscriber, isLate: boolean) => {
      const topics: string[] = [];
      for await (const { topic, text, retained } of subscriber) {
        assertEquals([text, retained], ["%s \\n", isLate]);
        if (topics.push(topic) === ODD_TOPICS.length) break;
      }
      assertEquals(topics.sort(), ODD_TOPICS.toSorted());
    };
    await check(early, false);
    // Not before: one process has one FIFO.
    await using late = await Subscriber.open(ODD_TOPICS);
    await check(late, true);
  },
);

clientTest("matches filters when it publishes", async (client, bus) => {
  await using subscribers = new AsyncDisposableStack();
  const all: { subscriber: Subscriber; gets: string[]; not: string[] }[] = [];
  for (const [filter, gets, not] of FILTERS) {
    const subscriber = subscribers.use(await Subscriber.open(filter));
    all.push({ subscriber, gets, not });
  }
  const topics = new Set(FILTERS.flatMap(([, ...it]) => it.flat()));
  await Promise.all([...topics].map((it) => run(client, bus, "pub", it, "x")));
  for (const { subscriber, gets, not } of all) {
    await subscriber.end();
    const topics = new Set<string>();
    for await (const { topic } of subscriber) topics.add(topic);
    assertEquals(gets.filter((it) => !topics.has(it)), []);
    assertEquals(not.filter((it) => topics.has(it)), []);
  }
});

clientTest("matches filters when it subscribes", async (client, bus) => {
  await using processes = new AsyncDisposableStack();
  const all = await Promise.all(FILTERS.map(async ([filter, ...topics]) => {
    const process = await start(client, bus, "sub", filter);
    return { filter, topics, process: processes.use(process) };
  }));
  await eventually(() => inboxes(bus).length === 2 * FILTERS.length);
  await using publisher = await Publisher.open("any");
  for (const topic of new Set(FILTERS.flatMap(([, ...it]) => it.flat()))) {
    await publisher.publish("x", { topic });
  }
  for (const { filter, topics: [gets, not], process } of all) {
    const topic = filter.replaceAll(/[+#]/g, "end");
    await publisher.publish(filter, { topic });
    const lines = await linesTo(process, `${topic}\t${filter}`);
    assertEquals(gets.filter((it) => !lines.includes(`${it}\tx`)), []);
    assertEquals(not.filter((it) => lines.includes(`${it}\tx`)), []);
  }
});

clientTest("with several filters gets a message once", async (client, bus) => {
  await using subscriber = await join(
    ...[client, bus, 4, "sub", "a/#", "a/+", "+/b", "a/b"] as const,
  );
  await using publisher = await Publisher.open("a/b");
  await publisher.publish("ours");
  await run(client, bus, "pub", "a/b", "its own");
  await run(otherOf(client), bus, "pub", "a/b", "the other's");
  await publisher.publish("end", { topic: "x/b" });
  assertEquals(await linesTo(subscriber, "x/b\tend"), [
    ...["a/b\tours", "a/b\tits own", "a/b\tthe other's"],
  ]);
});

allClientsTest(
  "messages of 60 kB of three clients at once arrive whole, once and in order",
  async (bus) => {
    const COUNT = 8;
    const body = (name: string, i: number) =>
      `${name} ${i} ${`${i}`.repeat(60_000)}`;
    await using ours = await Subscriber.open("t");
    await using shared = await Subscriber.open("$share/g/t");
    await using processes = new AsyncDisposableStack();
    const subscribers: Process[] = [];
    for (const client of CLIENTS) {
      const subscriber = await join(client, bus, 1, "sub", "t");
      subscribers.push(processes.use(subscriber));
    }
    const names = ["ours", ...CLIENTS.map(({ name }) => name)];
    const lines = (name: string) =>
      Array.from({ length: COUNT }, (_, i) => body(name, i));
    const publishing = (async () => {
      await using publisher = await Publisher.open("t", {
        slowTimeoutMs: Infinity,
      });
      for (const line of lines("ours")) await publisher.publish(line);
    })();
    const others = CLIENTS.map(async (client) => {
      const publisher = await start(client, bus, "pub", "-t", "60", "t");
      await publisher.write(lines(client.name).join("\n") + "\n");
      assertEquals((await finish(publisher)).stderr, "");
    });
    const check = (texts: string[]) => {
      for (const name of names) {
        const its = texts.filter((it) => it.startsWith(`${name} `));
        assert(
          its.length === COUNT && its.every((it, i) => it === body(name, i)),
          `${name}: ${its.map((it) => `${it.slice(0, 20)}… (${it.length})`)}`,
        );
      }
    };
    const fromSubscriber = async (subscriber: Subscriber) => {
      const texts: string[] = [];
      for await (const { text } of subscriber) {
        if (texts.push(text) === COUNT * names.length) break;
      }
      return texts;
    };
    const fromProcess = async (process: Process) => {
      const texts: string[] = [];
      while (texts.length < COUNT * names.length) {
        texts.push((await process.line()).replace(/^t\t/, ""));
      }
      return texts;
    };
    const received = await Promise.all([
      ...[ours, shared].map(fromSubscriber),
      ...subscribers.map(fromProcess),
      ...[publishing, ...others].map((it) => it.then(() => undefined)),
    ]);
    for (const texts of received) if (texts) check(texts);
  },
);

clientTest("gets last values, and removes them", async (client, bus) => {
  const topics = ODD_TOPICS.filter((it) => !it.startsWith("$"));
  await using publisher = await Publisher.open("any");
  for (const topic of topics) {
    await publisher.publish(`of ${topic}`, { topic, retain: true });
  }
  // Not values, or of others.
  const folder = `${bus.env.FIFOBUS_DIR}/retained`;
  await Deno.writeTextFile(`${folder}/@aside`, "x");
  await Deno.writeTextFile(`${folder}/lines`, "x\ny");
  await Deno.symlink("lines", `${folder}/link`);
  await publisher.publish("other", { topic: "$other", retain: true });
  const sub = ["sub", "-n", `${topics.length}`, "#"];
  const lines = (await run(client, bus, ...sub)).trimEnd().split("\n");
  assertEquals(lines.sort(), topics.map((it) => `${it}\tof ${it}`).sort());
  await using early = await Subscriber.open("a/b", { retained: false });
  await run(client, bus, "pub", "-r", "a/b", "");
  assertEquals((await early.read())![0]!.text, "");
  await using late = await Subscriber.open(["a/b", "~"]);
  assertEquals((await late.read())![0]!.topic, "~");
});

clientTest("answers our requests", async (client, bus) => {
  await using _one = await join(
    client,
    bus,
    1,
    "answer",
    "up",
    "tr",
    "a-z",
    "A-Z",
  );
  assertEquals((await request("up", "some text")).text, "SOME TEXT");
  await using _two = await join(client, bus, 1, "answer", "up", "rev");
  const texts: string[] = [];
  for await (const { text } of requestAll("up", "abc", { timeoutMs: 60_000 })) {
    if (texts.push(text) === 2) break;
  }
  assertEquals(texts.sort(), ["ABC", "cba"]);
});

clientTest("asks us and the other client", async (client, bus) => {
  const ask = async (...args: string[]) =>
    (await run(client, bus, "ask", "-t", "60", ...args)).split("\n").sort();
  await using subscriber = await Subscriber.open("up");
  (async () => {
    for await (const message of subscriber) {
      await message.reply(message.text.toUpperCase());
    }
  })();
  assertEquals(await ask("up", "abc"), ["", "ABC"]);
  await using _other = await join(
    otherOf(client),
    bus,
    1,
    "answer",
    "up",
    "rev",
  );
  assertEquals(await ask("-n", "2", "up", "abc"), ["", "ABC", "cba"]);
});

clientTest(
  "says that nobody answers, and that nobody is there",
  async (client, bus) => {
    const asked = async (...args: string[]) => {
      const { code, stdout, stderr } = await finish(
        await start(client, bus, "ask", ...args),
      );
      assertEquals([code, stdout], [1, ""]);
      return stderr;
    };
    assertEquals(
      await asked("t", "x"),
      `${client.name}: nobody subscribes to it\n`,
    );
    await using _silent = await Subscriber.open("t");
    assertEquals(
      await asked("-t", "0.1", "t", "x"),
      `${client.name}: no answer\n`,
    );
    await eventually(() => inboxes(bus).length === 2);
  },
);

clientTest(
  "removes the names of members that were killed",
  async (client, bus) => {
    const filters = ["a", "a/#", "+"];
    await using one = await join(client, bus, 3, "sub", ...filters);
    await using two = await join(otherOf(client), bus, 3, "sub", ...filters);
    await using three = bus.subOnce(...filters);
    await eventually(() => inboxes(bus).length === 12);
    await using living = await Subscriber.open("a");
    for (const killed of [one, two, three]) {
      killed.kill("SIGKILL");
      await killed.ended();
    }
    await run(client, bus, "pub", "a", "x");
    assertEquals(inboxes(bus).length, 2);
    assertEquals((await living.read())!.map(({ text }) => text), ["x"]);
  },
);

/** The sum of the numbers that a pattern finds. */
function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce(
    (sum, it) => sum + Number(it[1]),
    0,
  );
}

/** Checks which of its lines a member got, and what it was told it missed. */
function checkMissed(lines: string[], told: number, sent: number): void {
  const numbers = lines.map((it) =>
    Number(/^t\t(\d+) x{10000}$/.exec(it)?.[1])
  );
  assert(
    numbers.every((it, i) => i === 0 || it > numbers[i - 1]!),
    `${numbers}`,
  );
  // What it missed behind the last line may have found no room any more.
  const untold = sent - 1 - numbers.at(-1)!;
  const missed = sent - lines.length;
  assert(told > 0 && (told === missed || told === missed - untold));
}

clientTest(
  "waits for slow members, drops, and tells what they missed",
  async (client, bus) => {
    await using processes = new AsyncDisposableStack();
    const members = [
      await join(client, bus, 1, "sub", "t"),
      await join(otherOf(client), bus, 1, "sub", "t"),
    ];
    members.push(await bus.sub("-v", "t"));
    const lines = members.map((it) => linesTo(processes.use(it), "t\tend"));
    for (const member of members) member.kill("SIGSTOP");
    await using publisher = await start(client, bus, "pub", "-t", "0.05", "t");
    let sent = 0;
    const send = () => publisher.write(`${sent++} ${"x".repeat(10_000)}\n`);
    while (sent < 12) await send();
    await publisher.said(/(?:dropped for [^]*){3}/);
    for (const member of members) member.kill("SIGCONT");
    for (const member of members) {
      await repeatUntil(send, member.said(/missed/));
    }
    await publisher.end();
    assertEquals((await publisher.ended()).code, 0);
    await using end = await Publisher.open("t", { slowTimeoutMs: Infinity });
    await end.publish("end");
    for (const [i, member] of members.entries()) {
      const got = await lines[i]!;
      member.kill("SIGTERM");
      const { stderr } = await member.ended();
      const told = sumOf(stderr, /missed ([0-9]+) of t$/gm) +
        sumOf(stderr, /^sub: ([0-9]+) messages? missed/gm);
      checkMissed(got, told, sent);
    }
  },
);

clientTest(
  "keeps the locks, and says at its end what was missed",
  async (client, bus) => {
    await using member = await Subscriber.open("t");
    using file = Deno.openSync(`${bus.env.FIFOBUS_DIR}/${bus.names()[0]}`, {
      write: true,
    });
    await using publisher = await start(client, bus, "pub", "-t", "0.05", "t");
    const isDropped = (times: number) =>
      publisher.said(new RegExp(`(?:dropped for [^]*){${times}}`));
    // As a publisher of a large message.
    file.lockSync(true);
    await publisher.write("one\n");
    await isDropped(1);
    // As a publisher of a small one.
    file.unlockSync();
    file.lockSync(false);
    await publisher.write(`${"x".repeat(60_000)}\ntwo\n`);
    await isDropped(2);
    const [two] = (await member.read())!;
    assertEquals([two!.text, two!.missed], ["two", 2]);
    file.unlockSync();
    file.lockSync(true);
    await publisher.write("three\n");
    await isDropped(3);
    file.unlockSync();
    await publisher.end();
    await publisher.ended();
    await using end = await Publisher.open("t");
    await end.publish("end");
    const [last] = (await member.read())!;
    assertEquals([last!.text, last!.missed], ["end", 1]);
  },
);

clientTest("is told by us what it missed", async (client, bus) => {
  await using member = await join(client, bus, 1, "sub", "t");
  const lines = linesTo(member, "t\tend");
  member.kill("SIGSTOP");
  let [sent, dropped] = [0, 0];
  await using publisher = await Publisher.open("t", {
    slowTimeoutMs: 1,
    onDropped: ({ count }) => dropped += count,
  });
  const send = () => publisher.publish(`${sent++} ${"x".repeat(10_000)}`);
  while (dropped === 0) await send();
  member.kill("SIGCONT");
  await repeatUntil(send, member.said(/missed/));
  await publisher.close();
  await using end = await Publisher.open("t", { slowTimeoutMs: Infinity });
  await end.publish("end");
  const got = await lines;
  member.kill("SIGTERM");
  const { stderr } = await member.ended();
  checkMissed(got, sumOf(stderr, /missed ([0-9]+) of t$/gm), sent);
});

clientTest(
  "ends messages with NUL where that is asked for",
  async (client, bus) => {
    await using member = await Subscriber.open("t", { delimiter: "\0" });
    await run(client, bus, "pub", "t", "small");
    await run(client, bus, "pub", "t", "x".repeat(60_000));
    const texts: string[] = [];
    for await (const { text } of member) if (texts.push(text) === 2) break;
    assertEquals(texts, ["small", "x".repeat(60_000)]);
  },
);

clientTest("understands all marks", async (client, bus) => {
  await using member = await join(client, bus, 1, "sub", "t");
  const inbox = inboxes(bus).find((it) => it.startsWith("t@"))!;
  const WAKE = "\x16fifobus wake 0123abcd\x16\n";
  await Deno.writeTextFile(
    `${bus.env.FIFOBUS_DIR}/${inbox}`,
    [
      "\x18fifobus torn\x18\n",
      `${WAKE}t\tpar${WAKE}ted\n`,
      "t\ttorn\x18fifobus torn\x18\n",
      "t\tlost\x18fifobus lost\x18\n",
      "\x18fifobus large 9\x18\n",
      "t\tpart of t\tanother\n",
      "\x18fifobus large 9\x18\n",
      `t\tas ${WAKE}said\n`,
      "\x18fifobus missed 3 t\x18\n",
      "\x18fifobus missed 4\x18\n",
      "no tab\n",
      "a/+\tnot a topic\n",
      "other\tnot its filter\n",
      "t\x1freply\ta\ttab\n",
      "t\tcarriage return\r\n",
      "t\t\n",
      "t\tend\n",
    ].join(""),
  );
  assertEquals(await linesTo(member, "t\tend"), [
    ...["t\tparted", "t\tas said", "t\ta\ttab", "t\tcarriage return\r", "t\t"],
  ]);
  member.kill("SIGTERM");
  const { stderr } = await member.ended();
  const lost = "a message was lost: its publisher was killed";
  assertEquals(
    stderr,
    [lost, lost, "missed 3 of t", "missed 4"]
      .map((it) => `${client.name}: ${it}\n`).join(""),
  );
});

clientTest(
  "refuses messages that would pass for marks",
  async (client, bus) => {
    await using subscriber = await Subscriber.open("t");
    for (
      const mark of [
        ...["\x16fifobus wake 0123abcd\x16", "\x18fifobus torn\x18"],
        ...["\x18fifobus lost\x18", "\x18fifobus large 5\x18", "two\nlines"],
      ]
    ) {
      const { code, stderr } = await finish(
        await start(client, bus, "pub", "t", `text${mark}`),
      );
      assertEquals([code, stderr.startsWith(`${client.name}: `)], [1, true]);
    }
    const missed = "\x18fifobus missed 5\x18";
    await run(client, bus, "pub", "t", missed);
    assertEquals((await subscriber.read())!.map(({ text }) => text), [missed]);
  },
);

clientTest(
  "ends the message of a publisher that was killed, in a group",
  async (client, bus) => {
    await using member = await Subscriber.open("$share/g/t");
    const fifo = `${bus.env.FIFOBUS_DIR}/t@+g`;
    const queue = `${bus.env.FIFOBUS_DIR}/.t@+g.queue`;
    using file = Deno.openSync(queue, { read: true, write: true });
    const header = async () => (await Deno.readTextFile(queue)).slice(16, 19);
    // What a publisher leaves that is killed within a message.
    file.seekSync(16, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode("P99"));
    await Deno.writeTextFile(fifo, "t\tthe beginning of ");
    await run(client, bus, "pub", "t", "small");
    assertEquals(await header(), "-99");
    await run(client, bus, "pub", "t", "x".repeat(60_000));
    assertEquals(await header(), "-01");
    const texts: string[] = [];
    for await (const { text } of member) if (texts.push(text) === 2) break;
    assertEquals(texts, ["small", "x".repeat(60_000)]);
  },
);

clientTest(
  "lets a reader of a group leave first, unless it was killed",
  async (client, bus) => {
    await using member = await Subscriber.open("$share/g/t");
    const queue = `${bus.env.FIFOBUS_DIR}/.t@+g.queue`;
    using file = Deno.openSync(queue, { read: true, write: true });
    // The turn, and the mark of a reader that leaves.
    await file.lock(true);
    file.seekSync(19, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode("L"));
    let isOver = false;
    const publishing = run(client, bus, "pub", "t", "x").then(() =>
      isOver = true
    );
    publishing.catch(() => {});
    // Meanwhile another publisher starts, publishes and ends.
    await run(client, bus, "pub", "other", "y");
    assertEquals(isOver, false);
    // As the system does it for a process that is killed.
    file.unlockSync();
    await publishing;
    assertEquals((await Deno.readTextFile(queue))[19], "-");
    assertEquals((await member.read())!.map(({ text }) => text), ["x"]);
  },
);
