/**
 * Where the bus is for users, and for root in their place.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { isThere, testWithout } from "./harness/needs.ts";
import { type Ended, finish, sh } from "./harness/process.ts";
import { ForUsers, withoutUsers } from "./harness/users.ts";

const [ADA, GRACE] = [60_001, 60_002];

/** Runs a test with a /run/user of its own. */
const withoutMounts = [
  ...withoutUsers,
  ...await isThere("unshare", "-m", "mount", "-t", "tmpfs", "none", "/run/user")
    ? []
    : ["unshare -m"],
];

/** Runs one of our programs as a user, with few variables. */
function run(
  folder: ForUsers,
  uid: number,
  env: string[],
  program: "pub" | "sub",
  ...args: string[]
): Promise<Ended> {
  const line = "mount -t tmpfs none /run/user && chmod 755 /run/user && " +
    `mkdir -m 700 /run/user/${ADA} /run/user/${GRACE} && ` +
    `chown ${ADA} /run/user/${ADA} && chown ${GRACE} /run/user/${GRACE} && ` +
    'exec "$@"';
  return finish(sh(
    'exec unshare -m sh -c "$0" sh "$@"',
    line,
    ...["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"],
    ...["env", "-i", "PATH=/usr/bin:/bin", `HOME=${folder.path}`],
    ...[`DENO_DIR=${folder.file("cache")}`, ...env, folder.file("deno")],
    ...["run", "--no-prompt", "--allow-all"],
    ...[folder.file(`tree/${program}.ts`), ...args],
  ));
}

testWithout(
  withoutMounts,
  "without XDG_RUNTIME_DIR the bus is in /run/user; root makes none in a user's",
  async () => {
    await using folder = await ForUsers.prepare();
    const own = `/run/user/${ADA}`;
    const cron = await run(folder, ADA, [], "pub", "-v", "t", "x");
    assertMatch(cron.stderr, new RegExp(`^pub: the bus is ${own}/fifobus\n`));
    assertEquals(cron.code, 0);
    const other = 60_003;
    const without = await run(folder, other, [], "sub", "--list");
    await Deno.remove(`/tmp/fifobus-${other}`);
    assertEquals(
      [without.code, without.stderr],
      [0, `sub: the bus is /tmp/fifobus-${other}\n`],
    );
    // sudo -E, and su without a dash.
    const env = [`XDG_RUNTIME_DIR=${own}`];
    const root = await run(folder, 0, env, "pub", "t", "x");
    assertEquals([root.code, root.stderr], [
      1,
      `pub: Cannot use "${own}/fifobus" as the bus: XDG_RUNTIME_DIR is the ` +
      `folder of user ${ADA}; unset it, or set FIFOBUS_DIR\n`,
    ]);
    const hers = [`FIFOBUS_DIR=${folder.file("roots")}`];
    await Deno.mkdir(folder.file("roots"), { mode: 0o700 });
    const closed = await run(folder, ADA, hers, "sub", "--list");
    assertEquals(closed.code, 1);
    assert(
      closed.stderr.endsWith(
        `as the bus: no permission to read it; it belongs to user 0\n`,
      ),
      closed.stderr,
    );
  },
);
