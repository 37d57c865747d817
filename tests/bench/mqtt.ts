/**
 * The cost of a broker: `deno task bench:mqtt`, with mosquitto on loopback.
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
import { LINE, median, report, reportMachine, run, Timed } from "./_measure.ts";

const COUNT = 50_000;
const ROUNDS = 500;

/** A way of messages: from where, to where, and how. */
interface Way {
  publish: string;
  subscribe: string;
  qos?: 0 | 1 | 2 | undefined;
}

await using bus = new TestBus();
Deno.env.set("FIFOBUS_DIR", bus.env.FIFOBUS_DIR!);
const lines = bus.file("lines");
await Deno.writeTextFile(
  lines,
  Array.from({ length: COUNT }, (_, i) => LINE(i)).join(""),
);

reportMachine();
await measure("the bus of this machine", { publish: "t", subscribe: "t" });
for (const qos of [0, 1, 2] as const) {
  await using broker = await Mosquitto.start(bus);
  const address = `${broker.url}/t`;
  const way = { publish: address, subscribe: address, qos };
  await measure(`mosquitto, QoS ${qos}`, way);
}
// With a stream of QoS 2, mosquitto 2.0.11 loses its bridge, even with its own
// clients.
for (const qos of [0, 1] as const) {
  await using one = await Mosquitto.start(bus);
  await using two = await Mosquitto.start(bus, [
    "listener {port} 127.0.0.1",
    "allow_anonymous true",
    "connection bridge",
    `address 127.0.0.1:${one.port}`,
    "topic # in 2",
  ]);
  await measureBridged(`two, bridged by mosquitto, QoS ${qos}`, one, two, qos);
}
for (const qos of [0, 1, 2] as const) {
  await using one = await Mosquitto.start(bus);
  await using two = await Mosquitto.start(bus);
  const args = ["--queue-bytes=64M", `--qos=${qos}`];
  await using _bridge = pub(...args, `--from=${one.url}/#`, two.url);
  await measureBridged(`two, bridged by pub --from, QoS ${qos}`, one, two, qos);
}

async function measureBridged(
  name: string,
  one: Mosquitto,
  two: Mosquitto,
  qos: Way["qos"],
): Promise<void> {
  await using subscriber = await Subscriber.open(`${two.url}/ready`);
  await repeatUntil(
    () => finish(pub(`${one.url}/ready`, ".")),
    subscriber.read(),
  );
  const way = { publish: `${one.url}/t`, subscribe: `${two.url}/t`, qos };
  await measure(name, way);
}

async function measure(name: string, way: Way): Promise<void> {
  const { half, most } = await latency(way);
  const perSecond = await throughput(way);
  report(
    name,
    `${perSecond} messages/s, ${half.toFixed(2)} and ${most.toFixed(2)} ms`,
  );
}

function options({ qos }: Way): string[] {
  return qos === undefined ? [] : [`--qos=${qos}`];
}

/** Messages in a second, including the start of the programs. */
async function throughput(way: Way): Promise<number> {
  const args = ["-C", `${COUNT}`, "--timeout=20", ...options(way)];
  const received = bus.file("received");
  const command = commandLine("sub", ...args, way.subscribe);
  await using subscriber = new Timed(command, { to: received });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const started = performance.now();
  await run([
    ...commandLine("pub", "--file", lines, ...options(way), way.publish),
  ]);
  await subscriber.end();
  const seconds = (performance.now() - started) / 1000;
  return Math.round(COUNT / seconds);
}

/** The time from publish() to read(), one message at a time. */
async function latency(way: Way): Promise<{ half: number; most: number }> {
  const mqtt = { qos: way.qos ?? 0 };
  await using subscriber = await Subscriber.open(way.subscribe, { mqtt });
  await using publisher = await Publisher.open(way.publish, { mqtt });
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    publisher.publish("21.5");
    await subscriber.read();
    times.push(performance.now() - started);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { half: median(times), most: sorted[Math.floor(0.99 * ROUNDS)]! };
}
