/**
 * Publishers and subscribers of topics, which are killed, stopped and ended, on a
 * bus that is removed and made again.
 *
 * @module
 */
import { Folder } from "../harness/folder.ts";
import { commandLine } from "../harness/process.ts";
import { randomNumbers } from "../harness/random.ts";
import {
  emptyReport,
  message,
  parse,
  Program,
  type Report,
  saidBy,
} from "./_chaos.ts";

const TOPICS = ["a/1", "a/2", "a/b/1", "b/1", "b/2"];

/** Filters of one subscriber, which overlap. */
const FILTERS = [["#"], ["a/#", "a/+"], ["a/1", "+/1", "b/#"], ["b/2", "#"]];

/** How often the bus is removed; the last time is well before the end. */
const REMOVE_MS = 7000;
const QUIET_MS = 1000;

/** A subscriber without a message for this long is deaf: programs start slowly. */
const DEAF_MS = 5000;

/** When a subscriber without names may miss messages, with a margin. */
type Gone = [from: number, to: number];

/** One subscriber. */
interface Life {
  output: string;
  pid: number;
  from: number;
  to: number;
  wasStopped: boolean;
}

/** A message as `sub --json` prints it. */
interface Printed {
  topic: string;
  message: string;
  time: string;
  retained: boolean;
  missed?: number;
}

/**
 * Tests the bus.
 *
 * @param endAt When to end, by performance.now().
 * @param seed What makes the choices the same in each run.
 * @returns The faults that were found: messages are lost if their gap was not
 * reported.
 */
