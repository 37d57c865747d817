/**
 * Programs that a signal ends.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import type { Command } from "./harness/programs.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  Process,
  TestBus,
} from "./harness/process.ts";

const CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc"] as const;

const withoutNamespaces = await isThere(...CONTAINER, "true")
  ? []
  : ["unshare, as root"];

// The kernel ignores a signal that the first process of a container sends itself.
testWithout(
  withoutNamespaces,
  "pub and sub as the first process of a container end with 143, 130 and 129",
  async () => {
    await using bus = new TestBus();
    const folder = bus.env.FIFOBUS_DIR!;
    const cases: [there: string, command: Command][] = [
      [folder, commandLine("sub", "t")],
      [bus.file("read"), commandLine("sub", bus.file("read"))],
      [bus.file("written"), commandLine("pub", bus.file("written"), "x")],
      [folder, commandLine("pub", "--wait", "nobody", "x")],
    ];
    const codes = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;
    for (const [there, command] of cases) {
      for (const [name, code] of Object.entries(codes)) {
        await Deno.remove(there, { recursive: true }).catch(() => {});
        await using outside = new Process([...CONTAINER, ...command], bus.env);
        const { pid } = outside;
        await eventually(() => exists(there));
        const children = `/proc/${pid}/task/${pid}/children`;
        const first = Number(await Deno.readTextFile(children));
        Deno.kill(first, name as keyof typeof codes);
        assertEquals((await outside.ended()).code, code, command.join(" "));
      }
    }
    assertEquals(bus.names(), []);
  },
);

function exists(path: string): boolean {
  try {
    return Boolean(Deno.lstatSync(path));
  } catch {
    return false;
  }
}
