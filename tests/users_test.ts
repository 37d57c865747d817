/**
 * Several users of one machine.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { testWithout } from "./harness/needs.ts";
import { finish } from "./harness/process.ts";
import { ForUsers, withoutUsers } from "./harness/users.ts";

const [ADA, GRACE] = [60_001, 60_002];

testWithout(
  withoutUsers,
  "two users on one FIFO share it, or are told that they cannot",
  async () => {
    await using folder = await ForUsers.prepare();
    const parts = [shareMessages, tellUsers, leaveOthersAlone, leaveNothing];
    await Promise.all(parts.map((part) => part(folder)));
  },
);

/** Messages of 20 kB stay whole. */
async function shareMessages(folder: ForUsers): Promise<void> {
  const shared = folder.file("shared");
  await Deno.mkdir(shared);
  await Deno.chmod(shared, 0o1777);
  const path = `${shared}/pipe`;
  await finish(folder.run(ADA, "sub", "--mode=666", "-W", "0.1", path));
  const messages = Array.from(
    { length: 100 },
    (_, i) => `${i} ${"x".repeat(20_000)}`,
  );
  await Deno.writeTextFile(folder.file("in"), messages.join("\n"));
  const readers = [ADA, GRACE].map((uid) =>
    finish(folder.run(uid, "sub", "--mode=666", "-W", "2", path))
  );
  const args = ["--mode=666", "--file", folder.file("in"), path];
  const sent = folder.run(GRACE, "pub", ...args);
  assertEquals((await finish(sent)).code, 0);
  const ended = await Promise.all(readers);
  assertEquals(ended.map(({ stderr }) => stderr), ["", ""]);
  const received = ended.flatMap(({ stdout }) =>
    stdout.split("\n").slice(0, -1)
  );
  assertEquals(received.sort((a, b) => parseInt(a) - parseInt(b)), messages);
}

/** These users can make no queue file, neither beside the FIFO nor in a bus. */
async function tellUsers(folder: ForUsers): Promise<void> {
  const path = folder.file("closed/pipe");
  await Deno.mkdir(folder.file("closed"));
  await finish(folder.run(0, "sub", "--mode=666", "-W", "0.1", path));
  const reader = folder.run(ADA, "sub", "-C", "2", path);
  await finish(folder.run(GRACE, "pub", path, "a"));
  await finish(folder.run(GRACE, "pub", path, "b"));
  const { code, stdout, stderr } = await finish(reader);
  assertEquals([code, stdout], [0, "a\nb\n"]);
  assertMatch(stderr, /^sub: .*cannot take turns.*permission denied.*\n$/);
}

/** Another user's queue file is not used. */
async function leaveOthersAlone(folder: ForUsers): Promise<void> {
  const path = await folder.fifo("hers");
  await Deno.chown(path, ADA, ADA);
  const queue = folder.file(".hers.queue");
  await Deno.writeTextFile(queue, "");
  await Deno.chown(queue, GRACE, GRACE);
  const reader = folder.run(ADA, "sub", "-C", "1", path);
  await finish(folder.run(ADA, "pub", path, "a"));
  const { stdout, stderr } = await finish(reader);
  assertEquals(stdout, "a\n");
  assertMatch(stderr, /it belongs to user 60002/);
}

/** A user who may not read a FIFO leaves no queue file. */
async function leaveNothing(folder: ForUsers): Promise<void> {
  const shared = folder.file("open");
  await Deno.mkdir(shared);
  await Deno.chmod(shared, 0o1777);
  const path = `${shared}/private`;
  await finish(folder.run(ADA, "sub", "-W", "0.1", path));
  const refused = await finish(folder.run(GRACE, "sub", "-W", "0.1", path));
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /no permission to read and write it\n$/);
  const names = [...Deno.readDirSync(shared)].map(({ name }) => name);
  assertEquals(names, ["private"]);
}
