/**
 * Shows what fifobus does, with real processes over a FIFO of its own: our two
 * programs, plain `echo` and `cat`, and Go and Python where they are installed.
 *
 * ```sh
 * deno task demo
 * ```
 *
 * @module
 */
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";

const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-run=mkfifo",
  "--allow-env=FIFOBUS_DIR,XDG_RUNTIME_DIR",
  "--allow-sys=uid",
];
const TOOLCHAIN_TIMEOUT_MS = 10_000;

const here = (name: string) => fromFileUrl(new URL(name, import.meta.url));

type Command = [string, ...string[]];

function fifobus(name: string, ...args: string[]): Command {
  const script = here(`../${name}.ts`);
  return [Deno.execPath(), "run", ...PERMISSIONS, script, ...args];
}

/** Starts a program; what it prints is its result. */
async function run([command, ...args]: Command, input = ""): Promise<string> {
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Blob([input]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

function show(what: string, printed: string): void {
  console.log(`\n${what}`);
  for (const line of printed.trimEnd().split("\n")) console.log(`    ${line}`);
}

async function isThere(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args }).output()).success;
  } catch {
    return false;
  }
}

/** Builds the Go program, unless there is no Go, or it takes too long. */
async function buildGo(into: string): Promise<string | undefined> {
  if (!await isThere("go", "version")) return undefined;
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), TOOLCHAIN_TIMEOUT_MS);
  const { success } = await new Deno.Command("go", {
    args: ["build", "-o", into, here("story/publisher.go")],
    env: { GOTOOLCHAIN: "local" },
    signal: tooLong.signal,
  }).output();
  clearTimeout(timer);
  return success ? into : undefined;
}

const folder = await Deno.makeTempDir({ prefix: "fifobus-demo-" });
const pipe = `${folder}/mypipe`;
const go = buildGo(`${folder}/publisher`);
try {
  await run(["mkfifo", pipe]);
  console.log(`One named pipe, ${pipe}, and programs that know only its name.`);

  let heard = run(fifobus("sub", pipe));
  await run(fifobus("pub", pipe, "hello from pub"));
  await run(["sh", "-c", 'echo "hello from echo" > "$0"', pipe]);
  await run(fifobus("pub", "-l", pipe), "line 1\nline 2\nexit\n");
  show("sub hears pub, a plain echo and the lines of a file:", await heard);

  heard = run(["cat", pipe]);
  await run(fifobus("pub", pipe, "hello from pub"));
  show("A plain cat hears pub:", await heard);

  if (await go) {
    heard = run(fifobus("sub", pipe));
    await run([(await go)!, pipe], "hello from Go\nexit\n");
    show("sub hears a program in Go:", await heard);
  } else show("A program in Go:", "left out, there is no Go, or it is slow");

  if (await isThere("python3", "--version")) {
    heard = run(["python3", here("story/subscriber.py"), pipe]);
    await run(fifobus("pub", "-l", pipe), "hello from pub\nexit\n");
    show("A program in Python hears pub:", await heard);
  } else show("A program in Python:", "left out, Python is not installed");

  heard = run(fifobus("sub", pipe));
  const loop =
    'i=0; while [ $i -lt 1000 ]; do echo "$1 $i" > "$0"; i=$((i+1)); done';
  const shells = ["a", "b", "c", "d"];
  await Promise.all(shells.map((name) => run(["sh", "-c", loop, pipe, name])));
  await run(fifobus("pub", pipe, "exit"));
  const arrived = new Set((await heard).trimEnd().split("\n"));
  const sent = shells.flatMap((name) =>
    Array.from({ length: 1000 }, (_, i) => `${name} ${i}`)
  );
  const lost = sent.filter((message) => !arrived.has(message)).length;
  show(
    "Four shells echo 1,000 messages each, opening the pipe for each:",
    `sent ${sent.length}, arrived ${sent.length - lost}, lost ${lost}`,
  );
} finally {
  await go.catch(() => {});
  await Deno.remove(folder, { recursive: true });
}
