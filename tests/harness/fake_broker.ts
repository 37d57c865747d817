/**
 * A broker that answers as a test wants, on loopback.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import packets, {
  type IConnackPacket,
  type Packet,
} from "npm:mqtt-packet@9.0.2";

/** Answers a packet of a client. */
export type Answer = (
  packet: Packet,
  send: (packet: Packet) => void,
  close: () => void,
) => void;

type Properties = NonNullable<IConnackPacket["properties"]>;

/** Accepts every connection with MQTT 5, and leaves the rest to a test. */
export class FakeBroker implements AsyncDisposable {
  readonly url: string;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #answer: Answer;
  readonly #properties: Properties;
  readonly #accepting: Promise<void>;
  /** How many clients have connected. */
  connections = 0;
  /** Whether it has a session for each client. */
  sessionPresent = false;
  /** Whether it has a session for a client that comes again. */
  keepsSessions = false;

  /**
   * Starts it.
   *
   * @param answer Answers each packet.
   * @param properties What it says when it accepts a connection.
   * @param port The port; by default, any.
   */
  constructor(answer: Answer, properties: Properties = {}, port = 0) {
    this.#answer = answer;
    this.#properties = properties;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.url = `mqtt://127.0.0.1:${this.#listener.addr.port}`;
    this.#accepting = this.#accept();
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const client of this.#listener) {
      this.#open.add(client);
      serving.push(this.#serve(client).catch(() => {}));
    }
    await Promise.all(serving);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const options = { protocolVersion: 5 };
    const parser = packets.parser(options);
    const close = () => {
      if (this.#open.delete(client)) client.close();
    };
    let writing: Promise<unknown> = Promise.resolve();
    const send = (packet: Packet) => {
      const bytes = packets.generate(packet, options);
      writing = writing.then(() => client.write(new Uint8Array(bytes)))
        .catch(() => {});
    };
    parser.on("packet", (packet) => {
      let isRefused = false;
      if (packet.cmd === "connect") {
        this.connections++;
        options.protocolVersion = packet.protocolVersion ?? 5;
        this.#answer(packet, send, () => {
          isRefused = true;
          writing.then(close);
        });
        if (isRefused) return;
        const properties = this.#properties;
        const accepted = {
          sessionPresent: this.sessionPresent ||
            this.keepsSessions && this.connections > 1,
          reasonCode: 0,
          returnCode: 0,
        };
        return send({ cmd: "connack", ...accepted, properties });
      }
      if (packet.cmd === "pingreq") send({ cmd: "pingresp" });
      this.#answer(packet, send, () => writing.then(close));
    });
    const buffer = new Uint8Array(65536);
    for (let count; (count = await client.read(buffer)) !== null;) {
      parser.parse(Buffer.from(buffer.slice(0, count)));
    }
    close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const client of this.#open) client.close();
    this.#open.clear();
    await this.#accepting;
  }
}
