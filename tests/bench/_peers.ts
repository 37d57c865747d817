/**
 * Programs that the benchmarks compare ours with, as far as they are installed.
 *
 * @module
 */
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";
import type { Folder } from "../harness/folder.ts";
import { freePort, Mosquitto } from "../harness/mosquitto.ts";
import { isThere, missingOf } from "../harness/needs.ts";
import { eventually } from "../harness/process.ts";
import { LINE, run, Timed } from "./_measure.ts";

const SOURCE = fromFileUrl(new URL("_peer.c", import.meta.url));

/** Compiles `_peer.c`; undefined if there is no compiler, or no library. */
export async function compilePeer(
  folder: Folder,
  ...options: string[]
): Promise<string | undefined> {
  const program = folder.file(`peer${options.length}`);
  const args = ["-O2", "-o", program, SOURCE, ...options];
  return await isThere("cc", ...args) ? program : undefined;
}

/** Times lines from a file to a file through a program that reads and one that writes. */
export async function stream(
  reader: { command: string[]; to: string },
  writer: { command: string[]; from: string },
): Promise<number> {
  const start = performance.now();
  await using reading = new Timed(reader.command, { to: reader.to });
  await using writing = new Timed(writer.command, { from: writer.from });
  await Promise.all([reading.end(), writing.end()]);
  return (performance.now() - start) / 1000;
}

/** The same through mosquitto, from the start of its publisher. */
export async function throughMosquitto(
  folder: Folder,
  from: string,
  count: number,
  subscribers = 1,
): Promise<number> {
  await using broker = await Mosquitto.start(folder);
  const topic = [...broker.address, "-t", "t"];
  await using all = new AsyncDisposableStack();
  const ended: Promise<unknown>[] = [];
  const outputs = Array.from(
    { length: subscribers },
    (_, i) => folder.file(`mqtt-out${i}`),
  );
  for (const to of outputs) {
    const command = ["mosquitto_sub", ...topic, "-C", `${count + 1}`];
    ended.push(all.use(new Timed(command, { to })).end());
  }
  // Retained, so that it does not matter which program starts first.
  await run(["mosquitto_pub", ...topic, "-r", "-m", "ready"]);
  await eventually(async () => {
    const sizes = await Promise.all(
      outputs.map(async (to) => (await Deno.stat(to)).size),
    );
    return sizes.every((size) => size > 0);
  });
  const start = performance.now();
  await using publisher = new Timed(["mosquitto_pub", ...topic, "-l"], {
    from,
  });
  await Promise.all([publisher.end(), ...ended]);
  return (performance.now() - start) / 1000;
}

/** The names of the programs that are missing to run Redis. */
export const withoutRedis: string[] = await missingOf([
  "redis-server",
  "redis-cli",
]);

/** The same through a Redis server, with redis-cli on both sides. */
export async function throughRedis(
  folder: Folder,
  lines: string,
  count: number,
): Promise<number> {
  const port = `${freePort()}`;
  const options = ["--port", port, "--bind", "127.0.0.1", "--save", ""];
  // By default, Redis drops a subscriber that is 32 MB behind.
  const unlimited = ["--client-output-buffer-limit", "pubsub 0 0 0"];
  await using _server = new Timed(["redis-server", ...options, ...unlimited]);
  const client = ["redis-cli", "-h", "127.0.0.1", "-p", port];
  await eventually(() => isThere(client[0]!, ...client.slice(1), "PING"));
  const from = folder.file("redis");
  const text = await Deno.readTextFile(lines);
  const commands = text.trimEnd().split("\n").slice(0, count)
    .map((line) => `PUBLISH t "${line}"\r\n`);
  await Deno.writeTextFile(from, commands.join(""));
  const to = folder.file("redis-out");
  await using _subscriber = new Timed([...client, "SUBSCRIBE", "t"], { to });
  await eventually(async () => {
    const args = [...client.slice(1), "PUBSUB", "NUMSUB", "t"];
    const { stdout } = await new Deno.Command(client[0]!, { args }).output();
    return new TextDecoder().decode(stdout).endsWith("1\n");
  });
  const start = performance.now();
  await using publisher = new Timed([...client, "--pipe"], { from });
  await publisher.end();
  // It prints "message" and "t", each on a line, before each message.
  const size = count * ("message\nt\n".length + LINE(0).length);
  await eventually(async () => (await Deno.stat(to)).size >= size);
  return (performance.now() - start) / 1000;
}
