/**
 * Cost of many topics and many filters: `pub --keyed`, a topic for each line.
 * `deno task bench` measures ratios; a number of lines may be given.
 *
 * @module
 */
import { Folder } from "../harness/folder.ts";
import { commandLine, eventually } from "../harness/process.ts";
import { report, reportMachine, Timed } from "./_measure.ts";

const LINES = Number(Deno.args[0] ?? 200_000);
const ROUNDS = 5;

await using folder = new Folder();
const bus = folder.file("bus");
Deno.env.set("FIFOBUS_DIR", bus);
reportMachine();

/** Lines that go round the topics; a filter matches each topic. */
interface Case {
  topics: number;
  filters: number;
  subscribers: number;
}

const CASES: Case[] = [
  { topics: 10, filters: 10, subscribers: 1 },
  { topics: 100, filters: 100, subscribers: 1 },
  { topics: 1000, filters: 1000, subscribers: 1 },
  { topics: 5000, filters: 5000, subscribers: 1 },
  { topics: 100_000, filters: 10, subscribers: 1 },
  { topics: 100_000, filters: 5000, subscribers: 1 },
  { topics: 100, filters: 10, subscribers: 10 },
  { topics: 100_000, filters: 5000, subscribers: 10 },
];

/**
 * Times a publisher and its subscribers, from its start to their ends, which
 * includes removing the names. Fails unless all lines have arrived, in order.
 */
async function time({ topics, filters, subscribers }: Case): Promise<number> {
  const from = folder.file(`${topics}-${filters}`);
  const lines = Array.from({ length: LINES }, (_, i) => {
    const topic = i % topics;
    const text = String(i).padStart(12, "0");
    return `s/${topic % filters}/${Math.floor(topic / filters)}\t${text}\n`;
  });
  await Deno.writeTextFile(from, lines.join(""));
  await using all = new AsyncDisposableStack();
  const outputs = [];
  const ended = [];
  for (let i = 0; i < subscribers; i++) {
    const own = Array.from(
      { length: filters / subscribers },
      (_, j) => `s/${i + j * subscribers}/+`,
    );
    const to = folder.file(`out-${i}`);
    outputs.push(to);
    const command = commandLine("sub", `-C${LINES / subscribers}`, ...own);
    ended.push(all.use(new Timed(command, { to })).end());
  }
  await eventually(() => names() === filters);
  const start = performance.now();
  await using publisher = new Timed(
    commandLine("pub", "--keyed", "--slow-timeout", "inf"),
    { from },
  );
  await Promise.all([publisher.end(), ...ended]);
  const seconds = (performance.now() - start) / 1000;
  const arrived = new Set<string>();
  for (const to of outputs) {
    const texts = (await Deno.readTextFile(to)).split("\n").slice(0, -1);
    if (texts.join() !== texts.toSorted().join()) {
      throw new Error("out of order");
    }
    for (const text of texts) arrived.add(text);
  }
  if (arrived.size !== LINES) throw new Error(`${arrived.size} have arrived`);
  return seconds;
}

/** How many subscriptions there are. */
function names(): number {
  try {
    return [...Deno.readDirSync(bus)]
      .filter(({ name }) => name.includes("@")).length;
  } catch {
    return 0;
  }
}

// In turns, and the fastest of each: a busy moment must not decide.
const times = CASES.map((): number[] => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, it] of CASES.entries()) times[i]!.push(await time(it));
}
const base = Math.min(...times[0]!);
for (const [i, { topics, filters, subscribers }] of CASES.entries()) {
  const seconds = Math.min(...times[i]!);
  report(
    `${topics} topics, ${filters} filters of ${subscribers} sub`,
    `${(seconds / base).toFixed(2)} times the first, ` +
      `${(LINES / seconds / 1e6).toFixed(2)} million lines/s`,
  );
}
