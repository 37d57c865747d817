/**
 * A bus on other file systems than the usual ones.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Folder } from "./harness/folder.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import { eventually, finish, sh, TestBus } from "./harness/process.ts";

/** A bus on a file system that a line of shell mounts at $0. */
class Mounted extends TestBus {
  static async at(line: string): Promise<Mounted> {
    const bus = new Mounted();
    await Deno.mkdir(bus.file("mnt"));
    const { code, stderr } = await finish(sh(line, bus.file("mnt"), bus.path));
    if (code !== 0) throw new Error(stderr);
    bus.env.FIFOBUS_DIR = bus.file("mnt/bus");
    return bus;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await finish(sh('umount "$0"', this.file("mnt")));
    await super[Symbol.asyncDispose]();
  }
}

const COARSE = 'truncate -s 20M "$1/image" && ' +
  'mkfs.ext4 -q -I 128 "$1/image" 2>/dev/null && mount -o loop "$1/image" "$0"';
const FUSE = 'mkdir "$1/source" && bindfs "$1/source" "$0"';

/** The names of what is missing to mount a file system. */
async function without(line: string, program: string): Promise<string[]> {
  if (Deno.uid() !== 0) return ["root"];
  if (!await isThere("sh", "-c", `command -v ${program}`)) return [program];
  await using folder = new Folder();
  await Deno.mkdir(folder.file("mnt"));
  const mounted = await finish(sh(line, folder.file("mnt"), folder.path));
  if (mounted.code !== 0) return [`permission to mount (${program})`];
  await finish(sh('umount "$0"', folder.file("mnt")));
  return [];
}

testWithout(
  await without(COARSE, "mkfs.ext4"),
  "where time stamps have whole seconds, a publisher sees new subscribers at once",
  async () => {
    await using bus = await Mounted.at(COARSE);
    await using first = await bus.sub("t");
    await using publisher = bus.pub("-l", "t");
    await publisher.write("1\n");
    await first.line();
    for (let i = 0; i < 3; i++) {
      // It joins in the same second in which pub lists the folder.
      await using next = await bus.sub("-C1", "t");
      await publisher.write("2\n");
      assertEquals((await next.ended()).stdout, "2\n");
    }
    await using _responder = await bus.sub("--exec=cat", "--respond", "ask");
    for (let i = 0; i < 5; i++) {
      const asked = await finish(bus.pub("--reply", "ask", `${i}`));
      assertEquals(asked.stdout, `${i}\n`);
    }
  },
);

testWithout(
  await without(FUSE, "bindfs"),
  "where a hard link is another FIFO, sub says so, and FIFOs work",
  async () => {
    await using bus = await Mounted.at(FUSE);
    const { code, stderr } = await finish(bus.subOnce("t"));
    assertEquals(code, 1);
    assertMatch(stderr, /its file system has no hard links to FIFOs; set FIFO/);
    assertEquals(bus.names(), []);
    const pipe = bus.file("mnt/pipe");
    await using sub = bus.subOnce("-C1", pipe);
    await eventually(async () =>
      (await finish(bus.pub("--no-wait", pipe, "heard"))).code === 0
    );
    assertEquals((await sub.ended()).stdout, "heard\n");
  },
);
