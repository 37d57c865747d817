/**
 * Writes messages, one write(2) each, to a FIFO or behind the end of a file:
 * `_transport_writer.ts PATH COUNT PAUSE_MS fsync|-`. Each message holds the time.
 *
 * @module
 */
const [path, count, pauseMs, fsync] = Deno.args;
const file = Deno.openSync(path!, { append: true });
const encoder = new TextEncoder();
const pause = new Int32Array(new SharedArrayBuffer(4));
for (let i = 0; i < Number(count); i++) {
  const now = performance.timeOrigin + performance.now();
  // 31 bytes with the line feed, as the other benchmarks have it.
  file.writeSync(encoder.encode(`${now.toFixed(4).padStart(30)}\n`));
  if (fsync === "fsync") file.syncSync();
  if (Number(pauseMs) > 0) Atomics.wait(pause, 0, 0, Number(pauseMs));
}
