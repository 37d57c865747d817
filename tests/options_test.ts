import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { UsageError } from "../lib/cli/exit_codes.ts";
import { withDefaults } from "../lib/cli/options/given.ts";
import { parseOptions } from "../lib/cli/options/parse.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import type { Option, OptionTable } from "../lib/cli/options/table.ts";
import { MOSQUITTO_OPTIONS } from "../lib/cli/options/usage.ts";
import {
  count,
  duration,
  mode,
  size,
  text,
  type ValueKind,
} from "../lib/cli/options/values.ts";
import { DEFAULT_VARIABLES } from "../lib/cli/program.ts";

const TABLE = {
  count: { short: "n", takes: count, group: "", help: "" },
  word: { short: "w", takes: text, group: "", help: "" },
  json: { short: "j", group: "", help: "" },
  lines: { short: "l", excludes: ["json"], group: "", help: "" },
  also: { takes: text, many: true, needs: "lines", group: "", help: "" },
} satisfies OptionTable;

Deno.test("parseOptions() reads options as the shell's tools do", () => {
  const cases: [args: string[], given: object, operands: string[]][] = [
    [["-n5"], { count: 5 }, []],
    [["-n", "5", "a"], { count: 5 }, ["a"]],
    [["--count=5"], { count: 5 }, []],
    [["--count", "5"], { count: 5 }, []],
    [["a", "--json", "b"], { json: true }, ["a", "b"]],
    [["--json", "true"], { json: true }, ["true"]],
    [["-lw", "a", "b"], { lines: true, word: "a" }, ["b"]],
    [["-l", "--also", "a", "--also=b"], { lines: true, also: ["a", "b"] }, []],
    [["-jn5"], { json: true, count: 5 }, []],
    [["-jwfoo"], { json: true, word: "foo" }, []],
    [["--word", "-"], { word: "-" }, []],
    [["--word", "--json"], { word: "--json" }, []],
    [["--word="], { word: "" }, []],
    [["--word=a=b"], { word: "a=b" }, []],
    [["-n1", "-n2"], { count: 2 }, []],
    [["007", "1e3", "-"], {}, ["007", "1e3", "-"]],
    [["--", "--json", "-n"], {}, ["--json", "-n"]],
    [["a", "--", "--", "b"], {}, ["a", "--", "b"]],
    [["", "a b"], {}, ["", "a b"]],
    [["t", "-18.5"], {}, ["t", "-18.5"]],
    [["-5", "-.5", "-1e3", "-2x"], {}, ["-5", "-.5", "-1e3", "-2x"]],
    [["t", "-1", "-j"], { json: true }, ["t", "-1"]],
    [["-n5", "-5"], { count: 5 }, ["-5"]],
    [["-w", "-5"], { word: "-5" }, []],
  ];
  for (const [args, given, operands] of cases) {
    assertEquals(
      parseOptions(TABLE, args),
      { given, operands },
      args.join(" "),
    );
  }
});

Deno.test("parseOptions() refuses options that are not in the table", () => {
  const cases: [args: string[], message: string][] = [
    [["--bogus"], "there is no option --bogus"],
    [["--bogus=1"], "there is no option --bogus"],
    [["--toString"], "there is no option --toString"],
    [["--count.x=1"], "there is no option --count.x"],
    [["--no-json"], "there is no option --no-json"],
    [["--jso"], "there is no option --jso (did you mean --json?)"],
    [["--wodr"], "there is no option --wodr"],
    [["--cuont", "1"], "there is no option --cuont (did you mean --count?)"],
    [["--lins"], "there is no option --lins (did you mean --lines?)"],
    [["-jl"], "options --lines and --json exclude each other"],
    [["--also", "a"], "option --also goes with --lines"],
    [["-x"], "-x (put -- before an argument that starts with -)"],
    [["-."], "there is no option -."],
    [["-j5"], "there is no option -5"],
    [["-jx"], "there is no option -x"],
    [["--json=no"], "option --json takes no value"],
    [["--count"], "option --count takes a whole number from 1"],
    [["-n"], "option -n takes a whole number from 1"],
    [["-n0"], 'option --count takes a whole number from 1, not "0"'],
    [["--count="], 'option --count takes a whole number from 1, not ""'],
  ];
  for (const [args, message] of cases) {
    assertThrows(
      () => parseOptions(TABLE, args),
      UsageError,
      message,
    );
  }
});

