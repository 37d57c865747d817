/**
 * A `sub --serve` as a user starts it.
 *
 * @module
 */
import { commandLine, eventually, Process, type TestBus } from "./process.ts";

/** A subscriber that serves pages until it is disposed of. */
export class Served extends Process {
  /** Its URL, with the token if it has one. */
  url = "";

  /** Starts a subscriber, on a free port unless a port is given. */
  static async start(
    bus: TestBus,
    args: string[] = ["--serve=0"],
    filter = "#",
  ): Promise<Served> {
    const before = bus.names().length;
    const served = new Served(commandLine("sub", ...args, filter), bus.env);
    await eventually(() => bus.names().length > before);
    const said = await served.said(/serving (http:\S+)/);
    served.url = said[1]!;
    return served;
  }

  /** The port that it listens on. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Requests a part of the page. */
  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(path, this.url), { headers, redirect: "manual" });
  }

  /** Does the same with any Host header, which fetch() cannot set. */
  async getAs(host: string, path = "/", method = "GET"): Promise<string> {
    const { hostname } = new URL(this.url);
    using connection = await Deno.connect({ hostname, port: this.port });
    const text =
      `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(text));
    return await new Response(connection.readable).text();
  }
}
