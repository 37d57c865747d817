/**
 * An MQTT broker in this process, which speaks MQTT 3.1.1 only.
 *
 * @module
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes } from "npm:aedes@1.2.0";

/** A broker that is there until it is disposed of. */
export class Broker implements AsyncDisposable {
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

  /** Cuts all connections. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    // Deno 2.6.10 never calls back if there was a connection.
    this.#server.close();
  }
}
