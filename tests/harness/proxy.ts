/**
 * A network that does as a test wants, between a client and a broker: both ends
 * are on loopback.
 *
 * @module
 */

/** Passes on the bytes of one read, in one direction of one connection. */
export type Relay = (
  bytes: Uint8Array,
  write: (bytes: Uint8Array) => Promise<void>,
  cut: () => void,
) => Promise<void>;

/** A connection through the proxy: the client's end, the broker's end. */
interface Line {
  ends: Deno.TcpConn[];
  /** Whether it loses all bytes, and no end knows. */
  isDead: boolean;
}

/** A proxy that runs until it is disposed of. */
export class Proxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #port: number;
  readonly #relay: Relay;
  readonly #accepting: Promise<void>;
  readonly #lines = new Set<Line>();
  #isSilent = false;
  /** How many connections it has had. */
  connections = 0;

  /**
   * Starts it.
   *
   * @param url The broker.
   * @param relay How it passes bytes on, unlike a good network.
   */
  constructor(url: string, relay: Relay = (bytes, write) => write(bytes)) {
    this.#port = Number(new URL(url).port);
    this.#relay = relay;
    this.#accepting = this.#accept();
  }

  /** Its address, as our programs write it. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** From now on all bytes are lost, and all connections seem to stay. */
  goSilent(): void {
    this.#isSilent = true;
    for (const line of this.#lines) line.isDead = true;
  }

  /** Whether all bytes are lost. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** New connections work again; the old ones never will. */
  recover(): void {
    this.#isSilent = false;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const line of this.#lines) this.#end(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const client of this.#listener) {
      this.connections++;
      serving.push(this.#serve(client));
    }
    await Promise.all(serving);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const line = { ends: [client], isDead: this.#isSilent };
    this.#lines.add(line);
    try {
      const address = { hostname: "127.0.0.1", port: this.#port };
      const broker = await Deno.connect(address);
      line.ends.push(broker);
      // It may have been cut while it was made.
      if (!this.#lines.has(line)) return broker.close();
      for (const end of line.ends) end.setNoDelay();
      await Promise.all([
        this.#pass(line, client, broker),
        this.#pass(line, broker, client),
      ]);
    } catch {
      // One end has gone: so does the other.
    }
    this.#end(line);
  }

  async #pass(line: Line, from: Deno.TcpConn, to: Deno.TcpConn) {
    const write = async (bytes: Uint8Array) => {
      for (let rest = bytes; rest.length > 0 && !line.isDead;) {
        rest = rest.subarray(await to.write(rest));
      }
    };
    const buffer = new Uint8Array(65536);
    for (let count; (count = await from.read(buffer)) !== null;) {
      await this.#relay(
        buffer.slice(0, count),
        write,
        () => this.#end(line),
      );
    }
    // A dead line does not tell that one end has gone.
    if (!line.isDead) this.#end(line);
  }

  #end(line: Line): void {
    if (!this.#lines.delete(line)) return;
    for (const end of line.ends) end.close();
  }
}
