/**
 * Two machines with a network between them, as namespaces of this machine.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import type { Command } from "./harness/programs.ts";
import { Folder } from "./harness/folder.ts";
import { withoutMosquitto } from "./harness/mosquitto.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  Process,
  quoted,
  TestBus,
} from "./harness/process.ts";
import { Terminal, withoutTmux } from "./harness/tmux.ts";

const PORT = 1883;

const probe = `fifobus-probe-${Deno.pid}`;
const canMakeHosts = await isThere("ip", "netns", "add", probe) &&
  await isThere("ip", "netns", "delete", probe);
const withoutHosts = canMakeHosts ? [] : ["root and ip netns"];

/** Runs ip(8), which must succeed. */
async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await finish(new Process(["ip", ...args]));
  assertEquals([code, stderr], [0, ""]);
}

/** A machine of its own, as far as the network is concerned. */
class Host implements AsyncDisposable {
  readonly name: string;
  readonly address: string;

  private constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  /** Makes two machines that reach each other. */
  static async pair(): Promise<[Host, Host]> {
    const hosts = ["10.77.0.1", "10.77.0.2"].map((address, i) =>
      new Host(`fifobus-${Deno.pid}-${i}`, address)
    );
    for (const { name } of hosts) await ip("netns", "add", name);
    const [one, other] = hosts as [Host, Host];
    await ip(
      ...["link", "add", "eth0", "netns", one.name, "type", "veth"],
      ...["peer", "name", "eth0", "netns", other.name],
    );
    for (const { name, address } of hosts) {
      const inside = ["-n", name];
      await ip(...inside, "address", "add", `${address}/30`, "dev", "eth0");
      await ip(...inside, "link", "set", "eth0", "up");
      await ip(...inside, "link", "set", "lo", "up");
    }
    return [one, other];
  }

  /** A command that runs on this machine. */
  command(command: Command): Command {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ip("netns", "delete", this.name);
  }
}

testWithout(
  [...withoutHosts, ...withoutMosquitto, ...withoutTmux],
  "a message published on one machine is on the dashboard of another",
  async () => {
    await using folder = new Folder();
    const [warehouse, office] = await Host.pair();
    await using _warehouse = warehouse;
    await using _office = office;
    const config = folder.file("mosquitto.conf");
    await Deno.writeTextFile(
      config,
      `listener ${PORT} ${warehouse.address}\nallow_anonymous true\n` +
        "log_dest none\nuser root\n",
    );
    await using _broker = new Process(
      warehouse.command(["mosquitto", "-c", config]),
    );
    await using bus = new TestBus();
    // A sensor that knows nothing of the network.
    await finish(bus.pub("--retain", "warehouse/a1/temperature", "21.5"));
    const broker = `mqtt://${warehouse.address}:${PORT}`;
    await using _bridge = new Process(
      warehouse.command(
        commandLine(
          ...["pub", "--from=warehouse/#", "--qos=1", "--timeout=60"] as const,
          `${broker}/site1`,
        ),
      ),
      bus.env,
    );
    await eventually(() => bus.names().length > 0);
    await using terminal = await Terminal.open({});
    const dashboard = commandLine("sub", "--dashboard", `${broker}/site1/#`);
    await terminal.run(quoted(office.command(dashboard)));
    await terminal.until((it) => /^r site1\/a1\/temperature +21\.5 /m.test(it));
    await finish(bus.pub("warehouse/a1/temperature", "22.5"));
    await terminal.until((it) =>
      /^ {2}site1\/a1\/temperature +22\.5 /m.test(it)
    );
    await terminal.type("q");
    await terminal.until((it) => !it.includes("TOPIC"));
  },
);
