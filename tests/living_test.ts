/**
 * Subscribers are counted if they are alive: a name alone does not count.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import {
  FifobusError,
  publish,
  Publisher,
  request,
  Subscriber,
} from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { finish, sh, TestBus } from "./harness/process.ts";

/** Leaves the name of a subscriber that had no time to remove it. */
async function leaveDead(bus: TestBus, topic: string): Promise<void> {
  await using dead = await bus.sub(topic);
  dead.kill("SIGKILL");
  await dead.ended();
  assertEquals(bus.names().map((name) => name.split("@")[0]), [topic]);
}

Deno.test("pub --wait and pub -v count the living", async () => {
  await using bus = new TestBus();
  await leaveDead(bus, "t");
  const waited = await finish(bus.pub("--wait", "--timeout=0.2", "t", "x"));
  assertEquals([waited.code, waited.stdout], [124, ""]);
  assertMatch(waited.stderr, /0 of 1 subscribers/);
  await leaveDead(bus, "t");
  const said = (await finish(bus.pub("-v", "t", "x"))).stderr.split("\n");
  assertEquals(said[1], "pub: 1 message published, heard by nobody");
  await leaveDead(bus, "t");
  const late = bus.pub("--wait", "--timeout=60", "t", "late");
  await using alive = bus.subOnce("-C1", "t");
  assertEquals((await finish(late)).code, 0);
  assertEquals((await alive.ended()).stdout, "late\n");
});

Deno.test("pub -v says how many subscribers got the messages", async () => {
  await using bus = new TestBus();
  await using _one = await bus.sub("a/#");
  await using _two = await bus.sub("a/b");
  const said = async (input: string) => {
    const pub = bus.pub("-v", "-l", "--keyed");
    await pub.write(input);
    await pub.end();
    // The first line says where the bus is.
    return (await finish(pub)).stderr.split("\n")[1];
  };
  assertEquals(
    await said("a/b\t1\na/b\t2\n"),
    "pub: 2 messages published to 2 subscribers",
  );
  assertEquals(
    await said("a/b\t1\na/c\t2\n"),
    "pub: 2 messages published to 1 to 2 subscribers",
  );
  assertEquals(
    await said("a/c\t1\nb\t2\n"),
    "pub: 2 messages published to 1 subscriber, 1 of them " +
      "heard by nobody",
  );
  assertEquals(
    await said("b\t1\nc\t2\n"),
    "pub: 2 messages published, heard by nobody",
  );
});

Deno.test("pub --no-wait to a topic without subscribers has an exit code of its own", async () => {
  await using bus = new TestBus();
  const { code, stderr } = await finish(bus.pub("--no-wait", "t", "x"));
  assertEquals(
    [code, stderr],
    [3, 'pub: Cannot publish to "t": nobody subscribes to it\n'],
  );
  await using sub = await bus.sub("-C1", "t");
  assertEquals((await finish(bus.pub("--no-wait", "t", "x"))).code, 0);
  assertEquals((await sub.ended()).stdout, "x\n");
});

Deno.test("publish() returns how many got the message", async () => {
  await using bus = ownBus();
  assertEquals(await publish("t", "x"), 0);
  await assertRejects(
    () => publish("t", "x", { wait: false }),
    FifobusError,
    "nobody subscribes",
  );
  await using _one = await Subscriber.open("t");
  assertEquals(await publish("t", "x"), 1);
  await using _other = await bus.sub("+");
  assertEquals(await publish("t", "x"), 2);
  await using _group = await bus.sub("$share/g/t");
  assertEquals(await publish("t", "x"), 3);
  await using publisher = await Publisher.open("t");
  const framed = new TextEncoder().encode("1\n2\n");
  assertEquals(await publisher.publishFramed(framed), 6);
});

Deno.test("Publisher.subscribers(), { wait } and request() count the living", async () => {
  await using bus = ownBus();
  await leaveDead(bus, "t");
  await using publisher = await Publisher.open("t");
  assertEquals(await publisher.subscribers(), 0);
  await leaveDead(bus, "t");
  await assertRejects(
    () => Publisher.open("t", { wait: 1, timeoutMs: 50 }),
    FifobusError,
    "0 of 1",
  );
  await leaveDead(bus, "t");
  const asked = request("t", "?", { wait: true, timeoutMs: 60_000 });
  await using responder = await Subscriber.open("t");
  const [message] = (await responder.read())!;
  await message!.reply("!");
  assertEquals((await asked).text, "!");
});

Deno.test("files that only look like subscribers do not count", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("t", "makes the folder"));
  const folder = bus.env.FIFOBUS_DIR!;
  await Deno.writeTextFile(`${folder}/t@1`, "");
  await Deno.mkdir(`${folder}/t@2`);
  await Deno.symlink("/dev/null", `${folder}/t@3`);
  using _listener = Deno.listen({ transport: "unix", path: `${folder}/t@4` });
  await finish(sh('mkfifo "$0" "$1"', `${folder}/@5`, `${folder}/%0A@6`));
  const before = [...Deno.readDirSync(folder)].length;
  const { code, stderr } = await finish(bus.pub("-v", "t", "x"));
  assertEquals(
    [code, stderr.split("\n").at(-2)],
    [0, "pub: 1 message published, heard by nobody"],
  );
  const waited = await finish(bus.pub("--wait", "--timeout=0.1", "t", "x"));
  assertEquals(waited.code, 124);
  assertEquals((await finish(bus.subOnce("--list"))).stdout, "");
  // None of the files is removed.
  assertEquals([...Deno.readDirSync(folder)].length, before);
});
