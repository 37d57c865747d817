/**
 * A bus that several users share.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { testWithout } from "./harness/needs.ts";
import { eventually, finish, Process, sh } from "./harness/process.ts";
import { ForUsers, withoutUsers } from "./harness/users.ts";

const [ADA, GRACE, ALAN] = [60_001, 60_002, 60_003];

/** A group that is not the first group of any user. */
const GROUP = 60_100;

testWithout(
  withoutUsers,
  "users share a sticky bus, and a bus of a secondary group",
  async () => {
    await using folder = await ForUsers.prepare();
    const modes = [[0o1777, "0:0"], [0o2770, `0:${GROUP}`]] as const;
    await Promise.all(modes.flatMap(([mode, owner]) => [
      share(folder, mode, owner),
      passOverTheDead(folder, mode, owner),
    ]));
    await Promise.all([
      share(folder, 0o770, `0:${GROUP}`),
      makeBus(folder),
      refuseFifoOfOthers(folder),
      changeNothingElse(folder),
    ]);
  },
);

async function makeFolder(
  folder: ForUsers,
  mode: number,
  owner: string,
): Promise<string> {
  const path = folder.file(`bus-${crypto.randomUUID()}`);
  await finish(
    sh(
      'mkdir "$0" && chown $1 "$0" && chmod $2 "$0"',
      path,
      owner,
      mode.toString(8),
    ),
  );
  return path;
}

/** Programs of users who are in the group. */
function on(folder: ForUsers, bus: string, mode: number) {
  const env = { FIFOBUS_DIR: bus };
  const groups = `--groups=${GROUP}`;
  const option = `--mode=${mode.toString(8)}`;
  return (uid: number, program: "pub" | "sub", ...args: string[]) =>
    folder.runAs({ uid, groups, env }, program, option, ...args);
}

function names(bus: string): string[] {
  return [...Deno.readDirSync(bus)].map(({ name }) => name)
    .filter((name) => name.includes("@") && !name.startsWith("."));
}

async function share(
  folder: ForUsers,
  mode: number,
  owner: string,
): Promise<void> {
  const bus = await makeFolder(folder, mode, owner);
  const run = on(folder, bus, mode);
  assertEquals(
    (await finish(run(ADA, "pub", "--retain", "a/kept", "21.5"))).stderr,
    "",
  );
  await using grace = run(GRACE, "sub", "-v", "a/#");
  assertEquals(await grace.line(), "a/kept\t21.5");
  await using alan = run(ALAN, "sub", "$share/g/a/#");
  await eventually(() => names(bus).length === 2);
  const sent = await finish(run(ADA, "pub", "-v", "-r", "a/kept", "22"));
  assertMatch(sent.stderr, /\npub: 1 message published to 2 subscribers\n$/);
  assertEquals(await grace.line(), "a/kept\t22");
  assertEquals(await alan.line(), "22");
  // One user replaces the value of another.
  const replaced = await finish(run(GRACE, "pub", "-r", "a/kept", "23"));
  assertEquals(replaced.stderr, "");
  assertEquals(await grace.line(), "a/kept\t23");
  const asked = run(
    ADA,
    "pub",
    "--reply",
    "--wait",
    "--timeout=60",
    "ask",
    "x",
  );
  await using _responder = run(GRACE, "sub", "--exec=cat", "--respond", "ask");
  assertEquals((await finish(asked)).stdout, "x\n");
}

/** Other users cannot remove the leftovers of dead members: they disturb nobody. */
async function passOverTheDead(
  folder: ForUsers,
  mode: number,
  owner: string,
): Promise<void> {
  const bus = await makeFolder(folder, mode, owner);
  const run = on(folder, bus, mode);
  await using dead = run(ADA, "sub", "#");
  await eventually(() => names(bus).length === 1);
  dead.kill("SIGKILL");
  await dead.ended();
  await finish(
    sh(
      'mkfifo "$0/.orphan" && chown $1 "$0/.orphan" && touch -d "2 hours ago" "$0/.orphan"',
      bus,
      `${ADA}`,
    ),
  );
  const { code, stderr } = await finish(
    run(GRACE, "pub", "-v", "x/y", "hello"),
  );
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /\npub: 1 message published, heard by nobody\n$/,
  );
  await using alive = run(GRACE, "sub", "-C1", "x/#");
  await eventually(() => names(bus).some((name) => name.startsWith("x")));
  assertEquals((await finish(run(ALAN, "pub", "x/y", "hello"))).stderr, "");
  assertEquals((await alive.ended()).stdout, "hello\n");
}

