/**
 * A warehouse: thermometers in seven languages publish the temperatures of its
 * aisles, a rule raises alarms, and `sub` shows it all.
 *
 * ```sh
 * deno task demo                  # lines for ten seconds, and what arrived
 * deno task warehouse             # a dashboard in the terminal, until q
 * deno task warehouse --serve     # and on a page: --serve=PORT, else 8080
 * ```
 *
 * Arguments: the seconds between two readings of a sensor, and how many
 * readings it takes. Without the second it goes on until it is ended; without a
 * terminal its dashboard is lines as well. With it the last of the readings are
 * on the dashboard, if there is a terminal.
 *
 * @module
 */
import { parseArgs } from "jsr:@std/cli@1.0.32/parse-args";
import { TextLineStream } from "jsr:@std/streams@1.1.2/text-line-stream";
import { delay } from "../../lib/delay.ts";
import {
  type Command,
  fifobus,
  isInstalled,
  type Language,
  LANGUAGES,
  prepare,
  ROOT,
} from "../../tests/harness/programs.ts";

/** Warmer than that is too warm, in °C. */
const LIMIT = "25.0";

/** The share of the readings that are lines before the dashboard comes. */
const LINES = 0.8;

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

/**
 * Prints what `sub` prints until there is a dashboard, and counts it; returns
 * the alarms.
 */
async function show(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  aisles: Aisle[],
  showsDashboard: (received: number) => boolean,
): Promise<string[]> {
  let received = 0;
  const alarms: string[] = [];
  const lines: ReadableStream<string> = output
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (!showsDashboard(++received)) console.log(line);
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

function printWhatNext(): void {
  console.log(`
What next? The tour in README.md, after these:
  npm install --global deno    # unless you have Deno
  deno task install            # makes pub and sub commands
  deno task warehouse          # this warehouse, until you press q`);
}

const { serve, _: [seconds = "0.5", count] }: {
  serve?: string;
  _: string[];
} = parseArgs(Deno.args, { string: ["serve", "_"] });
const isWatched = !count && (Deno.stdout.isTerminal() || serve !== undefined);
const stopped = Promise.withResolvers<Deno.Signal>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => stopped.resolve(signal));
}
const running = new Set<Deno.ChildProcess>();
const bus = await Deno.makeTempDir({ prefix: "fifobus-warehouse-" });

function start(
  [command, ...args]: Command,
  options: Deno.CommandOptions,
): Deno.ChildProcess {
  const env = { FIFOBUS_DIR: bus };
  const child = new Deno.Command(command, { args, env, ...options }).spawn();
  running.add(child);
  child.status.then(() => running.delete(child));
  return child;
}

/** Starts a program; Ctrl-C is for us alone, who end the others in order. */
function startAside(command: Command): Deno.ChildProcess {
  return start(command, {
    stdin: "piped",
    stdout: "piped",
    // Not over the dashboard.
    stderr: isWatched ? "null" : "inherit",
    detached: true,
  });
}

/** Starts a sensor and its publisher. */
function publish(aisle: Aisle) {
  const topic = `warehouse/${aisle.name}/temperature`;
  const command = aisle.command.join(" ").replaceAll(ROOT, "");
  const args = ["-l", "--wait=2", topic];
  console.log(`$ ${command} | ./pub.ts ${args.join(" ")} &`);
  const sensor = startAside(aisle.command);
  // Not before the rule and sub are there.
  const publisher = startAside(fifobus("pub.ts", ...args));
  const passed = sensor.stdout.pipeThrough(counted(aisle))
    .pipeTo(publisher.stdin);
  return { sensor, ended: Promise.all([passed, publisher.status]) };
}

function startRule(): Deno.ChildProcess {
  console.log(`$ examples/warehouse/rule.ts ${LIMIT} &`);
  return startAside(fifobus("examples/warehouse/rule.ts", LIMIT));
}

/** Starts the dashboard, which has the terminal. */
function startDashboard(...options: string[]): Deno.ChildProcess {
  const alarm = ["--alarm", `warehouse/+/temperature>${LIMIT}`];
  const args = ["--dashboard", ...options, ...alarm, "warehouse/#"];
  const words = args.map((it) => /[>#]/.test(it) ? `'${it}'` : it);
  console.log(`$ ./sub.ts ${words.join(" ")}`);
  return start(fifobus("sub.ts", ...args), {});
}

/** Shows a dashboard until somebody leaves it. */
async function watch(aisles: Aisle[]): Promise<void> {
  startRule();
  for (const aisle of aisles) {
    // They are ended before they are done.
    publish(aisle).ended.catch(() => {});
  }
  const options = serve === undefined ? [] : ["--serve", serve || "8080"];
  const sub = startDashboard(...options);
  // It has the terminal, and so its Ctrl-C as well.
  stopped.promise.then((signal) => signal === "SIGINT" || sub.kill(signal));
  await sub.status;
}

/** Prints what arrives until all have ended, and counts it. */
async function list(aisles: Aisle[]): Promise<void> {
  console.log(`$ ./sub.ts -v 'warehouse/#' &`);
  const sub = startAside(fifobus("sub.ts", "-v", "warehouse/#"));
  const rule = startRule();
  let dashboard: Deno.ChildProcess | undefined;
  const lines = Deno.stdout.isTerminal()
    ? Number(count) * aisles.length * LINES
    : Infinity;
  const shown = show(sub.stdout, aisles, (received) => {
    if (received > lines) dashboard ??= startDashboard();
    return dashboard !== undefined;
  });
  const publishers = aisles.map(publish);
  const ended = Promise.all(publishers.map((publisher) => publisher.ended));
  console.log();
  await Promise.race([ended, stopped.promise]);

  for (const { sensor } of publishers) if (running.has(sensor)) sensor.kill();
  await ended;
  if (dashboard) await Promise.race([delay(1000), stopped.promise]);
  for (const child of [rule, sub, ...dashboard ? [dashboard] : []]) {
    if (running.has(child)) child.kill();
    await child.status;
  }
  printSummary(aisles, await shown);
  printWhatNext();
  const lost = aisles.some(({ sent, received }) => sent !== received);
  if (lost) Deno.exitCode = 1;
}

try {
  const aisles = await prepareAisles(count ? [seconds, count] : [seconds]);
  console.log(`\n$ export FIFOBUS_DIR=${bus}`);
  await (isWatched ? watch : list)(aisles);
} finally {
  for (const child of running) child.kill();
  await Promise.all([...running].map((child) => child.status));
  await Deno.remove(bus, { recursive: true });
}