export async function chaosOfTopics(
  endAt: number,
  seed: number,
): Promise<Report> {
  await using folder = new Folder();
  const random = randomNumbers(seed);
  const bus = folder.file("bus");
  const env = { FIFOBUS_DIR: bus };
  const report = emptyReport("topics");
  const gone: Gone[] = [];
  const lives: Life[] = [];
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  const left = () => endAt - performance.now();

  /** One publisher after the other, each with some topics. */
  const publish = async (slot: number) => {
    while (left() > 0) {
      const name = `p${slot}x${report.publishers++}`;
      const options = ["-q", "-l", "--keyed", ...random(3) ? [] : ["--retain"]];
      const command = commandLine("pub", ...options);
      const publisher = new Program(command, folder.file(name), env);
      const input = publisher.child.stdin.getWriter();
      const numbers = TOPICS.map(() => 0);
      const stopAt = performance.now() + 300 + random(2500);
      try {
        while (performance.now() < Math.min(stopAt, endAt)) {
          const lines: string[] = [];
          for (let i = random(20); i >= 0; i--) {
            const at = random(TOPICS.length);
            const size = random(10) ? random(60) : random(8000);
            const text = message(name, ++numbers[at]!, size);
            lines.push(`${TOPICS[at]}\t${text}\n`);
          }
          await Promise.race([
            input.write(new TextEncoder().encode(lines.join(""))),
            pause(1000),
          ]);
          await pause(1 + random(20));
        }
      } catch {
        // It has ended: its standard error is checked at the end.
      }
      if (random(3) === 0) {
        report.publishersKilled++;
        publisher.kill("SIGKILL");
        await input.abort().catch(() => {});
      } else await input.close().catch(() => {});
      const { code } = await publisher.child.status;
      if (code === 1) {
        report.details.push(`failed: ${await saidBy(folder.file(name))}`);
      }
    }
  };

  /** One subscriber after the other. */
  const subscribe = async (slot: number) => {
    while (left() > 0) {
      const output = folder.file(`s${slot}x${report.readers++}`);
      const filters = FILTERS[random(FILTERS.length)]!;
      const command = commandLine("sub", "--json", ...filters);
      const subscriber = new Program(command, output, env);
      const { pid } = subscriber.child;
      const life = { output, pid, from: Date.now(), to: 0, wasStopped: false };
      lives.push(life);
      const ms = 300 + random(random(4) ? 8000 : 16_000);
      await Promise.race([subscriber.child.status, pause(ms)]);
      if (!subscriber.isOver && random(4) === 0) {
        report.stopped++;
        life.wasStopped = true;
        subscriber.kill("SIGSTOP");
        await pause(50 + random(2500));
        subscriber.kill("SIGCONT");
        await pause(random(500));
      }
      const signals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const;
      const signal = signals[random(signals.length)]!;
      life.to = Date.now();
      if (!subscriber.isOver) {
        report.ended[signal] = (report.ended[signal] ?? 0) + 1;
        subscriber.kill(signal);
      } else report.details.push(`ended: ${await saidBy(output)}`);
      await subscriber.child.stdin.close().catch(() => {});
      await subscriber.child.status;
    }
  };

  const remove = async () => {
    while (left() > 4 * QUIET_MS + REMOVE_MS) {
      await pause(REMOVE_MS);
      const from = Date.now();
      await Deno.remove(bus, { recursive: true }).catch(() => {});
      const window: Gone = [from - 200, Infinity];
      gone.push(window);
      // They are all back within 2 s, on a busy machine later.
      const living = lives.filter(({ to, wasStopped }) => !to && !wasStopped);
      const isBack = ({ pid, to }: Life) =>
        to > 0 || namesIn(bus).some((name) => name.includes(`@${pid}-`));
      await pause(2000);
      while (!living.every(isBack) && Date.now() - from < DEAF_MS) {
        await pause(50);
      }
      window[1] = Date.now() + 500;
    }
  };

  await Promise.all([
    ...[0, 1].map(publish),
    ...[0, 1, 2, 3].map(subscribe),
    remove(),
  ]);
  for (const life of lives) await check(life, gone, report);
  return report;
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Compares the output of one subscriber with the promises. */
async function check(
  { output, from, to, wasStopped }: Life,
  gone: Gone[],
  report: Report,
): Promise<void> {
  const lines = (await Deno.readTextFile(output)).split("\n");
  // A killed program may leave a part of a line.
  lines.pop();
  const last = new Map<string, { number: number; at: number }>();
  const seen = new Set<string>();
  let lastAt = 0;
  let missed = 0;
  let gaps = 0;
  for (const line of lines) {
    const printed: Printed = JSON.parse(line);
    const it = parse(printed.message);
    if (!it) {
      report.broken++;
      report.details.push(`broken: ${printed.message.slice(0, 60)}`);
      continue;
    }
    report.messages++;
    missed += printed.missed ?? 0;
    // A last value was published before.
    if (printed.retained) continue;
    const key = `${it.publisher} ${printed.topic}`;
    const id = `${key} ${it.number}`;
    if (seen.has(id)) {
      report.doubled++;
      report.details.push(`doubled: ${output} ${id}`);
    }
    seen.add(id);
    const at = Date.parse(printed.time);
    lastAt = at;
    const before = last.get(key);
    last.set(key, { number: it.number, at });
    if (!before) continue;
    if (it.number < before.number) {
      report.reordered++;
      report.details.push(`reordered: ${output} ${id} after ${before.number}`);
    }
    const wasGone = gone.some(([since, until]) =>
      before.at < until && at > since
    );
    const gap = it.number - before.number - 1;
    if (gap > 0 && !wasGone) {
      gaps += gap;
      if (gaps > missed) {
        report.details.push(`gap: ${output} ${gap} before ${id}`);
      }
    }
  }
  // A message behind the part of a killed publisher's message is dropped with it.
  const dropped = (await saidBy(output))
    .matchAll(/(\d+) messages? (?:was|were) dropped/g);
  const told = dropped.reduce((sum, [, count]) => sum + Number(count), missed);
  report.lost += Math.max(0, gaps - told);
  const isDeaf = !wasStopped &&
    gone.some(([since, until]) =>
      from < since - QUIET_MS && to > until + DEAF_MS && lastAt < until
    );
  if (!isDeaf) return;
  report.lost++;
  report.details.push(`deaf: ${output}: ${await saidBy(output)}`);
}
