/**
 * What users expect of a broker: each behaviour is tried, and what they get is
 * said in a few words.
 *
 * @module
 */
import {
  type MqttOptions,
  publish,
  Publisher,
  request,
  Subscriber,
  type SubscriberOptions,
} from "../../mod.ts";
import { delay } from "../../lib/delay.ts";
import { finish, repeatUntil, sub, TestBus } from "../harness/process.ts";

/** Tries something with a broker, at topics that nobody else uses. */
export type Try = (url: string, topic: string) => Promise<string>;

/** How long a message that should not come may take, or one that does not. */
const QUIET_MS = 1500;

const AT_LEAST_ONCE: MqttOptions = { qos: 1 };

/** Reads messages until enough have come, or nothing comes for a while. */
async function collect(
  subscriber: Subscriber,
  count: number,
): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const read = subscriber.read();
    const messages = await Promise.race([read, delay(QUIET_MS)]);
    if (!messages) break;
    texts.push(...messages.map(({ text }) => text));
  }
  return texts;
}

async function open(
  address: string | string[],
  mqtt: MqttOptions = AT_LEAST_ONCE,
  options: SubscriberOptions = {},
): Promise<Subscriber> {
  return await Subscriber.open(address, {
    mqtt,
    connectTimeoutMs: 20_000,
    ...options,
  });
}

async function send(address: string, text: string): Promise<void> {
  await publish(address, text, { mqtt: AT_LEAST_ONCE });
}

/** What an error says, without the addresses. */
function words(error: unknown): string {
  return (error as Error).message
    .replace(/^(pub: )?(Cannot|The broker) .*?: /, "");
}

/** The words of an error, if there is one. */
async function said(attempt: () => Promise<string>): Promise<string> {
  try {
    return await attempt();
  } catch (error) {
    return words(error);
  }
}

function atQos(qos: 0 | 1 | 2): Try {
  return (url, topic) =>
    said(async () => {
      const address = `${url}/${topic}`;
      const sent = Array.from({ length: 200 }, (_, i) => `${i}`);
      await using subscriber = await open(address, { qos });
      await using publisher = await Publisher.open(address, { mqtt: { qos } });
      await Promise.all(sent.map((text) => publisher.publish(text)));
      const got = await collect(subscriber, sent.length);
      return got.join() === sent.join() ? "yes" : `${got.length} of 200`;
    });
}

async function keep(url: string, topic: string, count: number) {
  await using publisher = await Publisher.open(`${url}/`, {
    mqtt: AT_LEAST_ONCE,
  });
  for (let i = 0; i < count; i++) {
    await publisher.publish(`${i}`, { topic: `${topic}/${i}`, retain: true });
  }
}

async function lastValue(url: string, topic: string): Promise<string> {
  await keep(url, topic, 1);
  await using subscriber = await open(`${url}/${topic}/0`);
  const [text] = await collect(subscriber, 1);
  return text === "0" ? "yes" : "nothing comes";
}

async function lastValues(url: string, topic: string): Promise<string> {
  await keep(url, topic, 300);
  const retained = { retained: "only" } as const;
  const all = `${url}/${topic}/#`;
  await using subscriber = await open(all, AT_LEAST_ONCE, retained);
  const got: string[] = [];
  for await (const { text } of subscriber) got.push(text);
  return new Set(got).size === 300 ? "yes" : `${got.length} of 300`;
}

async function wildcards(url: string, topic: string): Promise<string> {
  const filters = [`${url}/${topic}/+/t`, `${url}/${topic}/deep/#`];
  await using subscriber = await open(filters);
  await using publisher = await Publisher.open(`${url}/`, {
    mqtt: AT_LEAST_ONCE,
  });
  for (const end of ["a/t", "a/no", "deep", "deep/er/still", "b/t", "last/t"]) {
    await publisher.publish(end, { topic: `${topic}/${end}` });
  }
  const got = await collect(subscriber, 5);
  // MQTT 5, section 4.6: the order is promised for each topic alone.
  const all = got.toSorted().join(" ");
  return all === "a/t b/t deep deep/er/still last/t" ? "yes" : all;
}

