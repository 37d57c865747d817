/**
 * The library over a broker in this process, which speaks MQTT 3.1.1 only: so
 * that MQTT is tested where there is no mosquitto.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { FifobusError, publish, request, Subscriber } from "../mod.ts";
import { Broker } from "./_aedes.ts";

Deno.test("MQTT 3.1.1: messages, last values, no requests", async () => {
  await using broker = await Broker.start();
  const { url } = broker;
  const mqtt = { qos: 1 as const };
  await publish(`${url}/a/kept`, "before", { mqtt, retain: true });
  await using subscriber = await Subscriber.open(`${url}/a/#`, { mqtt });
  await publish(`${url}/a/b`, "after", { mqtt });
  const received: [string, string, boolean][] = [];
  for await (const { topic, text, retained } of subscriber) {
    received.push([topic, text, retained]);
    if (received.length === 2) break;
  }
  assertEquals(received, [
    ["a/kept", "before", true],
    ["a/b", "after", false],
  ]);
  const error = await assertRejects(() => request(`${url}/x`, "?"));
  assertEquals(error instanceof FifobusError && error.code, "no_connection");
});
