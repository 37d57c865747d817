/**
 * Several users of one machine.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { testWithout } from "./_needs.ts";
import { finish } from "./_process.ts";
import { ForUsers, withoutUsers } from "./_users.ts";

const [ADA, GRACE] = [60_001, 60_002];

testWithout(
  withoutUsers,
  "two users share a FIFO, and part no message",
  async () => {
    await using folder = await ForUsers.prepare();
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
      finish(folder.run(uid, "sub", "-W", "2", path))
    );
    const sent = folder.run(GRACE, "pub", "--file", folder.file("in"), path);
    assertEquals((await finish(sent)).code, 0);
    const ended = await Promise.all(readers);
    assertEquals(ended.map(({ stderr }) => stderr), ["", ""]);
    const received = ended.flatMap(({ stdout }) =>
      stdout.split("\n").slice(0, -1)
    );
    assertEquals(received.sort((a, b) => parseInt(a) - parseInt(b)), messages);
  },
);

testWithout(
  withoutUsers,
  "users who can share no queue file are told so",
  async () => {
    await using folder = await ForUsers.prepare();
    const closed = folder.file("closed");
    await Deno.mkdir(closed);
    await finish(
      folder.run(0, "sub", "--mode=622", "-W", "0.1", `${closed}/pipe`),
    );
    await Deno.chmod(`${closed}/pipe`, 0o666);
    // Neither the folder of the FIFO nor that of a bus takes a file of hers.
    const reader = folder.run(ADA, "sub", "-C", "2", `${closed}/pipe`);
    await finish(folder.run(GRACE, "pub", `${closed}/pipe`, "a"));
    await finish(folder.run(GRACE, "pub", `${closed}/pipe`, "b"));
    const { code, stdout, stderr } = await finish(reader);
    assertEquals([code, stdout], [0, "a\nb\n"]);
    assertMatch(stderr, /^sub: .*cannot take turns.*Permission denied.*\n$/);
  },
);

testWithout(
  withoutUsers,
  "a queue file of somebody else is not used",
  async () => {
    await using folder = await ForUsers.prepare();
    const path = await folder.fifo();
    await Deno.chown(path, ADA, ADA);
    const queue = folder.file(".pipe.queue");
    await Deno.writeTextFile(queue, "");
    await Deno.chown(queue, GRACE, GRACE);
    const reader = folder.run(ADA, "sub", "-C", "1", path);
    await finish(folder.run(ADA, "pub", path, "a"));
    const { stdout, stderr } = await finish(reader);
    assertEquals(stdout, "a\n");
    assertMatch(stderr, /it belongs to user 60002/);
  },
);
