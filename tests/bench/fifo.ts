/**
 * Speed and memory of one FIFO, beside other programs that carry the same
 * messages in the same run: `deno task bench`. Those that are not installed are
 * left out.
 *
 * @module
 */
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";
import { Publisher } from "../../mod.ts";
import { Folder } from "../harness/folder.ts";
import { withoutMosquitto } from "../harness/mosquitto.ts";
import { commandLine } from "../harness/process.ts";
import {
  compare,
  inTurns,
  LINE,
  report,
  reportMachine,
  Timed,
  writeLines,
} from "./_measure.ts";
import {
  compilePeer,
  stream,
  throughMosquitto,
  throughRedis,
  withoutRedis,
} from "./_peers.ts";

const ROUNDS = 3;
const MILLION = 1_000_000;
/** Brokers are slow: they get a part of the messages. */
const FEW = MILLION / 5;
const TRIPS = 5000;
const ROUND_TRIP = fromFileUrl(new URL("_round_trip.ts", import.meta.url));

/** The ways to print messages, and the options of `sub` for them. */
const FORMS: Record<string, string[]> = {
  "sub FIFO": [],
  "sub -v": ["-v"],
  // One more than there are, because cat fails if its reader leaves early.
  "sub -C N": ["-C", `${MILLION + 1}`],
  "sub --raw": ["--raw"],
  "sub --null": ["--null"],
  "sub --stats": ["--stats"],
  "sub -F '%I %t %p'": ["-F", "%I %t %p"],
  "sub --json": ["--json"],
  "sub --json --parse": ["--json", "--parse"],
};

function perSecond(messages: number, seconds: number): string {
  return `${(messages / seconds / 1e6).toFixed(2)} million messages/s`;
}

/** Lines from a file through a FIFO into a file. */
async function throughFifo(folder: Folder, count: number) {
  const pipe = folder.file("pipe");
  const from = folder.file(`${count}`);
  const to = folder.file("out");
  await using subscriber = new Timed(commandLine("sub", pipe), { to });
  await using publisher = new Timed(commandLine("pub", "-l", pipe), { from });
  const [sub, pub] = await Promise.all([subscriber.end(), publisher.end()]);
  const { size } = await Deno.stat(to);
  if (size !== count * LINE(0).length) throw new Error("messages were lost");
  return { seconds: sub.seconds, sub: sub.peakMib, pub: pub.peakMib };
}

/** Messages that one process publishes to a plain cat. */
async function publishing(pipe: string, count: number, wait: boolean) {
  await using _reader = new Timed(["cat", pipe]);
  await using publisher = await Publisher.open(pipe);
  await publisher.publish("ready");
  const message = LINE(0).trimEnd();
  const start = performance.now();
  for (let i = 1; i < count; i++) {
    const written = publisher.publish(message);
    if (wait) await written;
  }
  await publisher.publish(message);
  return (performance.now() - start) / 1000;
}

/** Starts ping and pong, and returns the median that ping prints, in µs. */
async function roundTrip(folder: Folder, ...program: string[]) {
  const [one, two] = [await folder.fifo("one"), await folder.fifo("two")];
  await using pong = new Timed([...program, "pong", two, one]);
  const to = folder.file("median");
  await using ping = new Timed([...program, "ping", one, two, `${TRIPS}`], {
    to,
  });
  await ping.end();
  await pong.end();
  return Number(await Deno.readTextFile(to));
}

await using folder = new Folder();
reportMachine();
for (const count of [MILLION, 5 * MILLION]) {
  await writeLines(folder.file(`${count}`), count, "exit\n");
}
const few = folder.file("few");
await writeLines(few, FEW);
const lines = folder.file(`${MILLION}`);
const to = folder.file("out");
const plain = await folder.fifo("plain");
const peer = await compilePeer(folder);
const zmq = await compilePeer(folder, "-DZMQ", "-lzmq");

const streams: Record<string, () => Promise<number>> = {
  "pub -l FIFO < file, sub FIFO > file": async () =>
    (await throughFifo(folder, MILLION)).seconds,
  "cat, cat": () =>
    stream({ command: ["cat", plain], to }, {
      command: ["sh", "-c", 'cat >"$0"', plain],
      from: lines,
    }),
};
const count = `${MILLION + 1}`;
if (peer) {
  streams["C programs with the FIFO, line by line"] = () =>
    stream({ command: [peer, "in", plain, count], to }, {
      command: [peer, "out", plain],
      from: lines,
    });
}
if (zmq) {
  const socket = `ipc://${folder.file("socket")}`;
  streams["C programs with libzmq, ipc"] = () =>
    stream({ command: [zmq, "in", socket, count], to }, {
      command: [zmq, "out", socket],
      from: lines,
    });
}
if (withoutMosquitto.length === 0) {
  streams["mosquitto_pub -l, mosquitto_sub"] = async () =>
    await throughMosquitto(folder, few, FEW) * MILLION / FEW;
}
if (withoutRedis.length === 0) {
  streams["redis-cli --pipe, redis-cli SUBSCRIBE"] = async () =>
    await throughRedis(folder, few, FEW) * MILLION / FEW;
}
compare(
  await inTurns(ROUNDS, streams),
  (seconds) => perSecond(MILLION, seconds),
);

for (const count of [MILLION, 5 * MILLION]) {
  const { sub, pub } = await throughFifo(folder, count);
  const peaks = `pub ${pub.toFixed(0)} MiB, sub ${sub.toFixed(0)} MiB`;
  report(`  peak memory with ${count / MILLION} million messages`, peaks);
}

const nul = folder.file("nul");
const text = await Deno.readTextFile(lines);
await Deno.writeTextFile(nul, text.replaceAll("\n", "\0"));
// To nowhere: a file costs more than the messages, the more so if the one before
// was shorter.
const forms = await inTurns(
  ROUNDS,
  Object.fromEntries(
    Object.entries(FORMS).map((
      [name, args],
    ) => [
      name,
      () =>
        stream(
          { command: commandLine("sub", ...args, plain), to: "/dev/null" },
          {
            command: ["sh", "-c", 'cat >"$0"', plain],
            from: args.includes("--null") ? nul : lines,
          },
        ),
    ]),
  ),
);
const unchanged = forms["sub FIFO"]!;
for (const [form, seconds] of Object.entries(forms)) {
  const ratio = (seconds / unchanged).toFixed(2);
  report(form, `${ratio} times plain, ${perSecond(MILLION, seconds)}`);
}

const trips: Record<string, () => Promise<number>> = {
  "publish() to read() and back, two processes": () =>
    roundTrip(folder, Deno.execPath(), "run", "--allow-all", ROUND_TRIP),
};
if (peer) trips["two C programs"] = () => roundTrip(folder, peer);
compare(
  await inTurns(ROUNDS, trips),
  (microseconds) => `${microseconds.toFixed(1)} µs`,
);

const pipe = folder.file("pipe");
const loose = await publishing(pipe, MILLION, false);
report("Publisher.publish(), not awaited", perSecond(MILLION, loose));
const awaited = await publishing(pipe, MILLION / 20, true);
report("Publisher.publish(), each awaited", perSecond(MILLION / 20, awaited));