async function will(url: string, topic: string): Promise<string> {
  await using mourner = await open(`${url}/${topic}/gone`);
  const args = [`--will-topic=${topic}/gone`, "--will-message=gone"];
  await using doomed = sub(...args, "--qos=1", `${url}/${topic}/x`);
  await repeatUntil(() => send(`${url}/${topic}/x`, "x"), doomed.line());
  doomed.kill("SIGKILL");
  const [text] = await collect(mourner, 1);
  return text === "gone" ? "yes" : "nothing comes";
}

/** Leaves a session, and messages in it. */
async function leave(address: string, clientId: string, texts: string[]) {
  const mqtt = { ...AT_LEAST_ONCE, clientId, persistent: true };
  await using publisher = await Publisher.open(address, {
    mqtt: AT_LEAST_ONCE,
  });
  {
    await using subscriber = await open(address, mqtt);
    // The subscription is there once a message comes.
    await repeatUntil(() => publisher.publish("first"), subscriber.read());
  }
  for (const text of texts) await publisher.publish(text);
}

async function session(url: string, topic: string): Promise<string> {
  const address = `${url}/${topic}`;
  const clientId = topic.replaceAll("/", "-");
  const texts = ["one", "two", "three"];
  await leave(address, clientId, texts);
  const mqtt = { ...AT_LEAST_ONCE, clientId, persistent: true };
  await using subscriber = await open(address, mqtt);
  const got: string[] = [];
  while (got.at(-1) !== "three") {
    const [next] = await collect(subscriber, 1);
    if (next === undefined) break;
    if (next !== "first") got.push(next);
  }
  return got.join() === texts.join() ? "yes" : `only ${got.join()}`;
}

async function strict(url: string, topic: string): Promise<string> {
  const address = `${url}/${topic}`;
  const id = topic.replaceAll("/", "-");
  await leave(address, id, ["A", "B", "end"]);
  const args = ["--persistent", `--client-id=${id}`, "--qos=1", "-W10"];
  const failing = 'read -r text; [ "$text" != A ]';
  const failed = await finish(
    sub(`--exec=${failing}`, "--strict", ...args, address),
  );
  const rest = await finish(sub("--exit-word=end", ...args, address));
  const lines = rest.stdout.split("\n").filter((it) => /^[AB]/.test(it));
  const isKept = failed.code === 1 && lines.join() === "A,B";
  return isKept ? "yes" : `then ${lines}`;
}

async function group(url: string, topic: string): Promise<string> {
  return await said(async () => {
    const end = `${topic}-end`;
    const filters = [`${url}/$share/g/${topic}`, `${url}/${end}`];
    await using one = await open(filters);
    await using two = await open(filters);
    await using publisher = await Publisher.open(`${url}/${topic}`, {
      mqtt: AT_LEAST_ONCE,
    });
    const sent = Array.from({ length: 40 }, (_, i) => `${i}`);
    for (const text of sent) await publisher.publish(text);
    await publisher.publish("end", { topic: end });
    const got: string[] = [];
    let ends = 0;
    const ended = Promise.withResolvers<void>();
    // Both are at work then, and what is still missing never comes.
    const over = ended.promise.then(() => delay(QUIET_MS));
    await Promise.all([one, two].map(async (subscriber) => {
      while (got.length < sent.length) {
        const messages = await Promise.race([subscriber.read(), over]);
        if (!messages) return;
        const texts = messages.map(({ text }) => text);
        if (texts.includes("end") && ++ends === 2) ended.resolve();
        got.push(...texts.filter((text) => text !== "end"));
      }
      ended.resolve();
    }));
    if (got.length === 0) return "nothing comes";
    return got.length === 40 && new Set(got).size === 40
      ? "yes"
      : "not once each";
  });
}

async function bridgedGroup(url: string, topic: string): Promise<string> {
  await using bus = new TestBus();
  await using to = await bus.sub("-v", "wh/#");
  const from = ["--from", `${url}/$share/bridges/${topic}/#`];
  const end = `${url}/${topic}-end`;
  await using bridge = bus.pub("--qos=1", ...from, "--from", end, "wh");
  const comes = async () => {
    // Each comes after another message for the group.
    for (let ends = 0; ends < 4;) {
      const line = await to.line();
      if (line !== "wh\tend") return line === "wh/a/temp\t21" ? "yes" : line;
      ends++;
    }
    return "nothing comes";
  };
  const fails = bridge.ended()
    .then(({ stderr }) => words(new Error(stderr.trim())));
  return await repeatUntil(async () => {
    await send(`${url}/${topic}/a/temp`, "21");
    await send(end, "end");
  }, Promise.race([comes(), fails]));
}

