/**
 * Publishers and readers of all kinds on one FIFO, and on topics, which are killed,
 * stopped and ended: `deno task chaos --seconds 600 --seed 1`.
 *
 * Each message has the name of its publisher, a number, its length and a
 * checksum. The output of the readers is compared with the promises.
 *
 * @module
 */
import { pathBeside } from "../../lib/fifo/queue_header.ts";
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";
import {
  type Command,
  isInstalled,
  LANGUAGES,
  prepare,
} from "../harness/programs.ts";
import { Folder } from "../harness/folder.ts";
import { commandLine, eventually } from "../harness/process.ts";
import { randomNumbers } from "../harness/random.ts";
import {
  emptyReport,
  message,
  parse,
  Program,
  type Report,
  saidBy,
} from "./_chaos.ts";
import { chaosOfTopics } from "./topics.ts";

/** How to test one FIFO. */
interface Arena {
  name: string;
  /** The longest message. */
  maxBytes: number;
  publishers: Record<string, (path: string) => Command>;
  /** How readers are ended. */
  endings: Deno.Signal[];
  /** Whether a program that reads nothing holds the FIFO open. */
  held: boolean;
  /**
   * Whether it changes all the time if a queue file can be made beside the FIFO,
   * which gets another name as well.
   */
  isUnsteady?: boolean;
}

const here = (name: string) => fromFileUrl(new URL(name, import.meta.url));

const library = (name: string, ...args: string[]): Command =>
  [
    ...[Deno.execPath(), "run", "--allow-all"],
    ...["--config", here("../../deno.json"), here(name), ...args],
  ] as unknown as Command;

const shell = 'while IFS= read -r line; do echo "$line" > "$0"; done';

/** The publishers of the examples, as far as their languages are installed. */
const EXAMPLES: Arena["publishers"] = {};
for (const language of LANGUAGES) {
  const { name, folder } = language;
  if (name !== "Go" && name !== "Python" || !await isInstalled(language)) {
    continue;
  }
  const from = new URL(`../../examples/languages/${folder}/`, import.meta.url);
  const command = await prepare(language, from, "publisher");
  EXAMPLES[name] = (path) => [...command, path] as unknown as Command;
}

const OURS: Arena["publishers"] = {
  pub: (path) => commandLine("pub", "-l", path),
  library: (path) => library("publisher.ts", path),
};

const GENTLE: Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP"];

const ARENAS: Arena[] = [
  {
    name: "large",
    maxBytes: 200_000,
    publishers: OURS,
    endings: GENTLE,
    held: false,
  },
  {
    name: "plain",
    maxBytes: 4000,
    publishers: {
      ...OURS,
      echo: (path) => ["sh", "-c", shell, path],
      ...EXAMPLES,
    },
    endings: GENTLE,
    // A message that a plain program writes while the last reader closes is lost.
    held: true,
  },
  {
    name: "killed readers",
    maxBytes: 60_000,
    publishers: OURS,
    endings: [...GENTLE, "SIGKILL", "SIGKILL"],
    held: false,
  },
  {
    name: "unsteady",
    maxBytes: 60_000,
    publishers: OURS,
    endings: GENTLE,
    held: false,
    isUnsteady: true,
  },
];

