/**
 * A real MQTT broker, on loopback.
 *
 * @module
 */
import type { Folder } from "./folder.ts";
import { missingOf } from "./needs.ts";
import { eventually, Process } from "./process.ts";

/** The names of the programs that are missing to run a broker. */
export const withoutMosquitto: string[] = [
  ...await missingOf(["mosquitto"]),
  ...(await missingOf(["mosquitto_pub"])).map(() => "mosquitto-clients"),
];

/** A broker that runs until it is disposed of. */
export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly #config: string;
  #process: Deno.ChildProcess | undefined;

  private constructor(port: number, config: string) {
    this.port = port;
    this.#config = config;
  }

  /**
   * Starts a broker.
   *
   * @param folder The folder for its files.
   * @param lines Its configuration; `{port}` stands for its port.
   * @param prepare Makes the files that the configuration names.
   */
  static async start(
    folder: Folder,
    lines: string[] = ["listener {port} 127.0.0.1", "allow_anonymous true"],
    prepare: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Mosquitto> {
    await prepare();
    const port = freePort();
    const config = folder.file(`mosquitto-${port}.conf`);
    // `user root`: else a broker started by root cannot read a test's files.
    const all = [
      ...lines,
      "user root",
      "max_queued_messages 0",
      ...lines.some((line) => line.startsWith("log_")) ? [] : ["log_dest none"],
      "",
    ];
    const text = all.join("\n").replaceAll("{port}", `${port}`);
    await Deno.writeTextFile(config, text);
    const broker = new Mosquitto(port, config);
    await broker.restart();
    return broker;
  }

  /** The options with which its own clients find it. */
  get address(): string[] {
    return ["-h", "127.0.0.1", "-p", `${this.port}`];
  }

  /** Its address, as our programs write it. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts one of its own clients. */
  client(name: "pub" | "sub", ...args: string[]): Process {
    return new Process([`mosquitto_${name}`, ...this.address, ...args]);
  }

  /** Ends it if it runs, like a crash or in order. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.status;
    this.#process = undefined;
  }

  /** Stops it, or lets it go on. */
  signal(signal: Deno.Signal): void {
    this.#process!.kill(signal);
  }

  /** Starts it again. */
  async restart(signal?: Deno.Signal): Promise<void> {
    await this.kill(signal);
    this.#process = new Deno.Command("mosquitto", {
      args: ["-c", this.#config],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await eventually(async () => {
      try {
        const address = { hostname: "127.0.0.1", port: this.port };
        (await Deno.connect(address)).close();
        return true;
      } catch {
        return false;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A port that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
