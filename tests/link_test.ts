/**
 * Link on its own: one member of the bus, which reads, is slow, or is gone.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { Link, type LinkMember, type LinkOptions } from "../lib/bus/link.ts";
import { parseGap } from "../lib/bus/missed.ts";
import { NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import type { Dropped } from "../lib/outlet.ts";
import { MessageSplitter } from "../lib/wire/splitter.ts";
import { Folder } from "./harness/folder.ts";
import { testWithout } from "./harness/needs.ts";
import { eventually } from "./harness/process.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A member of the bus with its FIFO. */
class Member extends Folder {
  readonly pipe: string = this.file("pipe");
  readonly #splitter = new MessageSplitter("p", "\n", 1_000_000);
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #texts: string[] = [];
  #filled = 0;
  isGone = false;
  #file: Deno.FsFile | undefined;

  static async join(): Promise<Member> {
    const member = new Member();
    await member.fifo();
    member.rejoin();
    return member;
  }

  /** Leaves its pipe full. */
  fill(): void {
    const writer = NonblockingWriter.open(this.pipe)!;
    while (writer.tryWrite(bytes("fill\n")) > 0) this.#filled++;
    writer.close();
  }

  /** Makes room in its pipe. */
  async drain(): Promise<void> {
    while (this.#filled > 0) await this.#read();
  }

  /** Reads until a message has come; says of a record what was missed. */
  async until(last: string): Promise<string[]> {
    while (!this.#texts.includes(last)) await this.#read();
    return this.#texts.splice(0, this.#texts.indexOf(last) + 1);
  }

  async #read(): Promise<void> {
    const count = await this.#file!.read(this.#buffer);
    for (const it of this.#splitter.push(this.#buffer.slice(0, count!))) {
      const gap = parseGap(it);
      if (it.text === "fill") this.#filled--;
      else this.#texts.push(gap ? `missed ${gap.count} ${gap.topic}` : it.text);
    }
  }

  rejoin(): void {
    this.#file = Deno.openSync(this.pipe, { read: true, write: true });
  }

  die(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.die();
    await super[Symbol.asyncDispose]();
  }
}

interface Linked {
  link: Link;
  dropped: Dropped[];
  options: LinkOptions;
  of: LinkMember;
}

/** A link to a member, and what it has reported. */
function linkTo(
  member: Member,
  more: Partial<LinkOptions> = {},
  before?: Link,
): Linked {
  const dropped: Dropped[] = [];
  const options: LinkOptions = {
    shared: false,
    slowTimeoutMs: 60_000,
    signal: undefined,
    onDropped: (it) => dropped.push(it),
    ...more,
  };
  const of: LinkMember = {
    isGroup: false,
    isBridge: false,
    findPath: () => member.pipe,
    onGone: () => member.isGone = true,
  };
  return {
    link: new Link("7-a", "\n", options, of, before),
    dropped,
    options,
    of,
  };
}

/** Lets another publisher wait for a member that is full, and give up. */
async function giveUp(member: Member, slowTimeoutMs: number): Promise<void> {
  const { link } = linkTo(member, { slowTimeoutMs });
  assertEquals(await link.send(bytes("other\t\n"), true), 1);
  await link.close();
}

/** Fails, instead of waiting for ever. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  promise.catch(() => {}).finally(() => isSettled = true);
  await eventually(() => isSettled);
  return await promise;
}

Deno.test("Link sends messages in order, and closes after the last", async () => {
  await using member = await Member.join();
  const { link, dropped } = linkTo(member);
  member.fill();
  const sent = [
    link.send(bytes("t\t1\n"), true),
    link.send(bytes("t\t2\nt\t3\n"), false),
    link.send(bytes("t\t4\n"), true),
  ];
  assertEquals(link.bufferedBytes, 16);
  const closed = link.close();
  const texts = ["t\t1", "t\t2", "t\t3", "t\t4"];
  assertEquals(await member.until("t\t4"), texts);
  assertEquals(await Promise.all(sent), [undefined, undefined, undefined]);
  assertEquals([link.bufferedBytes, dropped.length], [0, 0]);
  await closed;
});

Deno.test("Link lets messages wait once for a slow member, then drops, counts and tells", async () => {
  await using member = await Member.join();
  const { link, dropped, options } = linkTo(member, { slowTimeoutMs: 20 });
  member.fill();
  const first = [
    link.send(bytes("t\t1\nt\t2\n"), false),
    link.send(bytes("u\t3\n"), true),
  ];
  assertEquals(await Promise.all(first), [2, 1]);
  // From now on, each message that finds no room is dropped at once.
  options.slowTimeoutMs = Infinity;
  assertEquals(await soon(link.send(bytes("t\t4\n"), true)), 1);
  const report = { member: "7-a", reason: "it does not read" };
  assertEquals(dropped, [2, 1, 1].map((count) => ({ ...report, count })));
  assertEquals([link.bufferedBytes, member.isGone], [0, false]);
  // It reads again: now it is told, and messages wait for it as before.
  await member.drain();
  assertEquals(await link.send(bytes("t\t5\n"), true), undefined);
  const [message, ...told] = (await member.until("t\t5")).reverse();
  assertEquals(message, "t\t5");
  // The records of its topics have no order.
  assertEquals(told.sort(), ["missed 1 u", "missed 3 t"]);
  member.fill();
  const last = link.send(bytes("t\t6\n"), true);
  await giveUp(member, 20);
  await member.drain();
  assertEquals(await last, undefined);
  assertEquals(await member.until("t\t6"), ["t\t6"]);
  await link.close();
});

Deno.test("Link.miss() counts what the member cannot take, and close() tells the member", async () => {
  await using member = await Member.join();
  const { link } = linkTo(member);
  assertEquals(await link.send(bytes("t\t1\n"), true), undefined);
  link.miss(bytes("t\ttwo\nlines\0"), "\0");
  await link.close();
  assertEquals(await member.until("missed 1 t"), ["t\t1", "missed 1 t"]);
});

Deno.test("Link forgets a member that nobody reads, and reports no drop", async () => {
  await using member = await Member.join();
  for (const isOpen of [false, true]) {
    const { link, dropped } = linkTo(member);
    if (isOpen) await link.send(bytes("t\t0\n"), true);
    member.die();
    member.isGone = false;
    assertEquals(await link.send(bytes("t\t1\nt\t2\n"), false), 2);
    assertEquals([member.isGone, dropped], [true, []]);
    await link.close();
    member.rejoin();
  }
});

Deno.test("Link reports no drop for a member that has left", async () => {
  await using member = await Member.join();
  const { link, dropped, of } = linkTo(member);
  of.findPath = () => undefined;
  assertEquals(await link.send(bytes("t\t1\n"), true), 1);
  assertEquals([member.isGone, dropped], [false, []]);
  await link.close();
});

Deno.test("Link finds the FIFO under any name that is left", async () => {
  await using member = await Member.join();
  const { link, of } = linkTo(member);
  const name = member.file("other");
  await Deno.link(member.pipe, name);
  await Deno.remove(member.pipe);
  of.findPath = () => name;
  assertEquals(await link.send(bytes("t\t1\n"), true), undefined);
  assertEquals(await member.until("t\t1"), ["t\t1"]);
  await link.close();
});

Deno.test("Link follows no symbolic link, and says why it drops", async () => {
  await using member = await Member.join();
  const { link, dropped, of } = linkTo(member);
  const name = member.file("link");
  await Deno.symlink(member.pipe, name);
  of.findPath = () => name;
  assertEquals(await link.send(bytes("t\t1\n"), true), 1);
  assertEquals(dropped.length, 1);
  assertStringIncludes(dropped[0]!.reason, "symbolic link");
  await link.close();
});

testWithout(
  Deno.uid() === 0 ? [] : ["root"],
  "Link writes to another user's FIFO only where the bus is shared",
  async () => {
    await using member = await Member.join();
    await Deno.chown(member.pipe, 12345, null);
    const own = linkTo(member);
    assertEquals(await own.link.send(bytes("t\t1\n"), true), 1);
    const reason = "the FIFO is another user's";
    assertEquals(own.dropped, [{ member: "7-a", count: 1, reason }]);
    const shared = linkTo(member, { shared: true });
    assertEquals(await shared.link.send(bytes("t\t2\n"), true), undefined);
    assertEquals(await member.until("t\t2"), ["t\t2"]);
    await own.link.close();
    await shared.link.close();
  },
);

Deno.test("Link drops what waits when its signal aborts", async () => {
  await using member = await Member.join();
  const abort = new AbortController();
  const { link, dropped } = linkTo(member, { signal: abort.signal });
  member.fill();
  const sent = link.send(bytes("t\t1\n"), true);
  abort.abort(new Error("enough"));
  assertEquals(await soon(sent), 1);
  assertEquals(dropped.map(({ count }) => count), [1]);
  await link.close();
});

Deno.test("Link lets the messages of the link before it go first", async () => {
  await using member = await Member.join();
  const before = linkTo(member);
  member.fill();
  const waiting = before.link.send(bytes("t\t1\n"), true);
  // By now that link looks for room less often than a new link.
  await giveUp(member, 200);
  const { link } = linkTo(member, {}, before.link);
  const sent = link.send(bytes("t\t2\n"), true);
  await member.drain();
  assertEquals([await waiting, await sent], [undefined, undefined]);
  assertEquals(await member.until("t\t2"), ["t\t1", "t\t2"]);
  await link.close();
});

Deno.test("Link tells what was missed at the link before it, too", async () => {
  await using member = await Member.join();
  const before = linkTo(member, { slowTimeoutMs: 0 });
  member.fill();
  assertEquals(await before.link.send(bytes("t\t1\n"), true), 1);
  // The member has no room for the news.
  await before.link.close();
  const { link } = linkTo(member, {}, before.link);
  link.miss(bytes("t\t2\0"), "\0");
  await member.drain();
  await link.send(bytes("t\t3\n"), true);
  assertEquals(await member.until("t\t3"), ["missed 2 t", "t\t3"]);
  await link.close();
});
