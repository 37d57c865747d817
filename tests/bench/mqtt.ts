/**
 * The cost of a broker: `deno task bench:mqtt`, with mosquitto on loopback,
 * beside mosquitto's own clients and bridge in the same run.
 *
 * @module
 */
import { Publisher, Subscriber } from "../../mod.ts";
import { Mosquitto } from "../harness/mosquitto.ts";
import {
  commandLine,
  finish,
  pub,
  repeatUntil,
  TestBus,
} from "../harness/process.ts";
import {
  compare,
  inTurns,
  median,
  report,
  reportMachine,
  Timed,
  writeLines,
} from "./_measure.ts";

const COUNT = 50_000;
/** So many that the start of the programs does not count. */
const LONG_COUNT = 500_000;
const TURNS = 3;
const ROUNDS = 500;
const QOS = [0, 1, 2] as const;

/** The command lines of a publisher of a file and of its subscriber. */
interface Programs {
  publish(lines: string): { command: string[]; from?: string };
  subscribe: string[];
}

await using bus = new TestBus();
Deno.env.set("FIFOBUS_DIR", bus.env.FIFOBUS_DIR!);
const lines = bus.file("lines");
await writeLines(lines, COUNT);
const longLines = bus.file("long");
await writeLines(longLines, LONG_COUNT);

reportMachine();
report("messages from a file to a file, start included", "");
await measure("the bus of this machine", {
  ours: ours("t", "t"),
});
for (const qos of QOS) {
  await using broker = await Mosquitto.start(bus);
  const address = `${broker.url}/t`;
  const ways = {
    ours: ours(address, address, qos),
    "mosquitto's clients": theirs(broker, broker, qos),
  };
  await measure(`pub to sub, QoS ${qos}`, ways);
  if (qos > 0) continue;
  await measure(
    `the same, ${LONG_COUNT} messages`,
    ways,
    longLines,
    LONG_COUNT,
  );
}
for (const qos of QOS) {
  await using one = await Mosquitto.start(bus);
  await using two = await Mosquitto.start(bus);
  const args = ["--queue-bytes=64M", `--qos=${qos}`];
  await using _bridge = pub(...args, `--from=${one.url}/#`, two.url);
  await bridged(one, two);
  const programs = { ours: theirs(one, two, qos) };
  // With a stream of QoS 2, mosquitto 2.0.11 loses its bridge, even with its own
  // clients.
  if (qos === 2) {
    await measure(`through pub --from, QoS ${qos}`, programs);
    continue;
  }
  await using far = await Mosquitto.start(bus, [
    "listener {port} 127.0.0.1",
    "allow_anonymous true",
    "connection bridge",
    `address 127.0.0.1:${one.port}`,
    "topic # in 2",
  ]);
  await bridged(one, far);
  await measure(`through pub --from, QoS ${qos}`, {
    ...programs,
    "mosquitto's bridge": theirs(one, far, qos),
  });
}

console.log();
report("time from publish() to read(), median and 99 of 100", "");
await latency("the bus of this machine", "t");
for (const qos of QOS) {
  await using broker = await Mosquitto.start(bus);
  await latency(`mosquitto, QoS ${qos}`, `${broker.url}/t`, qos);
}

console.log();
report("largest memory of pub and of sub", "");
for (const count of [100_000, 1_000_000]) {
  await using broker = await Mosquitto.start(bus);
  const address = `${broker.url}/t`;
  const many = bus.file("many");
  await writeLines(many, count);
  const { peaks } = await pass(ours(address, address, 1), many, count);
  report(
    `${count} messages, QoS 1`,
    peaks.map((mib) => `${Math.round(mib)} MiB`).join(" and "),
  );
}

function ours(to: string, from: string, qos?: number): Programs {
  const options = qos === undefined ? [] : [`--qos=${qos}`];
  return {
    publish: (lines) => ({
      command: commandLine("pub", "--file", lines, ...options, to),
    }),
    subscribe: commandLine("sub", "--timeout=20", ...options, from),
  };
}

function theirs(to: Mosquitto, from: Mosquitto, qos: number): Programs {
  const options = ["-t", "t", "-q", `${qos}`];
  return {
    publish: (lines) => ({
      command: ["mosquitto_pub", ...to.address, "-l", ...options],
      from: lines,
    }),
    subscribe: ["mosquitto_sub", ...from.address, ...options],
  };
}

/** Waits until messages of one broker arrive at the other. */
async function bridged(one: Mosquitto, two: Mosquitto): Promise<void> {
  await using subscriber = await Subscriber.open(`${two.url}/ready`);
  await repeatUntil(
    () => finish(pub(`${one.url}/ready`, ".")),
    subscriber.read(),
  );
}

async function measure(
  name: string,
  ways: { ours: Programs } & Record<string, Programs>,
  from = lines,
  count = COUNT,
): Promise<void> {
  const { ours, ...peers } = await inTurns(
    TURNS,
    Object.fromEntries(
      Object.entries(ways).map((
        [name, programs],
      ) => [name, async () => (await pass(programs, from, count)).seconds]),
    ),
  );
  const figure = (seconds: number) =>
    `${Math.round(count / seconds)} messages/s`;
  compare({ [name]: ours!, ...peers }, figure);
}

/** Passes messages from a file on, start included. */
async function pass(
  { publish, subscribe }: Programs,
  lines: string,
  count: number,
): Promise<{ seconds: number; peaks: number[] }> {
  const to = bus.file("received");
  await using subscriber = new Timed([...subscribe, "-C", `${count}`], { to });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const started = performance.now();
  // From now on, its memory is looked at.
  const ended = subscriber.end();
  const { command, from } = publish(lines);
  await using publisher = new Timed(
    command,
    from === undefined ? {} : { from },
  );
  const published = await publisher.end();
  const received = await ended;
  return {
    seconds: (performance.now() - started) / 1000,
    peaks: [published.peakMib, received.peakMib],
  };
}

/** One message at a time. */
async function latency(
  name: string,
  address: string,
  qos: 0 | 1 | 2 = 0,
): Promise<void> {
  const mqtt = { qos };
  await using subscriber = await Subscriber.open(address, { mqtt });
  await using publisher = await Publisher.open(address, { mqtt });
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    publisher.publish("21.5");
    await subscriber.read();
    times.push(performance.now() - started);
  }
  const most = times.toSorted((a, b) => a - b)[Math.floor(0.99 * ROUNDS)]!;
  report(name, `${median(times).toFixed(2)} and ${most.toFixed(2)} ms`);
}
