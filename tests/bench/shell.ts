/**
 * Messages a second of the shell functions, and of programs that are started
 * for each message: `deno task bench:shell`. The binary is left out where
 * `deno compile` cannot work, mosquitto_pub where it is not installed.
 *
 * @module
 */
import { compile } from "../../.ci/binaries.ts";
import { Folder } from "../harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "../harness/mosquitto.ts";
import { commandLine, quoted } from "../harness/process.ts";
import { ROOT } from "../harness/programs.ts";
import { median, report, reportMachine, run, Timed } from "./_measure.ts";

const ROUNDS = 7;
const MESSAGES = 2000;
const STARTS = 20;

await using folder = new Folder();
Deno.env.set("FIFOBUS_DIR", folder.file("bus"));
await using _subscriber = new Timed(commandLine("sub", "--no-exit-word", "t"));
await run(commandLine("pub", "--wait", "t", "first"));

/** Shell code that publishes, by its name; the others are starts. */
const functions = `. ${ROOT}examples/shell/fifobus.sh; pub t first;`;
const commands: Record<string, [shell: string, publish: string]> = {
  "bash, the functions": ["bash", `${functions} one() { pub t "$1"; }`],
  "zsh, the functions": ["zsh", `${functions} one() { pub t "$1"; }`],
  "bash, pub of the sources": [
    "bash",
    `one() { ${quoted(commandLine("pub", "t"))} "$1"; }`,
  ],
};
try {
  await compile(folder.path);
  const binary = quoted([folder.file("pub"), "t"]);
  commands["bash, pub as a binary"] = ["bash", `one() { ${binary} "$1"; }`];
} catch (error) {
  console.error(`The binary is left out: ${(error as Error).message}`);
}
await using broker = withoutMosquitto.length === 0
  ? await Mosquitto.start(folder)
  : undefined;
if (broker) {
  const client = quoted(["mosquitto_pub", ...broker.address, "-t", "t", "-m"]);
  commands["bash, mosquitto_pub"] = ["bash", `one() { ${client} "$1"; }`];
}

const rates = new Map<string, number[]>();
for (let i = 0; i < ROUNDS; i++) {
  for (const [name, [shell, code]] of Object.entries(commands)) {
    const count = name.includes("functions") ? MESSAGES : STARTS;
    const loop = `${code}; i=0; while [ $i -lt ${count} ]; do
      one "message $i"; i=$((i + 1)); done`;
    await using timed = new Timed([shell, "-c", loop]);
    const { seconds } = await timed.end();
    rates.set(name, [...rates.get(name) ?? [], count / seconds]);
  }
}
reportMachine();
const base = median(rates.get("bash, the functions")!);
for (const [name, values] of rates) {
  const rate = median(values);
  report(
    name,
    `${rate.toFixed(0)} messages/s, 1/${(base / rate).toFixed(1)}`,
  );
}
