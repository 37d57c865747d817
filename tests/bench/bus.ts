/**
 * Speed of topics: fan-out, one-shot latency, start to first message.
 *
 * @module
 */
import { Publisher, Subscriber } from "../../mod.ts";
import { Folder } from "../harness/folder.ts";
import { withoutMosquitto } from "../harness/mosquitto.ts";
import { commandLine, eventually } from "../harness/process.ts";
import {
  compare,
  inTurns,
  median,
  report,
  reportMachine,
  run,
  Timed,
  writeLines,
} from "./_measure.ts";
import { throughMosquitto } from "./_peers.ts";

const ROUNDS = 10;

await using folder = new Folder();
const bus = folder.file("bus");
Deno.env.set("FIFOBUS_DIR", bus);
reportMachine();

/** Sends one publisher's lines from a file to a number of subscribers. */
async function fanOut(subscribers: number, messages: number): Promise<number> {
  const from = folder.file(`${messages}`);
  await writeLines(from, messages);
  await using all = new AsyncDisposableStack();
  const ended = [];
  for (let i = 0; i < subscribers; i++) {
    const command = commandLine("sub", "-C", `${messages}`, "t");
    ended.push(all.use(new Timed(command)).end());
  }
  await eventually(() => names().length === subscribers);
  const start = performance.now();
  await using publisher = new Timed(
    commandLine("pub", "-l", "--slow-timeout", "inf", "t"),
    { from },
  );
  await Promise.all([publisher.end(), ...ended]);
  return (performance.now() - start) / 1000;
}

function names(): string[] {
  try {
    return [...Deno.readDirSync(bus)].map(({ name }) => name)
      .filter((name) => name.includes("@"));
  } catch {
    return [];
  }
}

for (
  const [subscribers, messages] of [[1, 1e6], [10, 2e5], [100, 5e4]] as const
) {
  const runs: Record<string, () => Promise<number>> = {
    [`pub -l to ${subscribers} sub, start of pub to end of all`]: () =>
      fanOut(subscribers, messages),
  };
  if (withoutMosquitto.length === 0) {
    // A fifth of the messages: it is that much slower.
    const few = messages / 5;
    const from = folder.file("few");
    await writeLines(from, few);
    runs["mosquitto_pub -l, mosquitto_sub"] = async () =>
      5 * await throughMosquitto(folder, from, few, subscribers);
  }
  compare(
    await inTurns(subscribers === 100 ? 1 : 3, runs),
    (seconds) =>
      `${(messages * subscribers / seconds / 1e6).toFixed(2)} million ` +
      "deliveries/s",
  );
}

/** The memory of a process: its resident set, and its own share of that. */
function memoryOf(pid: number): string {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return ["Rss", "Pss"].map((field) => {
    const kib = new RegExp(`${field}:\\s*(\\d+)`).exec(text)![1];
    return `${field.toUpperCase()} ${(Number(kib) / 1024).toFixed(0)} MiB`;
  }).join(", ");
}

if (Deno.build.os === "linux") {
  const sleeper = folder.file("sleeper.ts");
  await Deno.writeTextFile(sleeper, "setTimeout(() => {}, 1e6);");
  await using empty = new Timed([Deno.execPath(), "run", sleeper]);
  await using one = new Timed(commandLine("sub", "t"));
  await eventually(() => names().length === 1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  report("memory of a sub that waits", memoryOf(one.pid));
  report("  of a Deno program that only waits", memoryOf(empty.pid));
}

{
  await using publisher = await Publisher.open("nobody/there");
  const count = 200_000;
  await publisher.publish("first");
  const start = performance.now();
  for (let i = 0; i < count; i++) await publisher.publish("21.5");
  const each = (performance.now() - start) * 1000 / count;
  report(
    "publish to a topic without subscriber, awaited",
    `${each.toFixed(1)} µs`,
  );
}

{
  await using subscriber = await Subscriber.open("t");
  await using publisher = await Publisher.open("t");
  const trips = [];
  for (let i = 0; i < 2000; i++) {
    const start = performance.now();
    const reading = subscriber.read();
    publisher.publish("21.5");
    await reading;
    trips.push((performance.now() - start) * 1000);
  }
  report(
    "publish to read in one process, through the kernel",
    `${median(trips).toFixed(0)} µs`,
  );
}

const empty = folder.file("empty.ts");
await Deno.writeTextFile(empty, "");
const starts = {
  empty: [] as number[],
  none: [] as number[],
  one: [] as number[],
  sub: [] as number[],
};
async function time(into: number[], command: string[]): Promise<void> {
  const start = performance.now();
  await run(command);
  into.push(performance.now() - start);
}
for (let i = 0; i < ROUNDS; i++) {
  await time(starts.empty, [Deno.execPath(), "run", empty]);
  await time(starts.none, commandLine("pub", "nobody", "x"));
  await using _subscriber = new Timed(
    commandLine("sub", "--exit-word=exit", "t"),
  );
  await eventually(() => names().length === 1);
  await time(starts.one, commandLine("pub", "t", "exit"));
}
await run(commandLine("pub", "--retain", "r", "x"));
for (let i = 0; i < ROUNDS; i++) {
  await time(starts.sub, commandLine("sub", "-C1", "r"));
}
for (
  const [what, key] of [
    ["an empty Deno module, start to end", "empty"],
    ["pub to a topic without subscriber", "none"],
    ["pub to a topic with one", "one"],
    ["sub from its start to a first (retained) message and its end", "sub"],
  ] as const
) report(what, `${median(starts[key]).toFixed(0)} ms`);
