/**
 * Records in the FIFO of a subscriber of the bus that are not messages.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { type Notice, publish, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { eventually, finish, type TestBus } from "./harness/process.ts";

/** Records that are not a topic, a tab and a message. */
const STRAYS = [
  "no tab",
  "\\tno topic",
  "a\\033]0;title\\007\\tescape",
  "a/+\\twildcard",
  "\\377\\tnot UTF-8",
];

/** Writes lines to the only subscriber, as any program can. */
async function write(bus: TestBus, lines: string[]): Promise<void> {
  await eventually(() => bus.names().length === 1);
  const path = `${bus.env.FIFOBUS_DIR}/${bus.names()[0]}`;
  const text = lines.map((it) => `${it}\\n`).join("");
  const { code } = await finish(bus.sh('printf "$0" > "$1"', text, path));
  assertEquals(code, 0);
}

for (const filter of ["#", "$share/group/#"]) {
  Deno.test(`sub ${filter} drops records that are not messages, and says how many`, async () => {
    await using bus = ownBus();
    await using subscriber = await bus.sub("-v", "-C2", filter);
    await write(bus, ["a\\t1", ...STRAYS, "b\\t2"]);
    assertEquals(await subscriber.ended(), {
      code: 0,
      signal: null,
      stdout: "a\t1\nb\t2\n",
      stderr:
        "sub: 5 records dropped: a message is a topic, a tab and its text\n",
    });
  });

  Deno.test(`a record of ${filter} whose topic has no end does not end its readers`, async () => {
    await using bus = ownBus();
    await using subscriber = await bus.sub("-C1", "--max-size=10k", filter);
    await eventually(() => bus.names().length === 1);
    const path = `${bus.env.FIFOBUS_DIR}/${bus.names()[0]}`;
    const line = '{ head -c 400000 /dev/zero | tr "\\000" x; echo; ' +
      'printf "a\\t1\\n"; } > "$0"';
    await finish(bus.sh(line, path));
    const { code, stdout } = await subscriber.ended();
    assertEquals([code, stdout], [0, "1\n"]);
  });
}

Deno.test("onNotice reports strays once for each burst, and counts all of them", async () => {
  await using bus = ownBus();
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => {
    notices.push(notice);
    throw new Error("of the callback");
  };
  const subscriber = await Subscriber.open("a", { onNotice });
  for (let i = 0; i < 50; i++) await write(bus, ["no tab"]);
  await publish("a", "behind them");
  assertEquals((await subscriber.read())![0]!.text, "behind them");
  await subscriber.close();
  assertEquals(new Set(notices.map(({ code }) => code)).size, 1);
  assertEquals(notices[0]!.code, "not_a_message");
  const counts = notices.map(({ text }) => parseInt(text));
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 50);
  assertEquals(notices.length < 10, true);
});
