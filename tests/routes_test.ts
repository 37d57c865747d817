/**
 * A publisher that lives long, and subscribers that come and go.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import {
  groupName,
  type Subscription,
  subscriptionName,
} from "../lib/bus/names.ts";
import { Routes, type RoutesOptions } from "../lib/bus/routes.ts";
import { isRead, NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { Folder } from "./harness/folder.ts";
import { eventually, repeatUntil } from "./harness/process.ts";

/** The folder of a bus, and members that have names in it. */
class Bus extends Folder {
  readonly #files = new Map<string, Deno.FsFile>();

  /** Lets a member subscribe; a member has one FIFO for all its filters. */
  async subscribe(
    member: string,
    filter: string,
    delimiter: Subscription["delimiter"] = "\n",
  ): Promise<void> {
    const name = subscriptionName(filter, member, delimiter);
    const path = this.file(name);
    const inbox = this.file(`.${member}`);
    if (!this.#files.has(member)) {
      await this.fifo(`.${member}`);
      const file = Deno.openSync(inbox, { read: true, write: true });
      this.#files.set(member, file);
    }
    await Deno.link(inbox, path);
  }

  /** Removes one subscription of a member. */
  async unsubscribe(member: string, filter: string): Promise<void> {
    await Deno.remove(this.file(subscriptionName(filter, member, "\n")));
  }

  /** Ends a member without a word. */
  kill(member: string): void {
    this.#files.get(member)!.close();
    this.#files.delete(member);
  }

  /** What a member has received so far. */
  read(member: string): string {
    const file = this.#files.get(member)!;
    // A line to end the read, if nothing else has come.
    file.writeSync(new TextEncoder().encode("."));
    const buffer = new Uint8Array(1000);
    const count = file.readSync(buffer)! - 1;
    return new TextDecoder().decode(buffer.subarray(0, count));
  }

