#!/usr/bin/env -S deno run --allow-read --allow-write --allow-run=mkfifo --allow-env=FIFOBUS_DIR,XDG_RUNTIME_DIR --allow-sys=uid
/**
 * A rule: publishes to `warehouse/AISLE/alarm` when an aisle gets too warm, and
 * when it is cool again.
 *
 * ```sh
 * ./rule.ts 25
 * ```
 *
 * @module
 */
import { Publisher, subscribe } from "../../mod.ts";

const limit = Number(Deno.args[0]);
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => stopped.abort());
}
const { signal } = stopped;
const warm = new Set<string>();
try {
  await using publisher = await Publisher.open("warehouse");
  const readings = subscribe("warehouse/+/temperature", { signal });
  for await (const { topic, text } of readings) {
    const isWarm = Number(text) > limit;
    if (isWarm === warm.has(topic)) continue;
    if (isWarm) warm.add(topic);
    else warm.delete(topic);
    await publisher.publish(
      isWarm ? `${text} °C, more than ${limit}` : `${text} °C, all is well`,
      { topic: topic.replace(/temperature$/, "alarm") },
    );
  }
} catch (error) {
  if (!signal.aborted) throw error;
}