/** Tests one FIFO. */
async function run(arena: Arena, endAt: number, seed: number): Promise<Report> {
  await using folder = new Folder();
  const random = randomNumbers(seed);
  const path = await folder.fifo();
  const env = { FIFOBUS_DIR: folder.file("bus") };
  const report = emptyReport(arena.name);
  const outputs: string[] = [];
  const sent = new Map<string, { count: number; isWhole: boolean }>();
  using _held = arena.held
    ? Deno.openSync(path, { read: true, write: true })
    : undefined;
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  const isOver = () => performance.now() > endAt;
  const names = [path];
  const anyName = () => names[names.length > 1 ? random(names.length) : 0]!;

  const disturb = async () => {
    const startedAt = performance.now();
    const half = (endAt - startedAt) / 2;
    while (!isOver()) {
      // A folder at its path: no queue file can be made there.
      for (const name of names) {
        const queue = pathBeside(name);
        try {
          if (random(2) === 0) Deno.mkdirSync(queue);
          else if (Deno.lstatSync(queue).isDirectory) Deno.removeSync(queue);
        } catch {
          // There is a queue file, or nothing.
        }
      }
      await pause(100 + random(1000));
      if (names.length > 1 || performance.now() < startedAt + half) continue;
      names.push(folder.file("other"));
      Deno.linkSync(path, names[1]!);
    }
  };
  const disturbing = arena.isUnsteady ? disturb() : undefined;

  const size = () => {
    const kind = random(10);
    if (kind < 6) return random(60);
    if (kind < 8) return random(Math.min(arena.maxBytes, 4000));
    return random(arena.maxBytes);
  };

  /** One publisher after the other. */
  const publish = async (slot: number) => {
    const kinds = Object.values(arena.publishers);
    while (!isOver()) {
      const name = `p${slot}x${report.publishers++}`;
      const command = kinds[random(kinds.length)]!(anyName());
      const publisher = new Program(command, folder.file(name), env);
      const input = publisher.child.stdin.getWriter();
      const state = { count: 0, isWhole: true };
      sent.set(name, state);
      const stopAt = performance.now() + 100 + random(900);
      const isKilled = random(3) === 0;
      try {
        while (performance.now() < stopAt) {
          const lines: string[] = [];
          for (let i = random(30); i >= 0; i--) {
            lines.push(`${message(name, ++state.count, size())}\n`);
          }
          await Promise.race([
            input.write(new TextEncoder().encode(lines.join(""))),
            pause(Math.max(1, stopAt - performance.now())),
          ]);
          if (random(4) === 0) await pause(random(30));
        }
      } catch {
        // Somebody else killed it: its messages count as lost.
      }
      if (isKilled) {
        state.isWhole = false;
        report.publishersKilled++;
        publisher.kill("SIGKILL");
        await input.abort().catch(() => {});
      } else await input.close().catch(() => {});
      const { code } = await publisher.child.status;
      if (!isKilled && code !== 0) {
        report.details.push(
          `failed: ${name} ${code} ${await saidBy(folder.file(name))}`,
        );
      }
    }
  };

  const readers: [string, () => Command][] = [
    ["sub", () => commandLine("sub", "--no-exit-word", anyName())],
    [
      "sub -C",
      () =>
        commandLine(
          "sub",
          "--no-exit-word",
          "-C",
          `${1 + random(60)}`,
          anyName(),
        ),
    ],
    [
      "exec",
      () =>
        commandLine(
          "sub",
          "--no-exit-word",
          "--jobs",
          "2",
          "--exec",
          'cat > "$OUT.$FIFOBUS_SEQUENCE"',
          anyName(),
        ),
    ],
    ["library", () => library("subscriber.ts", anyName(), "Infinity")],
    [
      "library, a few",
      () => library("subscriber.ts", anyName(), `${1 + random(5)}`),
    ],
  ];

  /** One reader after the other. */
  const read = async (slot: number) => {
    while (!isOver()) {
      const [, command] = readers[random(readers.length)]!;
      const output = folder.file(`r${slot}x${report.readers++}`);
      outputs.push(output);
      const reader = new Program(command(), output, { ...env, OUT: output });
      await Promise.race([reader.child.status, pause(200 + random(1500))]);
      if (!reader.isOver && random(4) === 0) {
        report.stopped++;
        reader.kill("SIGSTOP");
        await pause(50 + random(400));
        reader.kill("SIGCONT");
        await pause(random(100));
      }
      if (!reader.isOver) {
        const signal = arena.endings[random(arena.endings.length)]!;
        report.ended[signal] = (report.ended[signal] ?? 0) + 1;
        reader.kill(signal);
      }
      await reader.child.stdin.close().catch(() => {});
      await reader.child.status;
    }
  };

  const publishing = Promise.all([0, 1].map(publish));
  await Promise.all([0, 1, 2].map(read));
  // The publishers end while there is somebody to read.
  let isPublished = false;
  publishing.finally(() => isPublished = true);
  while (!isPublished) {
    const output = folder.file(`r9x${report.readers++}`);
    outputs.push(output);
    const command = commandLine("sub", "--no-exit-word", "-W", "1", path);
    const last = new Program(command, output, env);
    await last.child.stdin.close();
    await last.child.status;
  }
  await publishing;
  await disturbing;
  const output = folder.file("last");
  outputs.push(output);
  const last = new Program(
    commandLine("sub", "--no-exit-word", "-W", "1", path),
    output,
    env,
  );
  await last.child.stdin.close();
  await last.child.status;
  await eventually(() => last.isOver);

  await check(folder, outputs, sent, report);
  return report;
}

