/**
 * `sub --record`: whole lines, none lost, whatever happens.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Folder } from "./harness/folder.ts";
import { isThere, missingOf, raised, testWithout } from "./harness/needs.ts";
import {
  eventually,
  finish,
  type Process,
  sh,
  TestBus,
} from "./harness/process.ts";
import { randomNumbers } from "./harness/random.ts";

/** The files whose names start with a path, in the order of their names. */
function files(path: string): string[] {
  const [, folder, name] = /^(.*)\/([^/]*)$/.exec(path)!;
  return [...Deno.readDirSync(folder!)].map((it) => it.name)
    .filter((it) => it.startsWith(name!)).toSorted()
    .map((it) => `${folder}/${it}`);
}

function size(path: string): number {
  return Deno.statSync(path).size;
}

/** The whole lines of a record, as objects. */
function read(...paths: string[]): Record<string, unknown>[] {
  return paths.flatMap((path) =>
    Deno.readTextFileSync(path).split("\n").slice(0, -1)
  )
    .map((line) => JSON.parse(line));
}

function texts(...paths: string[]): unknown[] {
  return read(...paths).map(({ message }) => message);
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i + 1}`);
}

/** Publishes 1 to COUNT, and drops none. */
function publishNumbers(
  bus: TestBus,
  to: string,
  count: number,
  ...args: string[]
): Process {
  // Others may be reading theirs.
  const file = bus.file(`numbers-${crypto.randomUUID()}`);
  Deno.writeTextFileSync(file, numbers(count).join("\n"));
  const patience = to.startsWith("/") ? [] : ["--slow-timeout=inf"];
  return bus.pub("--file", file, ...patience, ...args, to);
}

/** Ends a recorder, and says how. */
async function ended(recorder: Process) {
  recorder.kill("SIGTERM");
  const { signal, stdout, stderr } = await recorder.ended();
  assertEquals(signal, raised("SIGTERM"));
  return { stdout, stderr };
}

Deno.test("a record is readable for its user only, as a FIFO is", async () => {
  await using bus = new TestBus();
  for (const args of [[], ["--rotate=1M"]]) {
    const record = bus.file(`rec${args.length}`);
    await using recorder = await bus.sub("--record", record, ...args, "t");
    await finish(bus.pub("t", "private"));
    await eventually(() => files(record).some((it) => size(it) > 0));
    await ended(recorder);
    const modes = files(record).map((it) => Deno.statSync(it).mode! & 0o777);
    assertEquals(modes, [0o600]);
  }
});

Deno.test("sub --record refuses a pipe, which could hold it up for ever", async () => {
  await using bus = new TestBus();
  const pipe = bus.file("pipe");
  await finish(sh('mkfifo "$0"', pipe));
  const { code, stderr } = await finish(bus.subOnce("--record", pipe, "t"));
  const reason = "it is a pipe; sub --json prints to one";
  assertEquals(stderr, `sub: Cannot record in "${pipe}": ${reason}\n`);
  assertEquals(code, 1);
});

testWithout(
  await missingOf(["jq"]),
  "a replay is the record: pub --replay of what sub --record kept, by jq",
  async () => {
    await using bus = new TestBus();
    const [first, second] = [bus.file("first"), bus.file("second")];
    await using one = await bus.sub("--record", first, "-C1000", "#");
    await using publisher = bus.pub("--keyed");
    const lines = numbers(1000).map((it) => `t/${+it % 7}\t"${it}" \\ é\n`);
    await publisher.write(lines.join(""));
    await publisher.end();
    const { code, stdout, stderr } = await one.ended();
    assertEquals([code, stdout, stderr], [0, "", ""]);
    await using two = await bus.sub("--record", second, "-C1000", "#");
    assertEquals((await finish(bus.pub("--replay", first))).code, 0);
    await two.ended();
    const compared = await finish(sh(
      'for f; do jq -c "del(.time)" "$f" > "$f.jq"; done; cmp "$1.jq" "$2.jq" && wc -l < "$2.jq"',
      ...["sh", first, second],
    ));
    assertEquals(compared.stdout.trim(), "1000");
  },
);

Deno.test("sub --record with -v prints as well, and adds to what is there", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  // What a killed recorder may have left.
  await Deno.writeTextFile(record, '{"message":"old"}\n{"mess');
  await using recorder = await bus.sub(
    "--record",
    record,
    "--fsync",
    "-v",
    "-C1",
    "t",
  );
  await finish(bus.pub("t", "new"));
  assertEquals((await recorder.ended()).stdout, "t\tnew\n");
  const [old, torn, added] = (await Deno.readTextFile(record)).split("\n");
  assertEquals([old, torn], ['{"message":"old"}', '{"mess']);
  assertEquals(JSON.parse(added!).message, "new");
});

Deno.test("sub --record says why it cannot record", async () => {
  await using bus = new TestBus();
  const path = bus.file("none/rec");
  const { code, stderr } = await finish(bus.subOnce("--record", path, "t"));
  assertEquals(
    [code, stderr],
    [1, `sub: Cannot record in "${path}": it is not there\n`],
  );
  assertEquals(bus.names(), []);
});

Deno.test("sub --record --rotate loses no message under load, and its parts sort", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  const args = ["--record", record, "--rotate=300k", "t"];
  await using recorder = await bus.sub(...args);
  const count = 30_000;
  await finish(publishNumbers(bus, "t", count));
  await ended(recorder);
  const parts = files(record);
  assert(parts.length > 8, `${parts}`);
  assertEquals(parts.filter((it) => size(it) > 300 * 1024), []);
  assertEquals(texts(...parts), numbers(count));
  // A restart goes on behind them.
  await using next = await bus.sub("-C1", ...args);
  await finish(bus.pub("t", "last"));
  await next.ended();
  assertEquals(texts(files(record).at(-1)!), ["last"]);
  assertEquals(files(record).length, parts.length + 1);
  // The parts are one record.
  await using again = await bus.sub(`-C${count + 1}`, "again/t");
  const heard = again.ended();
  const replay = ["--replay", "--speed=max", "--prefix=again", record];
  await finish(bus.pub(...replay));
  assertEquals((await heard).stdout.trimEnd().split("\n"), [
    ...numbers(count),
    "last",
  ]);
});

Deno.test("sub --record --rotate TIME begins a part when the time is over", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  await using _recorder = await bus.sub(
    "--record",
    record,
    "--rotate=50ms",
    "t",
  );
  let sent = 0;
  await eventually(async () => {
    await finish(bus.pub("t", `${++sent}`));
    return files(record).length >= 3;
  });
  await eventually(() => read(...files(record)).length === sent);
  assertEquals(texts(...files(record)), numbers(sent));
});

Deno.test("sub --record --keep drops the oldest parts, and SIGUSR2 saves the others", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  const args = ["--record", record, "--rotate=1k", "--keep=3", "t"];
  await using recorder = await bus.sub(...args);
  for (const i of numbers(3)) await finish(bus.pub("t", `${i}`.repeat(600)));
  await eventually(() => read(...files(record)).length === 3);
  const kept = texts(...files(record));
  recorder.kill("SIGUSR2");
  const [, saved] = await recorder.said(/^sub: saved: pub --replay (\S+)\n/);
  assert(saved!.startsWith(`${record}.saved-`));
  // What comes now drops what was saved.
  for (const i of numbers(5)) await finish(bus.pub("t", `${i}`.repeat(700)));
  const parts = () => files(`${record}.0`);
  await eventually(() => texts(...parts()).at(-1) === "5".repeat(700));
  assertEquals(texts(...parts()), ["3", "4", "5"].map((it) => it.repeat(700)));
  const late = kept.slice(-2);
  assertEquals(texts(...files(saved!)).slice(-2), late);
  await using again = await bus.sub("-C2", "again/t");
  await finish(bus.pub("--replay", "--prefix=again", saved!));
  assertEquals((await again.ended()).stdout, `${late.join("\n")}\n`);
  await ended(recorder);
});

Deno.test("sub --record --keep TIME keeps no more than that", async () => {
  await using bus = new TestBus();
  const record = bus.file("rec");
  // An hour old, from an earlier run.
  const old = `${record}.000000007`;
  await Deno.writeTextFile(old, '{"message":"old"}\n');
  const hourAgo = Date.now() / 1000 - 3600;
  await Deno.utime(old, hourAgo, hourAgo);
  const young = `${record}.000000008`;
  await Deno.writeTextFile(young, '{"message":"young"}\n');
  await using recorder = await bus.sub("--record", record, "--keep=30m", "t");
  await finish(bus.pub("t", "new"));
  await eventually(() => texts(...files(record)).at(-1) === "new");
  assertEquals(texts(...files(record)), ["young", "new"]);
  await ended(recorder);
});

Deno.test("kill -9 leaves whole lines and no gap, of recorder and publishers", async () => {
  const random = randomNumbers(7);
  for (let round = 0; round < 2; round++) {
    await using bus = new TestBus();
    const record = bus.file("rec");
    const args = ["--record", record, "--rotate=1M", "#"];
    await using recorder = await bus.sub(...args);
    // At this rate they take three seconds, and are killed long before.
    const publisher = (topic: string) =>
      publishNumbers(bus, topic, 300_000, "--rate=100000");
    await using _one = publisher("t/1");
    await using two = publisher("t/2");
    await using _three = publisher("t/3");
    const enough = 1_000_000 + random(3_000_000);
    const bytes = () => files(record).reduce((sum, it) => sum + size(it), 0);
    await eventually(() => bytes() > enough / 2);
    two.kill("SIGKILL");
    await eventually(() => bytes() > enough);
    recorder.kill("SIGKILL");
    assertEquals((await recorder.ended()).signal, "SIGKILL");
    const all = read(...files(record));
    assertEquals(
      all.findIndex(({ sequence }, i) => sequence !== i + 1),
      -1,
    );
    for (const topic of ["t/1", "t/2", "t/3"]) {
      const own = all.filter((it) => it.topic === topic);
      assertEquals(own.findIndex((it, i) => it.message !== `${i + 1}`), -1);
    }
    // It can be replayed, and the end of the last part may be torn.
    const { code, stderr } = await finish(
      bus.pub("--replay", "--speed=max", "-v", record),
    );
    assertEquals(code, 0, stderr);
    assertMatch(stderr, RegExp(`^pub: ${all.length} messages published`, "m"));
  }
});

const MOUNT = 'mount -t tmpfs -o size=4m none "$0"';

async function withoutMount(): Promise<string[]> {
  if (Deno.uid() !== 0) return ["root"];
  await using folder = new Folder();
  const mounted = await finish(sh(MOUNT, folder.path));
  if (mounted.code !== 0) return ["permission to mount"];
  await finish(sh('umount "$0"', folder.path));
  return await isThere("truncate", "--version") ? [] : ["truncate"];
}

/** A bus beside a disk of 4 MiB. */
class SmallDisk extends TestBus {
  readonly disk: string = this.file("disk");

  static async make(): Promise<SmallDisk> {
    const small = new SmallDisk();
    await Deno.mkdir(small.disk);
    await finish(sh(MOUNT, small.disk));
    return small;
  }

  /** Takes room away. */
  async fill(bytes: number): Promise<void> {
    await Deno.writeFile(`${this.disk}/other`, new Uint8Array(bytes));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await finish(sh('umount "$0"', this.disk));
    await super[Symbol.asyncDispose]();
  }
}

const noMount = await withoutMount();

testWithout(
  noMount,
  "on a full disk sub --record waits for room, and the record says what was missed",
  async () => {
    await using bus = await SmallDisk.make();
    await bus.fill(3_800_000);
    const record = `${bus.disk}/rec`;
    await using recorder = await bus.sub("--record", record, "t");
    await using publisher = bus.pub("-l", "-v", "--slow-timeout=0", "t");
    let sent = 0;
    const send = async (count: number) => {
      const more = Array.from({ length: count }, () => `${++sent}\n`);
      await publisher.write(more.join(""));
    };
    await send(20_000);
    await recorder.said(/rec": the disk is full; waiting for room/);
    await send(20_000);
    await publisher.said(/dropping messages for subscriber/);
    await Deno.remove(`${bus.disk}/other`);
    await recorder.said(/there is room again: recording\n/);
    await eventually(async () => {
      await send(1);
      return read(record).some((it) => it.missed !== undefined);
    });
    await publisher.end();
    await publisher.ended();
    await eventually(() => read(record).at(-1)!.message === `${sent}`);
    await ended(recorder);
    let before = 0;
    let missed = 0;
    for (const it of read(record) as { message: string; missed?: number }[]) {
      missed += it.missed ?? 0;
      before += 1 + (it.missed ?? 0);
      assertEquals(it.message, `${before}`);
    }
    assert(missed > 0);
  },
);

testWithout(
  noMount,
  "a recorder that ends on a full disk gives messages back to the FIFO",
  async () => {
    await using bus = await SmallDisk.make();
    await bus.fill(3_900_000);
    const [record, pipe] = [`${bus.disk}/rec`, bus.file("pipe")];
    await using recorder = bus.subOnce("--record", record, pipe);
    await using publisher = publishNumbers(bus, pipe, 5000);
    await recorder.said(/waiting for room/);
    const { stderr } = await ended(recorder);
    assertMatch(stderr, /sub: \d+ messages? not recorded\n$/);
    const recorded = texts(record);
    assert(Deno.readTextFileSync(record).endsWith("\n"));
    const left = 5000 - recorded.length;
    const rest = await finish(bus.subOnce(`-C${left}`, pipe));
    const all = [...recorded, ...rest.stdout.trimEnd().split("\n")];
    assertEquals(all, numbers(5000));
    await publisher.ended();
  },
);

testWithout(
  noMount,
  "on a full disk sub --record --keep removes the oldest parts, and says so",
  async () => {
    await using bus = await SmallDisk.make();
    const record = `${bus.disk}/rec`;
    const args = ["--record", record, "--rotate=500k", "--keep=1h", "t"];
    await using recorder = await bus.sub(...args);
    await finish(publishNumbers(bus, "t", 50_000));
    // The oldest parts may be removed while we read.
    await eventually(() => texts(files(record).at(-1)!).at(-1) === "50000");
    const kept = texts(...files(record));
    assertEquals(kept, numbers(50_000).slice(-kept.length));
    assertEquals(
      (await ended(recorder)).stderr,
      "sub: the disk is full: keeping less of the record than --keep says\n",
    );
  },
);
