/**
 * Errors of the system, in words.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { openSync } from "node:fs";
import { FifobusError, inWords, reasonOf } from "../lib/errors.ts";
import { Publisher, Subscriber } from "../mod.ts";
import { Folder } from "./harness/folder.ts";
import { testWithout, withoutFullDisk } from "./harness/needs.ts";
import { commandLine, finish, TestBus } from "./harness/process.ts";

function caught(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

Deno.test("inWords() says what went wrong with which file", async () => {
  await using folder = new Folder();
  const path = folder.file("nothing");
  const cases: [action: () => unknown, text: string][] = [
    [() => Deno.openSync(path), `Cannot open "${path}": it is not there`],
    [() => openSync(path, "r"), `Cannot open "${path}": it is not there`],
    [
      () => Deno.readFileSync(folder.path),
      `Cannot read "${folder.path}": it is a folder`,
    ],
    [
      () => Deno.renameSync(path, "/a"),
      `Cannot rename "${path}": it is not there`,
    ],
  ];
  for (const [action, text] of cases) {
    assertEquals(inWords(caught(action)), text);
  }
  const others: [error: unknown, text: string][] = [
    ["Disk quota exceeded", "the disk quota is used up"],
    [new Error("Some error (os error 999): stat '/a'"), "some error"],
    [new Error("of a callback"), "of a callback"],
    [new FifobusError("closed", "File exists"), "File exists"],
    [undefined, "undefined"],
  ];
  for (const [error, text] of others) assertEquals(reasonOf(error), text);
});

/** How a program is run, its arguments, and the reason that it gives. */
type Case = [line: string, args: string[], reason: string];

/** Parts of the system's own messages, which are not for people. */
const RAW = /os error|readfile|readdir|\bE[A-Z]{4,}|[Uu]ncaught/;

testWithout(
  withoutFullDisk,
  "inWords() and the programs say that the disk is full",
  async () => {
    const error = caught(() => Deno.writeTextFileSync("/dev/full", "x"));
    assertEquals(inWords(error), 'Cannot write "/dev/full": the disk is full');
    await using bus = new TestBus();
    const cases: Case[] = [
      ['sub "$@" > /dev/full', ["--help"], "standard output: the disk is full"],
    ];
    await assertRefused(bus, cases);
  },
);

Deno.test("the programs report an error of the system in one line", async () => {
  await using bus = new TestBus();
  const path = await bus.fifo();
  await Deno.symlink("/nothing/there", bus.file("dangling"));
  await Deno.symlink("circle", bus.file("circle"));
  await Deno.writeTextFile(bus.file("regular"), "");
  const long = "x".repeat(300);
  const broker = "mqtts://127.0.0.1:1/a";
  const cases: Case[] = [
    [
      'pub "$@"',
      [bus.file("dangling"), "x"],
      "it is a symbolic link to nothing",
    ],
    ['pub "$@"', [bus.file("circle"), "x"], "its link cannot be followed"],
    [
      'pub "$@"',
      [bus.file("new/"), "x"],
      "ends with a slash is that of a folder",
    ],
    ['pub "$@"', [bus.file(long), "x"], "its name is too long"],
    ['pub "$@"', [`${path}/a`, "x"], "a part of the path is not a folder"],
    [
      'pub "$@"',
      ["--file", bus.path, "a"],
      `Cannot read "${bus.path}": it is a`,
    ],
    ['pub "$@" < /', ["-l", "a"], "Cannot read standard input: it is a folder"],
    ['pub "$@" < /', ["-s", "a"], "Cannot read standard input: it is a folder"],
    [
      'pub "$@"',
      ["--ca", bus.path, broker, "x"],
      `read --ca "${bus.path}": it is`,
    ],
    [
      'FIFOBUS_DIR=$PWD/regular/b pub "$@"',
      ["a", "x"],
      "part of the path is not",
    ],
    [
      'FIFOBUS_DIR=/nothing/b pub "$@"',
      ["a", "x"],
      "would hold it is not there",
    ],
    ['FIFOBUS_DIR=$PWD/regular sub "$@"', ["a"], "it is not a folder"],
  ];
  await assertRefused(bus, cases);
});

async function assertRefused(bus: TestBus, cases: Case[]): Promise<void> {
  for (const [line, args, reason] of cases) {
    const name = /pub|sub/.exec(line)![0] as "pub" | "sub";
    // The program is $0, and its arguments are in front of ours.
    const run = line.replace(name, '"$0"');
    const [program, ...rest] = commandLine(name, ...args);
    const { code, stderr } = await finish(
      bus.sh(`cd "$FIFOBUS_DIR/.."; ${run}`, program, ...rest),
    );
    assertEquals(code, 1, `${line} ${args}`);
    assertMatch(stderr, /^(pub|sub): [^\n]+\n$/);
    assertEquals(stderr.includes(reason), true, stderr);
    assertEquals(RAW.exec(stderr), null, stderr);
  }
}

Deno.test("the library throws a FifobusError for an error of the system", async () => {
  await using folder = new Folder();
  await Deno.symlink("/nothing/there", folder.file("dangling"));
  for (const address of [folder.file("dangling"), folder.file("new/")]) {
    for (const { open } of [Publisher, Subscriber]) {
      const error = await open(address).catch((it) => it);
      assertEquals(error instanceof FifobusError && error.code, "not_a_fifo");
    }
  }
});
