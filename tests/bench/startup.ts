/**
 * How long a program takes from its start to its end: `deno task bench:startup`.
 * The binaries are left out where `deno compile` cannot work, mosquitto_pub
 * where it is not installed.
 *
 * @module
 */
import { compile } from "../../.ci/binaries.ts";
import { type Command, permissions, ROOT } from "../harness/programs.ts";
import { Folder } from "../harness/folder.ts";
import { Mosquitto, withoutMosquitto } from "../harness/mosquitto.ts";
import { commandLine } from "../harness/process.ts";
import { median, report, reportMachine, run, Timed } from "./_measure.ts";

const STARTS = 41;

const deno = Deno.execPath();
const compiler = Deno.env.get("COMPILE_DENO") ?? deno;
await using folder = new Folder();
const empty = folder.file("empty.ts");
await Deno.writeTextFile(empty, "");
const pipe = folder.file("pipe");
await using _reader = new Timed(commandLine("sub", "--no-exit-word", pipe));
await run(commandLine("pub", pipe, "first"));
const bus = folder.file("bus");
Deno.env.set("FIFOBUS_DIR", bus);
await using subscribers = new AsyncDisposableStack();
for (const topic of ["one", ...Array<string>(10).fill("ten")]) {
  subscribers.use(new Timed(commandLine("sub", "--no-exit-word", topic)));
}
await run(commandLine("pub", "--wait=1", "one", "first"));
await run(commandLine("pub", "--wait=10", "ten", "first"));
await run(commandLine("pub", "--retain", "kept", "hello"));
await using server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async ({ url }) => {
    const text = await Deno.readTextFile(ROOT + new URL(url).pathname.slice(1));
    return new Response(text, { headers: { "content-type": "text/plain" } });
  },
);
const url = `http://127.0.0.1:${server.addr.port}`;

/** The commands to time; the others are compared with the first. */
const commands: Record<string, Command> = {
  "an empty module": [deno, "run", empty],
  "pub FIFO hello": commandLine("pub", pipe, "hello"),
  "the same from a URL, cached": [
    ...[deno, "run", "--quiet"] as const,
    ...permissions("pub.ts"),
    ...[`${url}/pub.ts`, pipe, "hello"],
  ],
  "pub TOPIC hello, no subscriber": commandLine("pub", "nobody", "hello"),
  "pub TOPIC hello, one subscriber": commandLine("pub", "one", "hello"),
  "pub TOPIC hello, ten subscribers": commandLine("pub", "ten", "hello"),
  "pub --retain TOPIC hello, no subscriber": commandLine(
    ...["pub", "--retain", "nobody/kept", "hello"] as const,
  ),
  "sub --retained-only TOPIC": commandLine("sub", "--retained-only", "kept"),
  "sub -C 1 TOPIC, a message is retained": commandLine(
    ...["sub", "-C1", "kept"] as const,
  ),
  "sh -c 'echo hello > FIFO'": ["sh", "-c", 'echo hello > "$0"', pipe],
};
const pub = folder.file("pub");
try {
  const output = `--output=${folder.file("empty")}`;
  await run([compiler, "compile", "--quiet", "--no-code-cache", output, empty]);
  await compile(folder.path);
  commands["an empty module as a binary"] = [folder.file("empty")];
  commands["pub FIFO hello, the binary"] = [pub, pipe, "hello"];
  commands["pub TOPIC hello, the binary"] = [pub, "one", "hello"];
} catch (error) {
  console.error(`The binaries are left out: ${(error as Error).message}`);
}
await using broker = withoutMosquitto.length === 0
  ? await Mosquitto.start(folder)
  : undefined;
if (broker) {
  const topic = [...broker.address, "-t", "t"];
  commands["mosquitto_pub"] = ["mosquitto_pub", ...topic, "-m", "hello"];
  const url = `${broker.url}/t`;
  commands["pub mqtt://… hello"] = commandLine("pub", url, "hello");
  if ("pub FIFO hello, the binary" in commands) {
    commands["pub mqtt://… hello, the binary"] = [pub, url, "hello"];
  }
}

const times = new Map<string, number[]>();
for (let i = 0; i < STARTS; i++) {
  for (const [name, command] of Object.entries(commands)) {
    await using timed = new Timed(command, {
      // With a cache of its own, and no deno.json around it: 1.2 ms to read.
      ...name.includes("URL") &&
        { cwd: folder.path, env: { DENO_DIR: folder.file("cache") } },
    });
    const { seconds } = await timed.end();
    times.set(name, [...times.get(name) ?? [], seconds * 1000]);
  }
}
reportMachine();
const base = median(times.get("an empty module")!);
for (const [name, values] of times) {
  const figure = median(values);
  report(
    name,
    `${figure.toFixed(1)} ms, ${(figure / base).toFixed(2)} empty modules`,
  );
}
