/**
 * Speed of `sub --record` and `pub --replay`: `deno task bench:record`, for a
 * million messages, or as many as are given.
 *
 * @module
 */
import { Folder } from "../harness/folder.ts";
import { commandLine, eventually } from "../harness/process.ts";
import { compare, inTurns, report, reportMachine, Timed } from "./_measure.ts";

const COUNT = Number(Deno.args[0] ?? 1_000_000);
const ROUNDS = 5;

await using folder = new Folder();
const bus = folder.file("bus");
Deno.env.set("FIFOBUS_DIR", bus);
reportMachine();

const rate = (seconds: number) =>
  `${(COUNT / seconds / 1e6).toFixed(2)} million messages/s`;

/**
 * Times a publisher and a subscriber, from the start of the publisher to their
 * ends. Fails unless the subscriber gets every message.
 */
async function through(
  publisher: { args: string[]; from: string },
  subscriber: { args: string[]; to: string },
): Promise<number> {
  const receiving = new Timed(
    commandLine("sub", `-C${COUNT}`, ...subscriber.args, "#"),
    { to: subscriber.to },
  );
  await using _receiving = receiving;
  await eventually(() => isThere());
  const start = performance.now();
  const args = [...publisher.args, "--slow-timeout=inf"];
  const { from } = publisher;
  await using sending = new Timed(commandLine("pub", ...args), { from });
  await Promise.all([sending.end(), receiving.end()]);
  return (performance.now() - start) / 1000;
}

function isThere(): boolean {
  try {
    return [...Deno.readDirSync(bus)].some(({ name }) => name.includes("@"));
  } catch {
    return false;
  }
}

/** How many lines a file has. */
async function linesOf(path: string): Promise<number> {
  const wc = new Deno.Command("wc", { args: ["-l", path] });
  const { stdout } = await wc.output();
  return parseInt(new TextDecoder().decode(stdout));
}

const keyed = folder.file("keyed");
const record = folder.file("record");
const other = folder.file("other");
{
  using file = await Deno.open(keyed, { create: true, write: true });
  const writer = file.writable.getWriter();
  for (let i = 0; i < COUNT; i += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, j) => {
      const topic = `warehouse/a${j % 10}/temp`;
      return `${topic}\t${String(i + j).padStart(12, "0")}\n`;
    });
    await writer.write(new TextEncoder().encode(lines.join("")));
  }
}

const fast = { args: ["--keyed"], from: keyed };

compare(
  await inTurns(ROUNDS, {
    "pub --keyed to sub --record": async () => {
      await Deno.remove(record).catch(() => {});
      const args = ["--record", record];
      const seconds = await through(fast, { args, to: "/dev/null" });
      const lines = await linesOf(record);
      if (lines !== COUNT) throw new Error(`${lines} lines`);
      return seconds;
    },
    "sub --record --rotate=10M": async () => {
      for (const { name } of Deno.readDirSync(folder.path)) {
        if (name.startsWith("parts")) await Deno.remove(folder.file(name));
      }
      const args = ["--record", folder.file("parts"), "--rotate=10M"];
      return await through(fast, { args, to: "/dev/null" });
    },
    "sub --json > file": () => through(fast, { args: ["--json"], to: other }),
    "sub -v > file": () => through(fast, { args: ["-v"], to: other }),
  }),
  rate,
);

compare(
  await inTurns(ROUNDS, {
    "pub --replay --speed max to sub > file": () =>
      through(
        { args: ["--replay", "--speed=max"], from: record },
        { args: [], to: other },
      ),
    "pub --keyed": () => through(fast, { args: [], to: other }),
  }),
  rate,
);

// What every reader of the record has to do at least.
const command = ["sh", "-c", 'cat "$0" | cat', record];
await using cat = new Timed(command, { to: other });
const { seconds } = await cat.end();
report("cat record | cat > file", rate(seconds));