/** Compares the output of the readers with the published messages. */
async function check(
  folder: Folder,
  outputs: string[],
  sent: Map<string, { count: number; isWhole: boolean }>,
  report: Report,
): Promise<void> {
  const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  const found = new Map<string, Set<number>>();
  for (const output of outputs) {
    const base = output.slice(output.lastIndexOf("/") + 1);
    const ofCommands = names.filter((name) =>
      name.startsWith(`${base}.`) && /\.[0-9]+$/.test(name)
    );
    const texts = await Promise.all(
      [base, ...ofCommands].map((name) => Deno.readTextFile(folder.file(name))),
    );
    const last = new Map<string, number>();
    for (const [i, text] of texts.entries()) {
      // A command that was ended with its worker leaves a part of a message.
      const lines = i === 0 ? text.split("\n") : [text];
      if (i === 0 && lines.pop() !== "" && !report.ended.SIGKILL) {
        report.broken++;
      }
      for (const line of lines) {
        const it = parse(line);
        if (!it) {
          if (i > 0 && report.ended.SIGKILL) continue;
          report.broken++;
          report.details.push(
            `broken: ${line.slice(0, 60)}…${line.slice(-30)}`,
          );
          continue;
        }
        report.messages++;
        const numbers = found.get(it.publisher) ?? new Set();
        found.set(it.publisher, numbers);
        if (numbers.has(it.number)) {
          report.doubled++;
          report.details.push(`doubled: ${it.publisher} ${it.number} ${base}`);
        }
        numbers.add(it.number);
        // Two commands at a time may end in any order.
        if (i > 0) continue;
        if (it.number < (last.get(it.publisher) ?? 0)) report.reordered++;
        last.set(it.publisher, it.number);
      }
    }
  }
  for (const output of outputs) {
    const said = await saidBy(output);
    if (said !== "") report.details.push(`said: ${said}`);
  }
  for (const [publisher, { count, isWhole }] of sent) {
    const numbers = found.get(publisher) ?? new Set();
    // Nobody knows which messages a killed publisher had not sent yet.
    const all = isWhole ? count : Math.max(0, ...numbers);
    for (let number = 1; number <= all; number++) {
      if (numbers.has(number)) continue;
      report.lost++;
      if (report.details.length < 20) {
        report.details.push(`lost: ${publisher} ${number} of ${all}`);
      }
    }
  }
}

/**
 * Tests all kinds of FIFOs.
 *
 * @param seconds How long to test.
 * @param seed What makes the choices the same in each run.
 * @returns The faults that were found.
 */
export async function chaos(seconds: number, seed: number): Promise<Report[]> {
  const endAt = performance.now() + 1000 * seconds;
  return await Promise.all([
    ...ARENAS.map((arena, i) => run(arena, endAt, seed + i)),
    chaosOfTopics(endAt, seed + ARENAS.length),
  ]);
}

/** What a report says against the promises, if anything. */
export function faultOf(report: Report): string | undefined {
  const { arena, broken, doubled, reordered, messages, lost } = report;
  if (broken + doubled + reordered > 0) {
    return `${arena}: ${broken} broken, ${doubled} doubled, ${reordered} reordered`;
  }
  if (messages < 10) return `${arena}: ${messages} messages`;
  // A killed reader loses the messages that it had taken, at most a full FIFO.
  // On topics, only the other subscribers are checked.
  const killed = arena === "topics" ? 0 : report.ended.SIGKILL ?? 0;
  const most = killed * 64 * 1024 / 30;
  return lost > most ? `${arena}: ${lost} lost` : undefined;
}

if (import.meta.main) {
  const value = (name: string, otherwise: number) => {
    const at = Deno.args.indexOf(name);
    return at < 0 ? otherwise : Number(Deno.args[at + 1]);
  };
  const seconds = value("--seconds", 60);
  const seed = value("--seed", Date.now() % 1_000_000);
  console.log(`chaos for ${seconds} s, seed ${seed}`);
  const reports = await chaos(seconds, seed);
  for (const { details, ...report } of reports) {
    console.log(report);
    for (const line of details.slice(0, 10)) console.log(`  ${line}`);
  }
  const faults = reports.map(faultOf).filter((fault) => fault !== undefined);
  for (const fault of faults) console.error(fault);
  Deno.exitCode = faults.length > 0 ? 1 : 0;
}
