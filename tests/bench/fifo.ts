/**
 * Speed and memory of one FIFO: `deno task bench`. The comparison with
 * MQTT is left out where mosquitto and its clients are not installed.
 *
 * @module
 */
import { Publisher } from "../../mod.ts";
import { Folder } from "../harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "../harness/mosquitto.ts";
import { commandLine, eventually } from "../harness/process.ts";
import { LINE, median, report, reportMachine, run, Timed } from "./_measure.ts";

const ROUNDS = 5;

function perSecond(messages: number, seconds: number): string {
  return `${(messages / seconds / 1e6).toFixed(2)} million messages/s`;
}

async function writeLines(path: string, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => LINE(i));
  await Deno.writeTextFile(path, `${lines.join("")}exit\n`);
}

/** Lines from a file through a FIFO into a file. */
async function throughFifo(folder: Folder, count: number) {
  const pipe = folder.file("pipe");
  const from = folder.file(`${count}`);
  const to = folder.file("out");
  await using subscriber = new Timed(
    commandLine("sub", pipe),
    { to },
  );
  await using publisher = new Timed(commandLine("pub", "-l", pipe), { from });
  const [sub, pub] = await Promise.all([subscriber.end(), publisher.end()]);
  const { size } = await Deno.stat(to);
  if (size !== count * LINE(0).length) throw new Error("messages were lost");
  return { seconds: sub.seconds, sub: sub.peakMib, pub: pub.peakMib };
}

/** The same through mosquitto, from start to the last message. */
async function throughMosquitto(folder: Folder, count: number) {
  await using broker = await Mosquitto.start(folder);
  const topic = [...broker.address, "-t", "t"];
  const to = folder.file("mqtt-out");
  await using subscriber = new Timed(
    ["mosquitto_sub", ...topic, "-C", `${count + 1}`],
    { to },
  );
  // Retained, so that it does not matter which program starts first.
  await run(["mosquitto_pub", ...topic, "-r", "-m", "ready"]);
  await eventually(async () => (await Deno.stat(to)).size > 0);
  const start = performance.now();
  await using publisher = new Timed(
    ["mosquitto_pub", ...topic, "-l"],
    { from: folder.file(`${count}`) },
  );
  await subscriber.end();
  await publisher.end();
  return (performance.now() - start) / 1000;
}

/** Messages that one process publishes to a plain cat. */
async function publishing(pipe: string, count: number, wait: boolean) {
  await using _reader = new Timed(["cat", pipe]);
  await using publisher = await Publisher.open(pipe);
  await publisher.publish("ready");
  const message = LINE(0).trimEnd();
  const start = performance.now();
  for (let i = 1; i < count; i++) {
    const written = publisher.publish(message);
    if (wait) await written;
  }
  await publisher.publish(message);
  return (performance.now() - start) / 1000;
}

await using folder = new Folder();
reportMachine();

const million = 1_000_000;
for (const count of [million / 5, million, 5 * million]) {
  await writeLines(folder.file(`${count}`), count);
}

const rounds = [];
for (let i = 0; i < ROUNDS; i++) {
  rounds.push(await throughFifo(folder, million));
}
const seconds = median(rounds.map((round) => round.seconds));
report("pub -l FIFO < file, sub FIFO > file", perSecond(million, seconds));

for (const count of [million, 5 * million]) {
  const { sub, pub } = await throughFifo(folder, count);
  const peaks = `pub ${pub.toFixed(0)} MiB, sub ${sub.toFixed(0)} MiB`;
  report(`  peak memory with ${count / million} million messages`, peaks);
}

if (withoutMosquitto.length === 0) {
  const mqtt = median([
    await throughMosquitto(folder, million / 5),
    await throughMosquitto(folder, million / 5),
    await throughMosquitto(folder, million / 5),
  ]);
  report("mosquitto_pub -l, mosquitto_sub", perSecond(million / 5, mqtt));
  report("  times as many through the FIFO", (5 * mqtt / seconds).toFixed(0));
} else report("mosquitto_pub -l, mosquitto_sub", "left out, not installed");

const pipe = folder.file("pipe");
const loose = await publishing(pipe, million, false);
report("Publisher.publish(), not awaited", perSecond(million, loose));
const awaited = await publishing(pipe, million / 20, true);
report("Publisher.publish(), each awaited", perSecond(million / 20, awaited));
