/**
 * The brokers that people use, each on loopback and with the versions that
 * `.ci/engines` and the machine have.
 *
 * @module
 */
import type { Folder } from "../harness/folder.ts";
import { freePort, Mosquitto } from "../harness/mosquitto.ts";
import { missingOf } from "../harness/needs.ts";
import { eventually } from "../harness/process.ts";

const ENGINES = Deno.env.get("FIFOBUS_ENGINES");

/** What is missing to run the engines. */
export const withoutEngines: string[] = [
  ...ENGINES ? [] : ['eval "$(.ci/engines)"'],
  ...await missingOf(["java", "mosquitto", "node", "unshare"]),
];

/** A broker that runs. */
export interface Engine extends AsyncDisposable {
  /** Its address, as our programs write it. */
  url: string;
}

/** A server that ends when the test does, and all processes of it. */
class Server implements AsyncDisposable {
  readonly #command: Deno.Command;
  readonly #ports: number[];
  #process: Deno.ChildProcess;

  constructor(
    command: string,
    options: Deno.CommandOptions,
    ports: number[],
  ) {
    this.#ports = ports;
    this.#command = new Deno.Command(command, {
      ...options,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    });
    this.#process = this.#command.spawn();
  }

  /** Waits until it accepts connections. */
  async listening(): Promise<void> {
    for (const port of this.#ports) {
      await eventually(async () => {
        try {
          (await Deno.connect({ hostname: "127.0.0.1", port })).close();
          return true;
        } catch {
          return false;
        }
      });
    }
  }

  /** Ends it, like a crash. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#process.stdin.close().catch(() => {});
  }

  /** Starts it again. */
  async restart(): Promise<void> {
    this.#process = this.#command.spawn();
    await this.listening();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** The configuration of a server of a cluster, in the documentation. */
async function documentedConfig(): Promise<string> {
  const page = new URL("../../docs/brokers.md", import.meta.url);
  const [, text] = /^```conf\n([^]*?)^```/m
    .exec(await Deno.readTextFile(page))!;
  return text!;
}

/** Three NATS servers, a cluster with JetStream. */
export class NatsCluster implements Engine {
  readonly url: string;
  readonly servers: Server[];

  private constructor(url: string, servers: Server[]) {
    this.url = url;
    this.servers = servers;
  }

  static async start(folder: Folder): Promise<NatsCluster> {
    const names = ["a", "b", "c"];
    const ports = names.map(() => freePort());
    const routes = names.map(() => freePort());
    const urls = routes.map((port) => `nats://127.0.0.1:${port}`);
    const text = await documentedConfig();
    const servers = await Promise.all(names.map(async (name, i) => {
      const file = folder.file(`nats-${name}.conf`);
      const here = text
        .replace(
          "server_name: a",
          `server_name: ${name}\nlisten: "127.0.0.1:-1"`,
        )
        .replace("/var/lib/nats", folder.file(`nats-${name}`))
        .replace(
          "port: 1883",
          `listen: "127.0.0.1:${ports[i]}", ack_wait: "2s"`,
        )
        .replace("port: 6222", `listen: "127.0.0.1:${routes[i]}"`)
        .replace(/routes: .*/, `routes: [${urls.join()}]`);
      await Deno.writeTextFile(file, here);
      const command = `${ENGINES}/nats/nats-server`;
      return new Server(command, { args: ["-c", file] }, [ports[i]!]);
    }));
    for (const server of servers) await server.listening();
    const hosts = ports.map((port) => `127.0.0.1:${port}`);
    return new NatsCluster(`mqtt://${hosts}`, servers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
  }
}

/** Starts a command in the Debian of .ci/engines. */
function inDebian(
  command: string[],
  folder: Folder,
  env: Record<string, string>,
  ports: number[],
): Server {
  const mount = `mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" &&
    mkdir -p "$0$1" && mount --bind "$1" "$0$1" && shift && cd / &&
    exec chroot "$0" "$@"`;
  const args = ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c"];
  const root = `${ENGINES}/debian`;
  const all = [...args, mount, root, folder.path, ...command];
  return new Server("unshare", { args: all, env }, ports);
}

async function startRabbit(folder: Folder): Promise<Engine> {
  const [mqtt, epmd, nodes] = [freePort(), freePort(), freePort()];
  const file = (name: string) => folder.file(`rabbitmq-${name}`);
  await Deno.writeTextFile(
    file("conf"),
    `
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:${mqtt}
anonymous_login_user = guest
anonymous_login_pass = guest
`,
  );
  await Deno.writeTextFile(file("plugins"), "[rabbitmq_mqtt].\n");
  const server = inDebian(["/usr/lib/rabbitmq/bin/rabbitmq-server"], folder, {
    HOME: folder.path,
    LANG: "C.UTF-8",
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: `${epmd}`,
    RABBITMQ_NODENAME: "fifobus@localhost",
    RABBITMQ_DIST_PORT: `${nodes}`,
    RABBITMQ_CONFIG_FILE: file("conf"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_ENABLED_PLUGINS_FILE: file("plugins"),
    RABBITMQ_MNESIA_BASE: file("data"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_PID_FILE: file("pid"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "-kernel inet_dist_use_interface {127,0,0,1} +S 1",
  }, [mqtt]);
  return await running(server, mqtt);
}

async function startNewMosquitto(folder: Folder): Promise<Engine> {
  const port = freePort();
  const config = folder.file("mosquitto-new.conf");
  await Deno.writeTextFile(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`,
  );
  const command = ["/usr/sbin/mosquitto", "-c", config];
  return await running(inDebian(command, folder, {}, [port]), port);
}

async function startHiveMq(folder: Folder): Promise<Engine> {
  const port = freePort();
  const home = folder.file("hivemq");
  await Deno.mkdir(home);
  await Deno.writeTextFile(
    `${home}/config.xml`,
    `<hivemq>
  <listeners><tcp-listener>
    <port>${port}</port><bind-address>127.0.0.1</bind-address>
  </tcp-listener></listeners>
  <persistence><mode>in-memory</mode></persistence>
  <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
</hivemq>
`,
  );
  const main = new URL("HiveMq.java", import.meta.url).pathname;
  const args = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp"];
  const all = [...args, `${ENGINES}/hivemq/*`, main, home];
  return await running(new Server("java", { args: all }, [port]), port);
}

async function startAedes(): Promise<Engine> {
  const port = freePort();
  const program = `${ENGINES}/aedes/node_modules/.bin/aedes`;
  const args = [program, "--host", "127.0.0.1", "--port", `${port}`];
  return await running(new Server("node", { args }, [port]), port);
}

async function running(server: Server, port: number): Promise<Engine> {
  await server.listening();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** How each engine is started. */
export const STARTS = {
  "mosquitto 2.0": (folder: Folder): Promise<Engine> => Mosquitto.start(folder),
  "mosquitto 2.1": startNewMosquitto,
  "NATS": NatsCluster.start,
  "RabbitMQ": startRabbit,
  "HiveMQ CE": startHiveMq,
  "aedes": startAedes,
};

/** The name of an engine. */
export type Name = keyof typeof STARTS;