Deno.test("withDefaults() reads the environment for options that were not given", () => {
  const table = {
    count: { takes: count, env: "COUNT", group: "", help: "" },
  } satisfies OptionTable;
  const env = { get: () => "5" };
  assertEquals(withDefaults(table, {}, env), { count: 5 });
  assertEquals(withDefaults(table, { count: 1 }, env), { count: 1 });
  assertThrows(
    () => withDefaults(table, {}, { get: () => "x" }),
    UsageError,
    'environment variable COUNT takes a whole number from 1, not "x"',
  );
});

Deno.test("values are read with their units, and other texts are refused", () => {
  const cases: [ValueKind<unknown>, Record<string, unknown>][] = [
    [count, { 1: 1, 1000000: 1000000, "-1": undefined, "1.5": undefined }],
    [duration, {
      2: 2000,
      0.5: 500,
      ".5s": 500,
      "250ms": 250,
      "2m": 120_000,
      "1h": 3_600_000,
      0: 0,
      "": undefined,
      "2 s": undefined,
      "-1": undefined,
      "1000h": undefined,
    }],
    [size, {
      1: 1,
      "64k": 65536,
      "1M": 1048576,
      "1G": 2 ** 30,
      0: undefined,
      "1.5k": undefined,
      "1m": undefined,
    }],
    [mode, { 600: 0o600, "0660": 0o660, 888: undefined, 60: undefined }],
  ];
  for (const [kind, values] of cases) {
    for (const [text, value] of Object.entries(values)) {
      assertEquals(kind.read(text), value, text);
    }
  }
});

Deno.test("a run without options looks for each variable that is a default", () => {
  const variables = [PUB, SUB].flatMap(({ options }) =>
    Object.values<Option>(options).flatMap(({ env }) => env ?? [])
  );
  assertEquals(new Set(variables), new Set(DEFAULT_VARIABLES));
});

Deno.test("no option is a digit: numbers are operands", () => {
  const letters = [PUB, SUB].flatMap(({ options }) =>
    Object.values<Option>(options).flatMap(({ short }) => short ?? [])
  );
  assertEquals(letters.filter((letter) => !/[A-Za-z]/.test(letter)), []);
});

Deno.test("options of mosquitto_pub and mosquitto_sub get a hint at ours", () => {
  const topic = "the topic is the first argument";
  const cases: [table: OptionTable, args: string[], hint: string][] = [
    [PUB.options, ["-t", "a", "-m", "b"], topic],
    [PUB.options, ["-h", "localhost", "-t", "a"], "mqtt://HOST:PORT/TOPIC"],
    [PUB.options, ["-m", "b"], "the message follows the topic"],
    [PUB.options, ["-p", "1883"], "mqtt://HOST:PORT/TOPIC"],
    [PUB.options, ["--host", "localhost"], "mqtt://HOST:PORT/TOPIC"],
    [PUB.options, ["-q", "1", "a", "b"], "write --qos"],
    [SUB.options, ["-q", "1", "a"], "write --qos"],
    [SUB.options, ["-t", "a"], topic],
  ];
  for (const [table, args, hint] of cases) {
    assertThrows(
      () => parseOptions(table, args, MOSQUITTO_OPTIONS),
      UsageError,
      hint,
    );
  }
  const right: [args: string[], operands: string[]][] = [
    [["-q", "a", "1"], ["a", "1"]],
    [["a", "-q", "1"], ["a", "1"]],
    [["-q", "topic:1", "2"], ["topic:1", "2"]],
    [["-h"], []],
    [["-h", "-q"], []],
  ];
  for (const [args, operands] of right) {
    const read = parseOptions(PUB.options, args, MOSQUITTO_OPTIONS);
    assertEquals(read.operands, operands, args.join(" "));
  }
});
