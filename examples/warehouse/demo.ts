/**
 * A warehouse: thermometers in seven languages publish the temperatures of its
 * aisles, a rule raises alarms, and `sub` shows it all. At the end it counts
 * what was sent and what arrived.
 *
 * ```sh
 * deno task demo       # some ten seconds
 * deno task warehouse  # until Ctrl-C
 * ```
 *
 * Arguments: the seconds between two readings of a sensor, and how many
 * readings it takes; without the second it goes on until Ctrl-C.
 *
 * @module
 */
import { TextLineStream } from "jsr:@std/streams@1.1.2/text-line-stream";
import {
  type Command,
  fifobus,
  isInstalled,
  type Language,
  LANGUAGES,
  prepare,
  ROOT,
} from "../_programs.ts";

/** Warmer than that is too warm, in °C. */
const LIMIT = "25.0";

/** The temperature in °C around which each sensor measures. */
const BASES = ["21.5", "19.8", "4.2", "20.6", "18.3", "-18.5", "23.4"];

/** One aisle, and what was heard of it. */
interface Aisle {
  name: string;
  language: Language;
  command: Command;
  sent: number;
  received: number;
}

/** The aisles whose sensor can run here; says which cannot, and why. */
async function prepareAisles(args: string[]): Promise<Aisle[]> {
  console.log("Building the sensors.");
  const aisles = await Promise.all(LANGUAGES.map(async (language, i) => {
    if (!await isInstalled(language)) {
      console.log(`Left out: ${language.name}, which is not installed.`);
      return [];
    }
    try {
      const folder = new URL(".", import.meta.url);
      const command = await prepare(language, folder, "sensor");
      command.push(BASES[i]!, ...args);
      return { name: `a${i + 1}`, language, command, sent: 0, received: 0 };
    } catch (error) {
      console.log(`Left out: ${language.name}. ${(error as Error).message}`);
      return [];
    }
  }));
  return aisles.flat();
}

/** Prints what `sub` prints, and counts it; returns the alarms. */
async function show(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  aisles: Aisle[],
): Promise<string[]> {
  const alarms: string[] = [];
  const lines: ReadableStream<string> = output
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    console.log(line);
    const [, name, kind] = line.split(/[/\t]/);
    if (kind === "alarm") alarms.push(line);
    else aisles.find((aisle) => aisle.name === name)!.received++;
  }
  return alarms;
}

/** Passes a sensor's lines on to its publisher, and counts them. */
function counted(aisle: Aisle) {
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      for (const byte of chunk) if (byte === 0x0a) aisle.sent++;
      controller.enqueue(chunk);
    },
  });
}

function printSummary(aisles: Aisle[], alarms: string[]): void {
  const rows = aisles.map(({ name, language, sent, received }) =>
    [name, language.name, sent, received, sent - received].map(String)
  );
  console.log();
  for (
    const row of [["aisle", "language", "sent", "received", "lost"], ...rows]
  ) {
    const [name, language, ...figures] = row;
    const cells = figures.map((figure) => figure.padStart(8));
    console.log(name!.padEnd(7) + language!.padEnd(8) + cells.join("  "));
  }
  console.log(`\nalarms: ${alarms.length}`);
  for (const alarm of alarms) console.log(alarm);
}

const [seconds = "0.5", count] = Deno.args;
const stopped = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => stopped.resolve());
}
const running = new Set<Deno.ChildProcess>();
const bus = await Deno.makeTempDir({ prefix: "fifobus-warehouse-" });

/** Starts a program; Ctrl-C is for us alone, who end the others in order. */
function start([command, ...args]: Command): Deno.ChildProcess {
  const child = new Deno.Command(command, {
    args,
    env: { FIFOBUS_DIR: bus },
    stdin: "piped",
    stdout: "piped",
    detached: true,
  }).spawn();
  running.add(child);
  child.status.then(() => running.delete(child));
  return child;
}

try {
  const aisles = await prepareAisles(count ? [seconds, count] : [seconds]);
  console.log(`
$ export FIFOBUS_DIR=${bus}
$ ./sub.ts -v 'warehouse/#' &
$ examples/warehouse/rule.ts ${LIMIT} &`);
  const sub = start(fifobus("sub.ts", "-v", "warehouse/#"));
  const rule = start(fifobus("examples/warehouse/rule.ts", LIMIT));
  const shown = show(sub.stdout, aisles);

  const publishers = aisles.map((aisle) => {
    const topic = `warehouse/${aisle.name}/temperature`;
    const command = aisle.command.join(" ").replaceAll(ROOT, "");
    console.log(`$ ${command} | ./pub.ts -l --wait=2 ${topic} &`);
    const sensor = start(aisle.command);
    // Not before the rule and sub are there.
    const publisher = start(fifobus("pub.ts", "-l", "--wait=2", topic));
    const passed = sensor.stdout.pipeThrough(counted(aisle))
      .pipeTo(publisher.stdin);
    return { sensor, ended: Promise.all([passed, publisher.status]) };
  });
  const ended = Promise.all(publishers.map((publisher) => publisher.ended));
  console.log();
  await Promise.race([ended, stopped.promise]);

  for (const { sensor } of publishers) if (running.has(sensor)) sensor.kill();
  await ended;
  for (const child of [rule, sub]) {
    child.kill();
    await child.status;
  }
  const alarms = await shown;
  printSummary(aisles, alarms);
  const lost = aisles.some(({ sent, received }) => sent !== received);
  if (lost) Deno.exitCode = 1;
} finally {
  for (const child of running) child.kill();
  await Promise.all([...running].map((child) => child.status));
  await Deno.remove(bus, { recursive: true });
}
