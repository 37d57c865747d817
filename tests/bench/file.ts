/**
 * A FIFO against a regular file, as a way from one process to another:
 * `deno task bench:file`. The writer is the same program for both, one write(2)
 * a message; the reader of a file also has to notice that the file grows.
 *
 * @module
 */
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";
import { Folder } from "../harness/folder.ts";
import { median, reportMachine } from "./_measure.ts";

const WRITER = fromFileUrl(new URL("_transport_writer.ts", import.meta.url));

/** A short interval for a program that polls and has other work. */
const POLL_MS = 1;

const ROUNDS = 3;
const MESSAGES = { many: 200_000, manyFsync: 2_000, spaced: 500 };
const SPACED_MS = 2;
const MESSAGE_BYTES = 31;

/** Reads chunks until enough bytes have arrived. */
type Reader = (path: string) => AsyncGenerator<Uint8Array>;

async function* readFifo(path: string): AsyncGenerator<Uint8Array> {
  using fifo = await Deno.open(path, { read: true, write: true });
  const buffer = new Uint8Array(65536);
  while (true) yield buffer.subarray(0, (await fifo.read(buffer))!);
}

async function* tailFile(path: string): AsyncGenerator<Uint8Array> {
  const tail = new Deno.Command("tail", {
    args: ["-c", "+1", "-f", path],
    stdout: "piped",
  }).spawn();
  try {
    yield* tail.stdout;
  } finally {
    tail.kill();
    await tail.status;
  }
}

async function* pollFile(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(65536);
  while (true) {
    const count = await file.read(buffer);
    if (count) yield buffer.subarray(0, count);
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Measures messages from a writer to a reader: all together, and each one. */
async function transport(
  read: Reader,
  fsync: boolean,
  count: number,
  pauseMs: number,
): Promise<{ seconds: number; latenciesMs: number[] }> {
  await using folder = new Folder();
  const path = read === readFifo ? await folder.fifo() : folder.file("file");
  if (read !== readFifo) await Deno.writeFile(path, new Uint8Array());
  const args = [`${count}`, `${pauseMs}`, fsync ? "fsync" : "-"];
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-write", WRITER, path, ...args],
  }).spawn();
  const decoder = new TextDecoder();
  const latenciesMs: number[] = [];
  let text = "";
  let first = Infinity;
  let now = 0;
  for await (const chunk of read(path)) {
    now = performance.timeOrigin + performance.now();
    text += decoder.decode(chunk);
    let at = 0;
    for (; at + MESSAGE_BYTES <= text.length; at += MESSAGE_BYTES) {
      const sent = Number(text.slice(at, at + MESSAGE_BYTES));
      first = Math.min(first, sent);
      latenciesMs.push(now - sent);
    }
    text = text.slice(at);
    if (latenciesMs.length === count) break;
  }
  const { success } = await writer.status;
  if (!success) throw new Error("the writer failed");
  return { seconds: (now - first) / 1000, latenciesMs };
}

async function measure(what: string, read: Reader, fsync: boolean) {
  const rates: number[] = [];
  const medians: number[] = [];
  const worst: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const count = fsync ? MESSAGES.manyFsync : MESSAGES.many;
    const many = await transport(read, fsync, count, 0);
    rates.push(count / many.seconds);
    const spaced = await transport(read, fsync, MESSAGES.spaced, SPACED_MS);
    const sorted = spaced.latenciesMs.toSorted((a, b) => a - b);
    medians.push(median(sorted));
    worst.push(sorted[Math.floor(sorted.length * 0.99)]!);
  }
  const name = fsync ? `${what}, fsync each` : what;
  const ms = (values: number[]) => `${median(values).toFixed(3)} ms`;
  console.log(
    name.padEnd(46) + Math.round(median(rates)).toLocaleString().padStart(12) +
      ms(medians).padStart(14) + ms(worst).padStart(14),
  );
}

reportMachine();
console.log(
  `\n${"".padEnd(46)}${"messages/s".padStart(12)}${"median".padStart(14)}` +
    `${"99 of 100".padStart(14)}`,
);
await measure("FIFO", readFifo, false);
for (const fsync of [false, true]) {
  await measure("file, append and tail -f", tailFile, fsync);
  await measure(`file, append and poll every ${POLL_MS} ms`, pollFile, fsync);
}