async function ask(url: string, topic: string): Promise<string> {
  return await said(async () => {
    const address = `${url}/${topic}`;
    await using subscriber = await open(address);
    const answering = (async () => {
      for await (const message of subscriber) await message.reply("42");
    })();
    const { text } = await request(address, "?", { timeoutMs: 5000 });
    await subscriber.close();
    await answering;
    return text === "42" ? "yes" : text;
  });
}

async function askNobody(url: string, topic: string): Promise<string> {
  const asked = request(`${url}/${topic}`, "?", { timeoutMs: 10_000 });
  const outcome = await asked.then(() => "answered", words);
  return outcome === "nobody subscribes to it" ? "yes" : outcome;
}

function ofBytes(bytes: number): Try {
  return (url, topic) =>
    said(async () => {
      const address = `${url}/${topic}`;
      const message = new Uint8Array(bytes);
      await using subscriber = await open(address, AT_LEAST_ONCE, {
        maxBytes: bytes,
      });
      await using publisher = await Publisher.open(address, {
        mqtt: AT_LEAST_ONCE,
        maxBytes: bytes,
        timeoutMs: 20_000,
      });
      await publisher.publish(message);
      const [got] = (await subscriber.read())!;
      return got!.bytes.length === bytes ? "yes" : "cut";
    });
}

async function takeOver(url: string, topic: string): Promise<string> {
  const clientId = "twin";
  const told = Promise.withResolvers<string>();
  const mqtt = {
    ...AT_LEAST_ONCE,
    clientId,
    onConnection: (
      { connected, reason }: { connected: boolean; reason: string | undefined },
    ) => {
      if (!connected) told.resolve(reason!);
    },
  };
  await using first = await open(`${url}/${topic}`, mqtt);
  first.read().catch((error) => told.resolve(words(error)));
  await using _second = await open(`${url}/${topic}`, {
    ...AT_LEAST_ONCE,
    clientId,
  });
  return await told.promise;
}

async function circle(url: string, topic: string): Promise<string> {
  await using bus = new TestBus();
  await using there = await bus.sub("a/#");
  const args = ["--qos=1", "--from"];
  await using _to = bus.pub(...args, "a/#", `${url}/${topic}`);
  await using _from = bus.pub(...args, `${url}/${topic}/#`, "a");
  const address = `${url}/${topic}/n`;
  // Until both bridges are there.
  await repeatUntil(
    () => send(address, "ready"),
    there.until("ready\n"),
  );
  await using back = await open(address);
  await repeatUntil(
    () => finish(bus.pub("a/n", "out")),
    back.read(),
  );
  await finish(bus.pub("a/n", "once"));
  while ((await back.read())!.at(-1)!.text !== "once");
  await send(address, "last");
  const seen = (await there.until("last\n")).split("\n");
  const times = seen.filter((it) => it === "once").length;
  return times === 1 ? "yes" : `${times} times`;
}

/** Each behaviour, as the documentation calls it. */
export const BEHAVIOURS: Record<string, Try> = {
  "`--qos 0`": atQos(0),
  "`--qos 1`": atQos(1),
  "`--qos 2`": atQos(2),
  "`--retain`": lastValue,
  "`--retained-only` with `#`": lastValues,
  "filters with `+` and `#`": wildcards,
  "`--will-topic`": will,
  "`--persistent`": session,
  "`--strict` keeps the message": strict,
  "`$share/GROUP/FILTER`": group,
  "`$share` with `--from`": bridgedGroup,
  "`--reply`": ask,
  "`--reply` tells that nobody is there": askNobody,
  "a message of 300 kB": ofBytes(300_000),
  "a message of 2 MB": ofBytes(2_000_000),
  "two clients with one id": takeOver,
  "bridges in both directions": circle,
};