/** A bus that one of them makes has the mode, whatever the umask, and is hers. */
async function makeBus(folder: ForUsers): Promise<void> {
  const parent = await makeFolder(folder, 0o1777, "0:0");
  const run = on(folder, `${parent}/bus`, 0o1777);
  await finish(run(ADA, "pub", "-r", "t", "x"));
  assertEquals(Deno.statSync(`${parent}/bus`).mode! & 0o7777, 0o1777);
  const { code, stderr } = await finish(run(GRACE, "sub", "t"));
  assertEquals(code, 1);
  assertMatch(stderr, /as the bus: user 60001 owns it\n$/);
}

/** In a folder where everybody may write, another user's FIFO may be a trap. */
async function refuseFifoOfOthers(folder: ForUsers): Promise<void> {
  const shared = await makeFolder(folder, 0o1777, "0:0");
  const path = `${shared}/pipe`;
  await finish(
    sh('mkfifo -m 666 "$0" && chown $1 "$0"', path, `${ADA}`),
  );
  await using _reader = sh('exec 3<>"$0"; read line', path);
  for (
    const args of [["pub", path, "x"], ["pub", "--timeout=1", path, "x"], [
      "sub",
      "-C1",
      path,
    ]] as const
  ) {
    const [program, ...rest] = args;
    const { code, stderr } = await finish(folder.run(GRACE, program, ...rest));
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /user 60001 made it; mode 666 says that it is shared\n$/,
    );
  }
  const sent = await finish(folder.run(GRACE, "pub", "--mode=666", path, "x"));
  assertEquals([sent.code, sent.stderr], [0, ""]);
  // The owner of the folder may make FIFOs in it for others.
  const hers = await makeFolder(folder, 0o755, `${ADA}:${ADA}`);
  await finish(
    sh('mkfifo -m 666 "$0" && chown $1 "$0"', `${hers}/pipe`, `${ADA}`),
  );
  await using _other = sh('exec 3<>"$0"; read line', `${hers}/pipe`);
  const toHer = await finish(folder.run(GRACE, "pub", `${hers}/pipe`, "x"));
  assertEquals([toHer.code, toHer.stderr], [0, ""]);
}

/** Another user has put files in the place of ours into a shared bus. */
async function changeNothingElse(folder: ForUsers): Promise<void> {
  const bus = await makeFolder(folder, 0o777, "0:0");
  const run = on(folder, bus, 0o777);
  const secret = folder.file("secret");
  await Deno.writeTextFile(secret, "secret\n", { mode: 0o600 });
  await Deno.chown(secret, GRACE, GRACE);
  await finish(run(GRACE, "pub", "-r", "t", "x"));
  await finish(
    new Process([
      "setpriv",
      ...[`--reuid=${ADA}`, `--regid=${ADA}`, "--clear-groups"],
      ...[
        "sh",
        "-c",
        'ln -s "$0" "$1/retained/s" && mkfifo -m 666 "$1/retained/f"',
        secret,
        bus,
      ],
    ]),
  );
  const read = await finish(run(GRACE, "sub", "--retained-only", "-v", "#"));
  assertEquals([read.code, read.stdout], [0, "t\tx\n"]);
  const said = read.stderr.trimEnd().split("\n").sort();
  assertEquals(said.length, 2);
  assertMatch(said[0]!, /^sub: the last value of "f" is left out: /);
  assertMatch(said[1]!, /^sub: the last value of "s" is left out: /);
  assertEquals(Deno.statSync(secret).mode! & 0o777, 0o600);
}
