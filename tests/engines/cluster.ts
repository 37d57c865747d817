/**
 * A cluster whose servers are killed.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Folder } from "../harness/folder.ts";
import { testWithout } from "../harness/needs.ts";
import { pub, repeatUntil, sub } from "../harness/process.ts";
import { NatsCluster, withoutEngines } from "./_engines.ts";

testWithout(
  withoutEngines,
  "QoS 1: a cluster loses nothing when each of its servers is killed in mid-stream",
  async () => {
    await using folder = new Folder();
    await using cluster = await NatsCluster.start(folder);
    const address = `${cluster.url}/warehouse/n`;
    const session = ["--qos=1", "--persistent", "--client-id=s"];
    await using to = sub("--timeout=90", ...session, address);
    const args = ["-l", "--qos=1", "--rate=500", "--timeout=90"];
    await using from = pub(...args, address);
    await repeatUntil(() => from.write("ready\n"), to.until("ready\n"));
    const seen = new Set<number>();
    const seeTo = async (count: number) => {
      while (seen.size < count) {
        const line = await to.line();
        if (line !== "ready") seen.add(Number(line));
      }
    };
    for (const server of cluster.servers) {
      const start = seen.size;
      const numbers = Array.from({ length: 1000 }, (_, i) => start + i);
      await from.write(numbers.join("\n") + "\n");
      await seeTo(start + 200);
      await server.kill();
      // A number may come again, and none is left out.
      await seeTo(start + 1000);
      await server.restart();
    }
    await from.end();
    const { code, stderr } = await from.ended();
    assertEquals(code, 0, stderr);
    // "trying again" says it, too.
    const again = /lost the connection [^]*: connected to \S+ again\n/;
    assertMatch(stderr, again);
    await to.said(again);
  },
);
