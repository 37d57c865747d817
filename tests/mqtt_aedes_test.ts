/**
 * The library over a broker in this process, which speaks MQTT 3.1.1 only: so
 * that MQTT is tested where there is no mosquitto.
 *
 * @module
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes } from "npm:aedes@1.2.0";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { FifobusError, publish, request, Subscriber } from "../mod.ts";

/** A broker that is there until it is disposed of. */
class Broker implements AsyncDisposable {
  readonly #aedes: Aedes;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket: Socket) => {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    this.#aedes.handle(socket);
  });

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
  }

  static async start(): Promise<Broker> {
    const broker = new Broker(await Aedes.createBroker());
    await new Promise<void>((resolve) =>
      broker.#server.listen(0, "127.0.0.1", resolve)
    );
    return broker;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `mqtt://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

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