  /** Fills the FIFO of a member; returns what makes room again. */
  fill(member: string): () => Promise<void> {
    const writer = NonblockingWriter.open(this.file(`.${member}`))!;
    let left = 0;
    for (let n; (n = writer.tryWrite(new Uint8Array(16))) > 0;) left += n;
    writer.close();
    return async () => {
      const file = this.#files.get(member)!;
      while (left > 0) left -= (await file.read(new Uint8Array(left)))!;
    };
  }

  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  routes(more: Partial<RoutesOptions> = {}): Routes {
    return new Routes(this.path, {
      origin: undefined,
      shared: false,
      slowTimeoutMs: 60_000,
      signal: undefined,
      onDropped: () => {},
      ...more,
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) file.close();
    await super[Symbol.asyncDispose]();
  }
}

function membersOf(routes: Routes, topic: string): string[] {
  return routes.find(topic).map(({ member }) => member).sort();
}

Deno.test("Routes.find() finds the members whose filters match, as MQTT 5, section 4.7 says", async () => {
  await using bus = new Bus();
  const filters = {
    exact: "a/b",
    other: "a/B",
    one: "a/+",
    first: "+/b",
    rest: "a/#",
    all: "#",
    pair: "+/+",
    system: "$SYS/#",
    empty: "a//b",
  };
  for (const [member, filter] of Object.entries(filters)) {
    await bus.subscribe(member, filter);
  }
  const routes = bus.routes();
  const cases: [topic: string, members: (keyof typeof filters)[]][] = [
    ["a/b", ["all", "exact", "first", "one", "pair", "rest"]],
    ["a/B", ["all", "one", "other", "pair", "rest"]],
    ["a", ["all", "rest"]],
    ["a/", ["all", "one", "pair", "rest"]],
    ["/b", ["all", "first", "pair"]],
    ["a//b", ["all", "empty", "rest"]],
    ["a/b/c", ["all", "rest"]],
    ["$SYS/b", ["system"]],
    ["$SYS", ["system"]],
    ["c", ["all"]],
  ];
  // A second time from what it remembers.
  for (const [topic, members] of [...cases, ...cases]) {
    assertEquals<string[]>(membersOf(routes, topic), members, topic);
  }
  await routes.close();
});

Deno.test("Routes.find() has a member once, a group once for each filter, and both delimiters", async () => {
  await using bus = new Bus();
  for (const filter of ["a", "+", "#"]) await bus.subscribe("7-one", filter);
  await bus.subscribe("8-nul", "a", "\0");
  const workers = groupName("workers", undefined);
  const names = ["a", "#"].map((it) => subscriptionName(it, workers, "\n"));
  for (const name of names) await bus.fifo(name);
  const routes = bus.routes();
  const found = routes.find("a").map((it) => [it.member, it.delimiter]);
  assertEquals(
    found.sort(),
    [
      ["7-one", "\n"],
      ["8-nul", "\0"],
      ...names.map((name) => [name, "\n"]),
    ].sort(),
  );
  const link = routes.find("a").find(({ member }) => member === "7-one")!;
  await link.send(new TextEncoder().encode("a\tmessage\n"), true);
  assertEquals(bus.read("7-one"), "a\tmessage\n");
  await routes.close();
});

Deno.test("Routes.find() leaves out the members that have left out this publisher's mark", async () => {
  await using bus = new Bus();
  await bus.subscribe("7-a~bridge", "a");
  await bus.subscribe("8-b~other", "a");
  await bus.subscribe("9-c", "a");
  const all = ["7-a~bridge", "8-b~other", "9-c"];
  const cases: [origin: string | undefined, members: string[]][] = [
    ["bridge", all.slice(1)],
    ["none", all],
    [undefined, all],
  ];
  for (const [origin, members] of cases) {
    const routes = bus.routes({ origin });
    assertEquals(membersOf(routes, "a"), members);
    await routes.close();
  }
});

Deno.test("Routes.find() sees subscriptions that come and go", async () => {
  await using bus = new Bus();
  const routes = bus.routes();
  assertEquals(membersOf(routes, "a"), []);
  await bus.subscribe("7-a", "a");
  // A value that was just kept must not miss a member that is there.
  assertEquals(routes.find("a", true).length, 1);
  await bus.subscribe("8-b", "+");
  await eventually(() => membersOf(routes, "a").length === 2);
  // A topic without a listing of its own: a requester has just subscribed.
  await bus.subscribe("8-b", "reply/8");
  assertEquals(membersOf(routes, "reply/8"), ["8-b"]);
  await bus.unsubscribe("8-b", "+");
  await eventually(() => membersOf(routes, "a").length === 1);
  assertEquals(membersOf(routes, "reply/8"), ["8-b"]);
  await bus.unsubscribe("7-a", "a");
  await eventually(() => membersOf(routes, "a").length === 0);
  await routes.close();
});

Deno.test("Routes finds the new FIFO of a member that comes back", async () => {
  await using bus = new Bus();
  await bus.subscribe("7-a", "a");
  const routes = bus.routes();
  const message = new TextEncoder().encode("a\tmessage\n");
  await routes.find("a")[0]!.send(message, true);
  assertEquals(bus.read("7-a"), "a\tmessage\n");
  // The old one stays open: a link that kept it would still write to it.
  using _old = Deno.openSync(bus.file(".7-a"), { read: true, write: true });
  await bus.unsubscribe("7-a", "a");
  await Deno.remove(bus.file(".7-a"));
  await eventually(() => membersOf(routes, "a").length === 0);
  bus.kill("7-a");
  await bus.subscribe("7-a", "a");
  await eventually(() => membersOf(routes, "a").length === 1);
  await routes.find("a")[0]!.send(message, true);
  assertEquals(bus.read("7-a"), "a\tmessage\n");
  await routes.close();
});

Deno.test("Routes reaches a member by the names that it still has", async () => {
  await using bus = new Bus();
  // Several, because a folder lists names in any order.
  for (let i = 0; i < 10; i++) {
    const [member, left] = [`${i}-m`, i % 2 === 0 ? "a" : "b"];
    for (const filter of ["a", "b"]) await bus.subscribe(member, filter);
    const routes = bus.routes();
    const link = routes.find("a").find((it) => it.member === member)!;
    await bus.unsubscribe(member, left);
    const message = new TextEncoder().encode("a\tmessage\n");
    assertEquals(await link.send(message, true), undefined);
    assertEquals(bus.read(member), "a\tmessage\n");
    await routes.close();
  }
});

Deno.test("Routes takes a folder that is gone for a bus without members", async () => {
  await using folder = new Folder();
  await using bus = new Bus();
  const { path } = bus;
  await bus.subscribe("7-a", "a");
  const routes = bus.routes();
  assertEquals(membersOf(routes, "a"), ["7-a"]);
  await Deno.rename(path, folder.file("aside"));
  await eventually(() => membersOf(routes, "a").length === 0);
  await Deno.rename(folder.file("aside"), path);
  await eventually(() => membersOf(routes, "a").length === 1);
  await routes.close();
});

Deno.test("Routes.count() counts the living, and removes what the dead have left", async () => {
  await using bus = new Bus();
  for (const filter of ["a", "b"]) {
    await bus.subscribe("7-dead", filter);
    await bus.subscribe("8-alive", filter);
  }
  await bus.subscribe("9-unknown", "a");
  bus.kill("7-dead");
  const routes = bus.routes();
  const known = (path: string) =>
    path.includes("unknown") ? undefined : isRead(path);
  assertEquals(routes.count("a", known), 1);
  assertEquals(bus.names(), [
    ".8-alive",
    ".9-unknown",
    "a@8-alive",
    "a@9-unknown",
    "b@8-alive",
  ]);
  assertEquals(membersOf(routes, "b"), ["8-alive"]);
  await routes.close();
});

Deno.test("Routes forgets a member that died, and removes no file that is not a FIFO", async () => {
  await using bus = new Bus();
  await bus.subscribe("7-dead", "a");
  await bus.subscribe("7-dead", "b");
  const routes = bus.routes();
  const [link] = routes.find("a");
  bus.kill("7-dead");
  // Somebody has put a file in the place of one of its names.
  await bus.unsubscribe("7-dead", "b");
  await Deno.writeTextFile(bus.file("b@7-dead"), "precious");
  const message = new TextEncoder().encode("a\tmessage\n");
  assertEquals(await link!.send(message, true), 1);
  assertEquals(membersOf(routes, "a"), []);
  assertEquals(bus.names(), ["b@7-dead"]);
  await routes.close();
});

Deno.test("Routes.close() waits for all messages, also to members that have left", async () => {
  await using bus = new Bus();
  await bus.subscribe("7-a", "a");
  await bus.subscribe("8-b", "b");
  const routes = bus.routes();
  const message = new TextEncoder().encode("a\tmessage\n");
  // Full pipes, so that the messages wait.
  const rooms = ["7-a", "8-b"].map((member) => bus.fill(member));
  let written = 0;
  for (const link of [...routes.find("a"), ...routes.find("b")]) {
    link.send(message, true).then((dropped) => written += dropped ?? 1);
  }
  await bus.unsubscribe("7-a", "a");
  assertEquals([routes.find("c", true), routes.bufferedBytes], [[], 10]);
  const closed = routes.close().then(() => written);
  for (const makeRoom of rooms.reverse()) await makeRoom();
  assertEquals(await closed, 2);
});

Deno.test("a subscriber is seen that joins within one tick of the folder's clock", async () => {
  await using bus = ownBus();
  await using first = await Subscriber.open("t");
  await using publisher = await Publisher.open("t");
  // A tick that has not passed: time stamps of a coarse clock are all alike.
  const tick = new Date(Date.now() + 60_000);
  const stop = () => Deno.utimeSync(bus.env.FIFOBUS_DIR!, tick, tick);
  stop();
  await publisher.publish("before");
  const heard = first[Symbol.asyncIterator]();
  assertEquals((await heard.next()).value?.text, "before");
  // Another process: within one, all Subscribers share an inbox.
  await using second = await bus.sub("-C1", "t");
  stop();
  const ended = second.ended();
  await repeatUntil(() => publisher.publish("after"), ended);
  assertEquals((await ended).stdout, "after\n");
});
