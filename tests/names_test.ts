/**
 * The names of subscriptions in the folder of the bus.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import {
  fileName,
  groupName,
  memberName,
  readSubscriptions,
  type Subscription,
  subscriptionName,
} from "../lib/bus/names.ts";
import { FifobusError } from "../lib/errors.ts";
import { Folder } from "./harness/folder.ts";

Deno.test("fileName() makes a name that every file system and every shell takes", () => {
  const cases: [topic: string, name: string][] = [
    ["a", "a"],
    ["warehouse/a1/temp", "warehouse%2Fa1%2Ftemp"],
    ["+/#", "%2B%2F%23"],
    // Some file systems ignore case.
    ["$SYS/load", "%24%53%59%53%2Fload"],
    ["aAZz", "a%41%5Az"],
    ["%41", "%2541"],
    ["É", "%C3%89"],
    // A shell's * skips names with a dot in front; . and .. are folders.
    [".", "%2E"],
    ["..", "%2E."],
    [".a.b", "%2Ea.b"],
    ["a@b", "a%40b"],
    ["a b~c'(*)!", "a%20b~c'(*)!"],
    ["\ufeff", "%EF%BB%BF"],
    ["日", "%E6%97%A5"],
    ["", ""],
  ];
  for (const [topic, name] of cases) {
    assertEquals(fileName(topic), name);
    assertEquals(decodeURIComponent(name), topic);
  }
});

Deno.test("subscriptionName() makes a name of 255 bytes at most", () => {
  const cases: [
    filter: string,
    member: string,
    delimiter: Subscription["delimiter"],
    bytes: number,
  ][] = [
    ["x".repeat(250), "1-id", "\n", 255],
    ["x".repeat(251), "1-id", "\n", 256],
    ["x".repeat(248), "1-id", "\0", 255],
    ["x".repeat(249), "1-id", "\0", 256],
    // Encoded, a capital has 3 bytes, and this character has 9.
    [`${"x".repeat(247)}A`, "1-id", "\n", 255],
    [`${"x".repeat(248)}A`, "1-id", "\n", 256],
    [`${"x".repeat(241)}日`, "1-id", "\n", 255],
    [`${"x".repeat(242)}日`, "1-id", "\n", 256],
    ["x".repeat(248), groupName("group", undefined), "\n", 255],
    ["x".repeat(249), groupName("group", undefined), "\n", 256],
  ];
  for (const [filter, member, delimiter, bytes] of cases) {
    if (bytes <= 255) {
      const name = subscriptionName(filter, member, delimiter);
      assertEquals(new TextEncoder().encode(name).length, bytes);
      continue;
    }
    const error = assertThrows(
      () => subscriptionName(filter, member, delimiter),
      FifobusError,
    ) as FifobusError;
    assertEquals(error.code, "bad_address");
  }
});

Deno.test("memberName() makes another name each time, which begins with the process", () => {
  const [one, other] = [memberName(undefined), memberName(undefined)];
  assert(one !== other);
  assertMatch(one, new RegExp(`^${Deno.pid}-[a-z0-9]+-[a-z0-9]+$`));
  assertMatch(memberName("a~b@/C"), /^\d+-[a-z0-9]+-[a-z0-9]+~a~b%40%2FC$/);
});

/** Makes FIFOs in a folder. */
async function make(folder: Folder, names: string[]): Promise<void> {
  const args = ["--", ...names.map((name) => folder.file(name))];
  const { success } = await new Deno.Command("mkfifo", { args }).output();
  assert(success);
}

function byName(one: Subscription, other: Subscription): number {
  return one.name < other.name ? -1 : 1;
}

Deno.test("readSubscriptions() reads what subscriptionName() has made", async () => {
  await using folder = new Folder();
  const filters = [
    "a",
    "A",
    "#",
    "+/b/#",
    ".",
    "..",
    ".a",
    "/",
    "a//b",
    "$SYS/#",
    "a@0",
    "@",
    "a~b",
    "+g@1",
    "%",
    "%41",
    "a b",
    "\ufeff",
    "日/É",
  ];
  const members: [
    member: string,
    group?: string | undefined,
    origin?: string,
  ][] = [
    ["7-a-b"],
    ["7-a-b~mark", undefined, "mark"],
    [`7-a-b~${encodeURIComponent("~M@0/é~")}`, undefined, "~M@0/é~"],
    [groupName("workers", undefined), "workers"],
    [groupName("A~b@0+", undefined), "A~b@0+"],
    [groupName("workers", "m~M@0"), "workers", "m~M@0"],
    [groupName(".~", "."), ".~", "."],
  ];
  const expected: Subscription[] = [];
  for (const filter of filters) {
    for (const [member, group, origin] of members) {
      for (const delimiter of ["\n", "\0"] as const) {
        const name = subscriptionName(filter, member, delimiter);
        expected.push({
          filter,
          // Each filter of a group has a FIFO of its own.
          member: group === undefined ? member : name,
          group,
          origin,
          delimiter,
          name,
        });
      }
    }
  }
  const names = expected.map(({ name }) => name);
  assertEquals(new Set(names.map((it) => it.toLowerCase())).size, names.length);
  await make(folder, names);
  assertEquals(
    readSubscriptions(folder.path).sort(byName),
    expected.sort(byName),
  );
});

Deno.test("readSubscriptions() passes over what is not a subscription", async () => {
  await using folder = new Folder();
  const others = [
    "no-member",
    ".7-a-b",
    ".jobs.queue",
    // No filter is empty, or has control characters.
    "@7-a-b",
    "a%0Ab@7-a-b",
    "%1B@7-a-b",
    "%C2%9B@7-a-b",
    // Not an encoding: a stray percent sign, half a character, a surrogate.
    "%@7-a-b",
    "%zz@7-a-b",
    "%C3@7-a-b",
    "%ED%A0%80@7-a-b",
    "a@7-a-b~%zz",
    "a@+%zz",
  ];
  await make(folder, [...others, "a@7-a-b"]);
  await Deno.writeTextFile(folder.file("b@7-a-b"), "");
  await Deno.mkdir(folder.file("c@7-a-b"));
  await Deno.symlink(folder.file("a@7-a-b"), folder.file("d@7-a-b"));
  const found = readSubscriptions(folder.path).map(({ name }) => name);
  assertEquals(found, ["a@7-a-b"]);
  assertEquals(readSubscriptions(folder.file("nowhere")), []);
});
