/**
 * `pub TOPIC MESSAGE`, which starts without node:fs and leaves its one write to
 * the kernel: slow members, dead ones, many of them.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import { finish, sh, TestBus } from "./harness/process.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Members of the bus made by hand; they read when a test says so. */
class Members extends TestBus {
  readonly #readers = new Map<string, Deno.FsFile>();

  /** Makes a member, which does not read. */
  async join(...names: string[]): Promise<void> {
    Deno.mkdirSync(this.env.FIFOBUS_DIR!, { recursive: true, mode: 0o700 });
    const paths = names.map((name) => this.#path(name));
    await finish(sh('mkfifo -m 600 "$@"', "sh", ...paths));
    for (const name of names) {
      const both = { read: true, write: true };
      this.#readers.set(name, Deno.openSync(this.#path(name), both));
    }
  }

  #path(name: string): string {
    return `${this.env.FIFOBUS_DIR}/${name}`;
  }

  /** Leaves the pipe of a member full. */
  fill(name: string): void {
    const writer = NonblockingWriter.open(this.#path(name))!;
    while (writer.tryWrite(encoder.encode("fill\n")) > 0);
    writer.close();
  }

  /** Ends a member without a word; its name stays. */
  die(name: string): void {
    this.#readers.get(name)!.close();
    this.#readers.delete(name);
  }

  /** Reads what was written so far, except what has filled the pipe. */
  async read(name: string): Promise<string[]> {
    using other = await Deno.open(this.#path(name), { write: true });
    const marking = other.write(encoder.encode("end\n"));
    const text = await this.until(name, "\nend\n");
    await marking;
    return text.split("\n").filter((it) => !["", "fill", "end"].includes(it));
  }

  /** Reads until the end of a text. */
  async until(name: string, end: string): Promise<string> {
    const file = this.#readers.get(name)!;
    const buffer = new Uint8Array(64 * 1024);
    let text = "\n";
    while (!text.endsWith(end)) {
      text += decoder.decode(buffer.slice(0, (await file.read(buffer))!));
    }
    return text;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#readers.values()) file.close();
    await super[Symbol.asyncDispose]();
  }
}

/** Names of members. */
function named(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `t@${prefix}${i + 1}`);
}

Deno.test("pub of one message reaches every member, more than may wait in the kernel at once", async () => {
  await using members = new Members();
  const names = named("", 40);
  await members.join(...names);
  const { code, stderr } = await finish(members.pub("-v", "t", "hi"));
  assertEquals(code, 0);
  assertMatch(stderr, /: 1 message published to 40 subscribers\n$/);
  for (const name of names) {
    assertEquals(await members.read(name), ["t\thi"]);
  }
});

Deno.test("pub of one message waits for slow members, and others do not wait with them", async () => {
  await using members = new Members();
  const slow = named("slow", 40);
  const quick = named("quick", 20);
  await members.join(...slow, ...quick);
  for (const name of slow) members.fill(name);
  const args = ["--slow-timeout=60s", "-v", "t", "hi"];
  await using publisher = members.pub(...args);
  for (const name of quick) await members.until(name, "\nt\thi\n");
  for (const name of slow) await members.until(name, "\nt\thi\n");
  const { code, stderr } = await publisher.ended();
  assertEquals(code, 0);
  assertMatch(stderr, /: 1 message published to 60 subscribers\n$/);
});

Deno.test("pub of one message drops it for a member that does not read, and says so: it never arrives", async () => {
  await using members = new Members();
  const slow = named("slow", 20);
  await members.join(...slow, "t@quick");
  for (const name of slow) members.fill(name);
  const args = ["--slow-timeout=300ms", "-v", "t", "hi"];
  const { code, stderr } = await finish(members.pub(...args));
  assertEquals(code, 0);
  assertMatch(stderr, /: 1 message published to 1 subscriber\n$/);
  for (const name of slow) {
    const id = name.slice(2);
    const reason = `for subscriber ${id}: it does not read\n`;
    assertStringIncludes(stderr, `pub: dropping messages ${reason}`);
    assertStringIncludes(stderr, `1 message dropped for subscriber ${id}\n`);
    assertEquals(await members.read(name), []);
  }
  assertEquals(await members.read("t@quick"), ["t\thi"]);
});

Deno.test("pub of one message removes the names of dead members, and does not count them", async () => {
  await using members = new Members();
  await members.join("t@1", "t@2", "t@3");
  members.die("t@1");
  members.die("t@3");
  const { code, stderr } = await finish(members.pub("-v", "t", "hi"));
  assertEquals(code, 0);
  assertMatch(stderr, /: 1 message published to 1 subscriber\n$/);
  assertEquals(members.names(), ["t@2"]);
  assertEquals(await members.read("t@2"), ["t\thi"]);
  members.die("t@2");
  const nobody = await finish(members.pub("--no-wait", "t", "hi"));
  assertEquals([nobody.code, members.names()], [3, []]);
});

Deno.test("pub of one message waits until a large message of another publisher is written", async () => {
  await using members = new Members();
  await members.join("t@1");
  await using other = members.pub("--slow-timeout=60s", "-s", "t");
  await other.write("x".repeat(500_000));
  await other.end();
  await members.until("t@1", "x");
  await using publisher = members.pub("--slow-timeout=60s", "t", "hi");
  const text = await members.until("t@1", "\nt\thi\n");
  assert(text.endsWith(`x\nt\thi\n`));
  assertEquals((await publisher.ended()).stderr, "");
  assertEquals((await other.ended()).stderr, "");
});
