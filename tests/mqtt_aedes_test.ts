/**
 * The library over a broker in this process, which speaks MQTT 3.1.1 only: so
 * that MQTT is tested where there is no mosquitto.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import {
  type ConnectionChange,
  FifobusError,
  publish,
  Publisher,
  request,
  Subscriber,
} from "../mod.ts";
import { Broker } from "./harness/aedes.ts";
import { eventually } from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

waiting.test("MQTT 3.1.1: messages, last values, no requests", async () => {
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

waiting.test("onConnection may throw: the connection comes back", async () => {
  await using broker = await Broker.start();
  const changes: boolean[] = [];
  const onConnection = ({ connected }: ConnectionChange) => {
    changes.push(connected);
    throw new Error("from a callback");
  };
  const mqtt = { qos: 1 as const, onConnection };
  await using publisher = await Publisher.open(`${broker.url}/a`, { mqtt });
  broker.disconnect();
  await eventually(() => changes.join() === "false,true");
  await publisher.publish("after");
});

waiting.test("two clients with one id are told what may be the reason, with MQTT 3.1.1 too", async () => {
  await using broker = await Broker.start();
  const reasons: (string | undefined)[] = [];
  const onConnection = ({ reason }: ConnectionChange) => reasons.push(reason);
  const mqtt = { clientId: "twin", onConnection };
  await using _one = await Subscriber.open(`${broker.url}/t`, { mqtt });
  await using _other = await Subscriber.open(`${broker.url}/t`, { mqtt });
  const text = 'perhaps another client uses the client id "twin"';
  await eventually(() => reasons.includes(text));
});

// setTimeout() makes 1 ms of it.
waiting.test("connectTimeoutMs: Infinity waits for a broker that takes its time", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connections = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      connections++;
      await connection.read(new Uint8Array(1000));
      await new Promise((resolve) => setTimeout(resolve, 50));
      // CONNACK of MQTT 5: no session, success, no properties.
      await connection.write(Uint8Array.of(0x20, 3, 0, 0, 0)).catch(() => {});
      await connection.readable.pipeTo(new WritableStream()).catch(() => {});
    }
  })();
  const address = `mqtt://127.0.0.1:${listener.addr.port}/t`;
  await publish(address, "x", { connectTimeoutMs: Infinity });
  assertEquals(connections, 1);
  listener.close();
  await serving;
});
