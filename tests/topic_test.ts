import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { FifobusError } from "../lib/errors.ts";
import {
  checkTopicFilter,
  checkTopicName,
  matchesTopic,
} from "../lib/topic.ts";

Deno.test("matchesTopic() follows MQTT 5, section 4.7", () => {
  const cases: [filter: string, name: string, matches: boolean][] = [
    ["a/b", "a/b", true],
    ["a/b", "a/B", false],
    ["a/b", "a/b/", false],
    ["a/b", "/a/b", false],
    // 4.7.1.2: the rest, the parent too.
    ["sport/tennis/player1/#", "sport/tennis/player1", true],
    ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
    ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
    ["sport/#", "sport", true],
    ["sport/#", "sports", false],
    ["#", "a", true],
    ["#", "/a", true],
    ["#", "a/", true],
    // 4.7.1.3: one level, which may be empty.
    ["sport/tennis/+", "sport/tennis/player1", true],
    ["sport/tennis/+", "sport/tennis/player1/ranking", false],
    ["sport/+", "sport", false],
    ["sport/+", "sport/", true],
    ["+/+", "/finance", true],
    ["/+", "/finance", true],
    ["+", "/finance", false],
    ["+", "finance", true],
    ["+/tennis/#", "sport/tennis/x", true],
    ["+/tennis/#", "sport/tennis", true],
    ["a//b", "a//b", true],
    ["a/+/b", "a//b", true],
    ["a//b", "a/b", false],
    // 4.7.2: a leading wildcard does not match a leading $.
    ["#", "$SYS/load", false],
    ["+/load", "$SYS/load", false],
    ["$SYS/#", "$SYS/load", true],
    ["$SYS/+", "$SYS/load", true],
    ["a/#", "a/$b", true],
    ["a/+", "a/$b", true],
  ];
  for (const [filter, name, matches] of cases) {
    assertEquals(matchesTopic(filter, name), matches, `${filter} ${name}`);
    checkTopicFilter(filter);
    checkTopicName(name);
  }
});

/** Follows the definition, one level at a time; slow and plain. */
function matchesNaively(filter: string[], name: string[]): boolean {
  const [wanted, ...filterRest] = filter;
  const [level, ...nameRest] = name;
  if (wanted === undefined) return level === undefined;
  if (wanted === "#") return true;
  if (level === undefined) return false;
  return (wanted === "+" || wanted === level) &&
    matchesNaively(filterRest, nameRest);
}

Deno.test("matchesTopic() agrees with a naive matcher on all short topics", () => {
  const names = [1, 2, 3].flatMap((n) => sequences(["", "a", "b"], n));
  const filters = [1, 2, 3].flatMap((n) =>
    sequences(["", "a", "b", "+"], n).concat(
      sequences(["", "a", "b", "+"], n - 1).map((it) => [...it, "#"]),
    )
  );
  for (const filter of filters) {
    for (const name of names) {
      assertEquals(
        matchesTopic(filter.join("/"), name.join("/")),
        matchesNaively(filter, name),
        `${filter.join("/")} ${name.join("/")}`,
      );
    }
  }
});

function sequences(items: string[], length: number): string[][] {
  if (length === 0) return [[]];
  return sequences(items, length - 1)
    .flatMap((head) => items.map((item) => [...head, item]));
}

Deno.test("checkTopicFilter() and checkTopicName() refuse the wrong shape", () => {
  const code = (check: () => void) => {
    const error = assertThrows(check);
    return error instanceof FifobusError && error.code;
  };
  for (const filter of ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a\tb", "\0"]) {
    assertEquals(code(() => checkTopicFilter(filter)), "bad_address", filter);
  }
  for (const name of ["", "a/+", "#", "a\nb", "\x7f", "\x85", "\ud800"]) {
    assertEquals(code(() => checkTopicName(name)), "bad_address", name);
  }
});

Deno.test("topics and filters have 65,535 bytes at most, as in MQTT", () => {
  const fits = ["a".repeat(65_535), "日".repeat(21_845)];
  for (const topic of fits) {
    checkTopicName(topic);
    checkTopicFilter(topic);
    for (const check of [checkTopicName, checkTopicFilter]) {
      const error = assertThrows(() => check(`${topic}b`), FifobusError);
      assertEquals(error.code, "bad_address");
      // The error does not hold the whole topic.
      assertEquals(error.message.length < 300, true);
    }
  }
  // The limit includes the name of the group.
  assertThrows(() => checkTopicFilter(`$share/g/${fits[0]}`), FifobusError);
});
