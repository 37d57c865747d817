/**
 * Last values: bad ones are left out, and none is missed.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { openBus } from "../lib/bus/folder.ts";
import { retain } from "../lib/bus/retain.ts";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { finish, sh, TestBus } from "./harness/process.ts";

/** Files in the place of a value, each as a line of shell that makes it. */
const BAD: Record<string, [line: string, reason: RegExp]> = {
  unreadable: ['ln -s /nowhere "$0"', /not a regular file/],
  link: ['ln -s /etc/passwd "$0"', /not a regular file/],
  folder: ['mkdir "$0"', /not a regular file/],
  fifo: ['mkfifo "$0"', /not a regular file/],
  large: [': > "$0"', /6442450944 bytes, the limit is 1000/],
  lines: ['printf "two\\nlines" > "$0"', /byte 3 ends a message/],
};

Deno.test("only a bad last value is left out, with a reason", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("-r", "a", "1"));
  await finish(bus.pub("-r", "z", "2"));
  for (const [name, [line]] of Object.entries(BAD)) {
    const made = await finish(
      sh(line, `${bus.env.FIFOBUS_DIR}/retained/${name}`),
    );
    assertEquals(made.stderr, "");
  }
  await Deno.truncate(`${bus.env.FIFOBUS_DIR}/retained/large`, 6 * 1024 ** 3);
  await finish(sh('printf x > "$0"', `${bus.env.FIFOBUS_DIR}/retained/%zz`));
  const forged = `${bus.env.FIFOBUS_DIR}/retained/b%0aalarm%09fire`;
  await finish(sh('printf x > "$0"', forged));
  const args = ["--max-size=1000", "--retained-only", "-v", "#"];
  const { code, stdout, stderr } = await finish(bus.subOnce(...args));
  assertEquals([code, stdout], [0, "a\t1\nz\t2\n"]);
  const said = stderr.trimEnd().split("\n");
  assertEquals(said.length, Object.keys(BAD).length + 1);
  assertMatch(stderr, /fire" is left out: it holds a control character\n/);
  for (const [name, [, reason]] of Object.entries(BAD)) {
    const line = said.find((it) => it.includes(`"${name}"`));
    assertMatch(line ?? "", reason);
  }
  // Messages still arrive.
  await using sub = await bus.sub("-R", "-C1", "a");
  await finish(bus.pub("a", "live"));
  assertEquals((await sub.ended()).stdout, "live\n");
});

for (const line of ['printf x > "$0"', 'ln -s /etc "$0"', 'mkfifo "$0"']) {
  Deno.test(`last values that are not a folder are passed over: ${line}`, async () => {
    await using bus = new TestBus();
    await finish(bus.pub("t", "makes the folder"));
    await finish(sh(line, `${bus.env.FIFOBUS_DIR}/retained`));
    await using sub = await bus.sub("-C1", "t");
    const { code, stderr } = await finish(bus.pub("-r", "t", "live"));
    // Subscribers that run get the message anyway.
    assertEquals((await sub.ended()).stdout, "live\n");
    assertEquals(code, 1);
    assertMatch(stderr, /^pub: Cannot keep the last value of "t": it is not a/);
  });
}

Deno.test("nothing is missed between the last value and the messages after it", async () => {
  await using _bus = ownBus();
  await using publisher = await Publisher.open("t");
  let isOver = false;
  const publishing = (async () => {
    for (let i = 0; !isOver; i++) {
      await publisher.publish(`${i}`, { retain: true });
    }
  })();
  await using _end = {
    [Symbol.asyncDispose]: () => {
      isOver = true;
      return publishing;
    },
  };
  for (let i = 0; i < 50; i++) {
    await using subscriber = await Subscriber.open("t");
    const numbers: number[] = [];
    while (numbers.length < 20) {
      const messages = (await subscriber.read())!;
      numbers.push(...messages.map(({ text }) => Number(text)));
    }
    // A message that is under way while its value is read may come twice.
    if (numbers[0] === numbers[1]) numbers.shift();
    assertEquals(numbers, numbers.map((_, i) => numbers[0]! + i));
  }
});

Deno.test("retain() keeps a value though the bus is removed and made again meanwhile", async () => {
  await using own = ownBus();
  const bus = await openBus(0o700);
  const folder = `${own.env.FIFOBUS_DIR}/retained`;
  let isRemoved = false;
  const share = (path: string, mask: number, info?: Deno.FileInfo): void => {
    bus.share(path, mask, info);
    if (isRemoved || !path.includes("@")) return;
    isRemoved = true;
    Deno.removeSync(folder, { recursive: true });
    Deno.mkdirSync(folder);
  };
  retain({ ...bus, share }, "a", new TextEncoder().encode("1"));
  assertEquals(Deno.readTextFileSync(`${folder}/a`), "1");
});
