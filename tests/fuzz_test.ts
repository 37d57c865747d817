/**
 * Every parser gets random input, and must agree with a slow and plain parser.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { parseAddress } from "../lib/address.ts";
import {
  groupName,
  memberName,
  readSubscriptions,
  subscriptionName,
} from "../lib/bus/names.ts";
import { alarm } from "../lib/cli/alarm.ts";
import { readFields } from "../lib/cli/board/fields.ts";
import { readQuantity } from "../lib/cli/board/quantity.ts";
import { UsageError } from "../lib/cli/exit_codes.ts";
import { parseOptions } from "../lib/cli/options/parse.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import type { OptionTable } from "../lib/cli/options/table.ts";
import {
  count,
  duration,
  listener,
  mode,
  rate,
  size,
  text,
  type ValueKind,
} from "../lib/cli/options/values.ts";
import { visible, visibleJson } from "../lib/cli/output.ts";
import { parseFormat } from "../lib/cli/format.ts";
import { jsonWriter } from "../lib/cli/json_line.ts";
import { FifobusError } from "../lib/errors.ts";
import { QueueFile, statusOf } from "../lib/fifo/queue_file.ts";
import { NoQueueFile } from "../lib/fifo/queue_header.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { tagMessages } from "../lib/wire/tags.ts";
import {
  checkTopicFilter,
  checkTopicName,
  matchesTopic,
  parseShared,
} from "../lib/topic.ts";
import { type Delimiter, encodeMessage, reframe } from "../lib/wire/framing.ts";
import { findMarked, tornMarker, wake } from "../lib/wire/marks.ts";
import { MessageSplitter } from "../lib/wire/splitter.ts";
import { Publisher, Subscriber } from "../mod.ts";
import { Folder } from "./harness/folder.ts";
import { fuzzTest, type Random } from "./harness/random.ts";
import { written } from "./harness/written.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** One character for each byte, so that plain code can look at both. */
function binary(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (it) => it.charCodeAt(0));
}

const DELIMITERS: Delimiter[] = ["\n", "\0"];

/** Runs an action that may throw a FifobusError; any other error is a fault. */
function refused(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof FifobusError) return error.code;
    throw error;
  }
}

/** Ends of marks, and pieces that could be a part of a mark. */
const MARK = new RegExp(
  "(\x16fifobus wake [^]{8}\x16|\x18fifobus (?:torn|lost|large [0-9]{1,16})\x18)$",
);
const PARTS = ["\x16", "\x18", "fifobus ", "wake ", "torn", "lost", "01234567"];

/** Bytes without a delimiter: of all kinds, or similar to marks. */
function message(random: Random, delimiter: Delimiter, max: number): string {
  const text = random.once(2)
    ? random.text(12, PARTS)
    : random.list(max, () => String.fromCharCode(random.below(256))).join("");
  return text.slice(0, max).replaceAll(delimiter, "");
}

/** The same, and some that end with a mark. */
function markedMessage(random: Random, delimiter: Delimiter): string {
  const text = message(random, delimiter, 40);
  if (!random.once(8)) return text;
  const mark = random.pick([wake(delimiter).bytes, tornMarker(delimiter)]);
  return text + binary(mark).slice(0, -1);
}

/** The same bytes in pieces, each in a buffer of its own. */
function cut(random: Random, wire: string): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < wire.length;) {
    const end = start + 1 + random.below(random.once(2) ? 5 : 200);
    pieces.push(bytesOf(wire.slice(start, end)));
    start = end;
  }
  return pieces;
}

/** Reads all bytes at once, record by record, by the rules of the wire. */
function splitNaively(wire: string, delimiter: Delimiter, maxBytes: number) {
  const records = wire.split(delimiter);
  const rest = records.pop()!;
  const messages: string[] = [];
  const wakes: string[] = [];
  let [before, lost, isTooLarge] = ["", 0, false];
  for (const record of records) {
    const whole = before + record;
    before = "";
    const mark = MARK.exec(whole)?.[0];
    if (mark === undefined) {
      if (whole.length > maxBytes) {
        isTooLarge = true;
        break;
      }
      messages.push(whole);
    } else if (mark.startsWith("\x16")) {
      wakes.push(mark.slice(-9, -1));
      before = whole.slice(0, -mark.length);
    } else if (mark.includes("lost") && whole.length > mark.length) lost++;
  }
  return { messages, wakes, lost, isTooLarge, rest: before + rest };
}

fuzzTest(
  "MessageSplitter finds the messages among marks",
  1500,
  (random) => {
    const delimiter = random.pick(DELIMITERS);
    const maxBytes = 20 + random.below(100);
    let wire = "";
    for (let i = random.below(30); i > 0; i--) {
      const whole = message(random, delimiter, maxBytes);
      const at = random.below(whole.length + 1);
      const mark = random.below(8);
      wire += mark === 0
        ? whole.slice(0, at) + binary(wake(delimiter).bytes) + whole.slice(at)
        : mark <= 2
        ? whole.slice(0, at) + binary(tornMarker(delimiter, mark === 1))
        : whole;
      if (mark === 0 || mark > 2) wire += delimiter;
    }
    if (random.once(4)) {
      wire += "x".repeat(maxBytes + 1 + random.below(60)) + delimiter +
        "after\n";
    } else wire += message(random, delimiter, maxBytes);
    const splitter = new MessageSplitter("p", delimiter, maxBytes);
    const messages: string[] = [];
    const wakes: string[] = [];
    let lost = 0;
    for (const piece of cut(random, wire)) {
      messages.push(...splitter.push(piece).map((it) => binary(it.bytes)));
      wakes.push(...splitter.takeWakes());
      lost += splitter.takeLost();
      if (splitter.error) break;
    }
    const isTooLarge = splitter.error?.code === "message_too_large";
    const expected = splitNaively(wire, delimiter, maxBytes);
    const rest = isTooLarge ? expected.rest : binary(splitter.takeRest());
    assertEquals({ messages, wakes, lost, isTooLarge, rest }, expected);
  },
);

/** Characters that are special somewhere: to files, URLs, shells, MQTT. */
const TOPIC_CHARACTERS = [..."aZ09 -_.!~*'()@%&=?:;,\"\\$<>|{}[]^`äß東🌡\u0301"];

function topic(random: Random, levels = 4): string {
  const level = () => random.text(4, TOPIC_CHARACTERS);
  return random.list(levels, level, 1).join("/") || "a";
}

function filter(random: Random): string {
  const levels = topic(random).split("/")
    .map((level) => random.once(4) ? "+" : level);
  if (random.once(4)) levels.push("#");
  return levels.join("/");
}

fuzzTest(
  "records of the bus keep topic, reply topic and message",
  1000,
  (random) => {
    const delimiter = random.pick(DELIMITERS);
    const expected: [
      topic: string,
      replyTo: string | undefined,
      origins: string[] | undefined,
      text: string,
    ][] = [];
    let wire = "";
    for (let i = 1 + random.below(10); i > 0; i--) {
      const to = topic(random);
      const replyTo = random.once(3) ? topic(random) : undefined;
      const texts = random.list(3, () => message(random, delimiter, 50), 1)
        .filter((it) => !MARK.test(it));
      const framed = texts.map((it) => it + delimiter).join("");
      const origins = random.once(3)
        ? [random.text(5, TOPIC_CHARACTERS), "\t\n,"]
        : undefined;
      const how = [delimiter, replyTo, origins] as const;
      wire += binary(tagMessages(to, bytesOf(framed), ...how));
      for (const text of texts) expected.push([to, replyTo, origins, text]);
    }
    const splitter = new MessageSplitter("p", delimiter, 1000);
    const found = cut(random, wire).flatMap((it) => splitter.push(it))
      .map((it) => it.untagged()!);
    assertEquals(
      found.map((it) => [it.topic, it.replyTo, it.origins, binary(it.bytes)]),
      expected,
    );
    const framed = expected.map(([, , , text]) => text + delimiter).join("");
    assertEquals(binary(WireMessage.frame(found, delimiter)), framed);
  },
);

fuzzTest(
  "a record that fifobus did not write is read, or is not a message",
  2000,
  (random) => {
    const record = random.text(10, [
      "a",
      "\t",
      "\x1f",
      "\xff",
      "\xc3",
      "/",
      "\0",
      "#",
    ]);
    const found = new WireMessage("p", bytesOf(record)).untagged();
    const tab = record.indexOf("\t");
    if (!found) return;
    assert(tab >= 0);
    assertEquals(binary(found.bytes), record.slice(tab + 1));
    const decoded = new TextDecoder().decode(bytesOf(record.slice(0, tab)));
    const [name, reply, origins] = decoded.split("\x1f");
    assertEquals(found.topic, name);
    const isMarked = origins !== undefined;
    assertEquals(found.replyTo, isMarked && reply === "" ? undefined : reply);
    assertEquals(found.origins !== undefined, isMarked);
  },
);

fuzzTest(
  "messages are framed, reframed, and searched for marks",
  1500,
  (random) => {
    const [delimiter, other] = random.once(2)
      ? DELIMITERS
      : DELIMITERS.toReversed();
    const texts = random.list(20, () => markedMessage(random, delimiter!));
    const framed = texts.map((it) => it + delimiter).join("");
    const marked = texts.findIndex((it) => MARK.test(it));
    const before = texts.slice(0, marked).map((it) => it + delimiter).join("");
    assertEquals(
      findMarked(bytesOf(framed), delimiter!),
      marked < 0 ? -1 : before.length,
    );
    const result = reframe(bytesOf(framed), delimiter!, other!);
    const kept = texts.filter((it) => !it.includes(other!));
    assertEquals(
      [binary(result.messages), result.dropped.count],
      [kept.map((it) => it + other).join(""), texts.length - kept.length],
    );
    const maxBytes = random.below(40);
    for (const text of texts) {
      let encoded: Uint8Array | undefined;
      const code = refused(() =>
        encoded = encodeMessage("p", bytesOf(text), other!, maxBytes)
      );
      const fault = text.length > maxBytes
        ? "message_too_large"
        : text.includes(other!) || MARK.test(text) && code !== undefined
        ? "delimiter_in_message"
        : undefined;
      assertEquals(code, fault);
      if (encoded) assertEquals(binary(encoded), text + other);
    }
  },
);

/** By the definition in MQTT 5, section 4.7, one level at a time. */
function matchesNaively(filter: string[], name: string[]): boolean {
  if (filter[0] === "#") return true;
  if (filter.length === 0 || name.length === 0) {
    return filter.length === name.length;
  }
  return (filter[0] === "+" || filter[0] === name[0]) &&
    matchesNaively(filter.slice(1), name.slice(1));
}

fuzzTest("topics are matched, and checked, as MQTT 5 says", 4000, (random) => {
  const characters = [
    "a",
    "b",
    "$",
    "/",
    "/",
    "+",
    "#",
    "é",
    "\t",
    "\x9f",
    "\ud83c",
  ];
  const [one, other] = [0, 0].map(() => random.text(8, characters));
  const isPlain = (it: string) =>
    it !== "" && !/[\t\x9f]/.test(it) && it.isWellFormed();
  const accepts = (check: (it: string) => void, it: string) => {
    const code = refused(() => check(it));
    assert(code === undefined || code === "bad_address", code);
    return code === undefined;
  };
  const levels = one!.split("/");
  const isFilter = isPlain(one!) &&
    levels.every((level, i) =>
      level === "+" || level === "#" && i === levels.length - 1 ||
      !/[+#]/.test(level)
    );
  assertEquals(accepts(checkTopicFilter, one!), isFilter, one);
  const isName = isPlain(other!) && !/[+#]/.test(other!);
  assertEquals(accepts(checkTopicName, other!), isName, other);
  if (!isFilter || !isName) return;
  const isHidden = other!.startsWith("$") && /^[+#]/.test(one!);
  assertEquals(
    matchesTopic(one!, other!),
    !isHidden && matchesNaively(levels, other!.split("/")),
    `${one} ${other}`,
  );
});

fuzzTest("filters of groups are read as MQTT 5 says", 2000, (random) => {
  const parts = ["$share", "/", "/", "g", "a", "+", "#", "$"];
  const text = random.once(2)
    ? `$share/${random.text(6, parts)}`
    : random.text(6, parts);
  const [share, group, ...filter] = text.split("/");
  const isShared = share === "$share" &&
    (group !== undefined || text === share);
  const isGood = group !== undefined && group !== "" && !/[+#]/.test(group) &&
    filter.length > 0 && filter.join("/") !== "";
  let found: unknown = "refused";
  refused(() => found = parseShared(text));
  const expected = !isShared
    ? undefined
    : isGood
    ? { group, filter: filter.join("/") }
    : "refused";
  assertEquals(found, expected, text);
});

/** Fails if the file exists: opening a FIFO would wait for a reader. */
const NEW = { createNew: true };

async function make(folder: string, names: string[]): Promise<void> {
  const args = ["-m", "600", "--", ...names.map((it) => `${folder}/${it}`)];
  await new Deno.Command("mkfifo", { args, stderr: "null" }).output();
}

fuzzTest(
  "names of subscriptions are read back, among names of all kinds",
  25,
  async (random) => {
    await using folder = new Folder();
    const expected = new Map<string, object>();
    for (let i = 0; i < 20; i++) {
      const subscription = {
        filter: filter(random),
        group: random.once(3) ? topic(random, 1) : undefined,
        origin: random.once(3) ? topic(random) : undefined,
        delimiter: random.pick(DELIMITERS),
      };
      const { group, origin, delimiter } = subscription;
      const member = group === undefined
        ? memberName(origin)
        : groupName(group, origin);
      let name = "";
      // It may be too long.
      refused(() =>
        name = subscriptionName(subscription.filter, member, delimiter)
      );
      if (name === "") continue;
      assert(!name.includes("/") && name.length <= 255, name);
      expected.set(name, { ...subscription, name });
    }
    await make(folder.path, [...expected.keys()]);
    // Files of all kinds that others may have put there.
    const characters = [
      ..."a@@%~+.0F-",
      "%41",
      "%2F",
      "%C3",
      "%zz",
      "ä",
      "\n",
      "\x1b",
    ];
    for (let i = 0; i < 20; i++) {
      const name = random.text(12, characters, 1);
      if (expected.has(name)) continue;
      const path = folder.file(name);
      try {
        if (random.once(4)) Deno.writeTextFileSync(path, "", NEW);
        else if (random.once(3)) Deno.mkdirSync(path);
        else if (random.once(2)) Deno.symlinkSync("nowhere", path);
        else await make(folder.path, [name]);
      } catch {
        // It is "." or there already.
      }
    }
    const found = new Map(
      readSubscriptions(folder.path).map(({ member, ...it }) => {
        assert(member !== undefined);
        return [it.name, it];
      }),
    );
    for (const [name, subscription] of expected) {
      assertEquals<unknown>(found.get(name), subscription, name);
    }
    for (const [name, { filter, group, origin }] of found) {
      assert(Deno.lstatSync(folder.file(name)).isFifo, name);
      // No text is decoded only in part.
      for (const text of [filter, group ?? "", origin ?? ""]) {
        assert(text.isWellFormed(), name);
      }
    }
  },
);

const TABLE = {
  flag: { short: "f", group: "", help: "" },
  quiet: { short: "q", group: "", help: "" },
  "no-flag": { group: "", help: "" },
  word: { short: "w", takes: text, group: "", help: "" },
  number: { short: "n", takes: count, group: "", help: "" },
  each: { short: "e", takes: text, many: true, group: "", help: "" },
  maybe: { short: "m", takes: text, bare: "bare", group: "", help: "" },
} satisfies OptionTable;

const ARGUMENTS = [..."-=a1.é ", "--", "no-", "true", "\n", "[]", "__proto__"];

fuzzTest("options are read however they are written", 2000, (random) => {
  const given: Record<string, unknown> = {};
  const operands: string[] = [];
  const args: string[] = [];
  let letters = "";
  for (let i = random.below(8); i > 0; i--) {
    const name = random.pick(Object.keys(TABLE)) as keyof typeof TABLE;
    const { short, takes, many, bare }: OptionTable[string] = TABLE[name];
    if (random.once(4)) {
      // Short options can be joined only if no operand is between them.
      if (letters) args.push(`-${letters}`);
      letters = "";
      const operand = random.text(5, ARGUMENTS).replace(/^-+(?=.)/s, "");
      operands.push(operand);
      args.push(operand);
    }
    if (!takes) {
      given[name] = true;
      if (short && random.once(2)) letters += short;
      else args.push(`--${name}`);
      continue;
    }
    let value = takes === count
      ? `${1 + random.below(1000)}`
      : random.text(5, ARGUMENTS);
    const way = random.below(4);
    if (way === 0 && value !== "") args.push(`-${letters}${short}${value}`);
    else if (way === 1 && bare === undefined) {
      args.push(`-${letters}${short}`, value);
    } else {
      if (letters) args.push(`-${letters}`);
      if (bare !== undefined && way === 2) {
        args.push(`--${name}`);
        value = bare;
      } else if (way === 3 || bare !== undefined) {
        args.push(`--${name}=${value}`);
      } else args.push(`--${name}`, value);
    }
    letters = "";
    const read = takes.read(value);
    given[name] = many ? [...(given[name] ?? []) as unknown[], read] : read;
  }
  if (letters) args.push(`-${letters}`);
  if (random.once(3)) {
    const rest = random.list(4, () => random.text(5, ARGUMENTS));
    args.push("--", ...rest);
    operands.push(...rest);
  }
  assertEquals<unknown>(
    parseOptions(TABLE, args),
    { given, operands },
    JSON.stringify(args),
  );
});

fuzzTest(
  "pub and sub take all arguments, or say what is wrong with them",
  3000,
  (random) => {
    const { options } = random.pick([PUB, SUB]);
    const name = () => random.pick(Object.keys(options));
    const args = random.list(6, () => {
      const value = random.text(4, [
        ...ARGUMENTS,
        "5",
        "k",
        "s",
        ":",
        "%",
        "\\",
      ]);
      return random.pick([
        value,
        `--${name()}`,
        `--${name()}=${value}`,
        `-${random.text(3, "lvqnCWe1=")}`,
        `-${value}`,
        "--toString",
      ]);
    });
    try {
      parseOptions(options as OptionTable, args);
    } catch (error) {
      const isSaid = error instanceof UsageError &&
        /^(options? |there is no option )/.test(error.message);
      if (!isSaid) throw new Error(JSON.stringify(args), { cause: error });
    }
  },
);

const DIGITS = [..."0123456789"];

/** A number as people write it, with or without a point, and its value. */
function decimal(random: Random): [text: string, value: number] {
  const whole = random.text(4, DIGITS);
  const part = random.text(3, DIGITS);
  const hasPoint = random.once(2);
  if (whole + (hasPoint ? part : "") === "") return ["7", 7];
  const value =
    Number(BigInt(whole || 0) * 1000n + BigInt(part.padEnd(3, "0"))) / 1000;
  return hasPoint
    ? [`${whole}.${part}`, value]
    : [whole, Number(BigInt(whole))];
}

fuzzTest(
  "numbers, times, sizes, modes and ports are read as they are written",
  3000,
  (random) => {
    const close = (
      a: number | undefined,
      b: number | undefined,
      shown: string,
    ) =>
      assert(
        a === b || Math.abs((a ?? NaN) - (b ?? NaN)) <= 1e-9 * Math.abs(b!),
        `${shown}: ${a} ${b}`,
      );
    const [number, value] = decimal(random);
    const [unit, factor] = random.pick<[string, number]>([
      ["", 1000],
      ["ms", 1],
      ["s", 1000],
      ["m", 60_000],
      ["h", 3_600_000],
    ]);
    const ms = value * factor;
    close(
      duration.read(number + unit),
      ms < 2 ** 31 ? ms : undefined,
      number + unit,
    );
    close(rate.read(number), value || undefined, number);
    const whole = random.text(5, DIGITS, 1);
    const [letter, shift] = random.pick<[string, bigint]>([
      ["", 0n],
      ["k", 10n],
      ["M", 20n],
      ["G", 30n],
    ]);
    const bytes = Number(BigInt(whole) << shift) || undefined;
    assertEquals(size.read(whole + letter), bytes, whole + letter);
    assertEquals(count.read(whole), Number(BigInt(whole)) || undefined, whole);
    const portText = random.pick([whole, "0", "65535", "65536"]);
    const port = Number(portText);
    const host = random.pick(["", "localhost", "0.0.0.0", "[::1]"]);
    assertEquals(
      listener.read(host ? `${host}:${portText}` : portText),
      port < 65536
        ? { hostname: host.replace(/[[\]]/g, "") || "127.0.0.1", port }
        : undefined,
    );
  },
);

fuzzTest("a text that is not a number is not read as one", 6000, (random) => {
  const text = random.text(5, [
    ..."0178.smhkMG -+e:x_",
    "Infinity",
    "NaN",
    "٣",
    "\n",
  ]);
  const kinds: [ValueKind<unknown>, isOne: boolean][] = [
    [count, isMade(text, DIGITS) && [...text].some((it) => it !== "0")],
    [
      mode,
      isMade(text, [..."01234567"]) &&
      (text.length === 3 || text.length === 4),
    ],
    [rate, isDecimal(text) && /[1-9]/.test(text)],
    [
      duration,
      ([["", 1], ["ms", 0.001], ["s", 1], ["m", 60], ["h", 3600]] as const)
        .some(([unit, seconds]) => {
          const number = text.slice(0, text.length - unit.length);
          // Up to what a timer takes, 24 days.
          return text.endsWith(unit) && isDecimal(number) &&
            Number(number) * seconds * 1000 < 2 ** 31;
        }),
    ],
    [
      size,
      ["", "k", "M", "G"].some((unit) => {
        const number = text.slice(0, text.length - unit.length);
        return text.endsWith(unit) && isMade(number, DIGITS) &&
          /[1-9]/.test(number);
      }),
    ],
  ];
  for (const [kind, isOne] of kinds) {
    const shown = `${kind.description}: ${JSON.stringify(text)}`;
    assertEquals(kind.read(text) !== undefined, isOne, shown);
  }
});

function isMade(text: string, of: string[]): boolean {
  return text !== "" && [...text].every((it) => of.includes(it));
}

function isDecimal(text: string): boolean {
  const parts = text.split(".");
  return parts.length <= 2 && isMade(parts.join(""), DIGITS);
}

fuzzTest(
  "a reading has the number that was written, and its unit",
  3000,
  (random) => {
    const [text, value] = decimal(random);
    const sign = random.pick(["", "+", "-"]);
    const exponent = random.once(4) ? random.below(7) - 3 : undefined;
    const unit = random.pick(["", "°C", "%", " m/s", " hPa", "\t€"]);
    const number = `${sign}${text}${
      exponent === undefined ? "" : `e${exponent}`
    }`;
    const expected = (sign === "-" ? -value : value) * 10 ** (exponent ?? 0);
    const found = readQuantity(`${random.pick(["", " "])}${number}${unit}`);
    if (!found) throw new Error(number);
    assert(
      Math.abs(found.value - expected) <= 1e-9 * Math.abs(expected),
      number,
    );
    assertEquals(found.unit, unit.trim());
    const object = { name: "x", [random.pick(["value", "load"])]: found.value };
    const [, field] = readFields(JSON.stringify(object)).fields;
    assertEquals(field!.number!.value, found.value);
  },
);

fuzzTest(
  "an alarm has its filter, its comparison and its limit",
  3000,
  (random) => {
    const filterOf = filter(random).replaceAll(/[<>=!]/g, "x").trim() || "a";
    const comparison = random.pick(["<", ">", "<=", ">=", "=", "!="]);
    const [number, value] = decimal(random);
    const sign = random.pick(["", "+", "-"]);
    const spaces = () => random.text(2, " ");
    const rule =
      `${filterOf}${spaces()}${comparison}${spaces()}${sign}${number}`;
    const limit = sign === "-" ? -value : value;
    assertEquals<unknown>(
      alarm.read(rule),
      {
        filter: filterOf,
        path: undefined,
        rule: rule.trim(),
        condition: { kind: "number", comparison, limit },
        forMs: 0,
      },
      rule,
    );
    const garbage = random.text(8, [..."a/+#<>=! -.1e\n"]);
    let found;
    try {
      found = alarm.read(garbage)!;
    } catch (error) {
      assert(error instanceof UsageError, garbage);
      return;
    }
    checkTopicFilter(found.filter);
    const { condition } = found;
    assert(condition.kind !== "number" || Number.isFinite(condition.limit));
    assert(garbage.trimStart().startsWith(found.filter), garbage);
  },
);

fuzzTest("addresses are read as they were put together", 2000, (random) => {
  const path = topic(random);
  const start = random.pick(["/", "./", "../", "fifo:"]);
  const expectedPath = start === "fifo:" ? path : start + path;
  assertEquals(parseAddress(start + path), {
    kind: "fifo",
    path: expectedPath,
  });
  const scheme = random.pick(["mqtt", "mqtts", "ws", "wss"]);
  const host = random.pick([
    "localhost",
    "b-1.example.org",
    "10.0.0.1",
    "[::1]",
  ]);
  const port = random.pick([undefined, 80, 443, 1 + random.below(65535)]);
  const secret = () => random.text(5, [...TOPIC_CHARACTERS, "/", "#", "+"]);
  const [user, password] = [random.once(2) ? "" : secret(), secret()];
  const to = random.once(5) ? "" : filter(random);
  // Else "a@b:9" is taken for the end of a password with a slash.
  const noLogin = to.includes("@") ? "@" : "";
  const login = user === ""
    ? noLogin
    : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
  const text = `${scheme}://${login}${host}${port ? `:${port}` : ""}${
    to ? `/${to}` : random.pick(["", "/"])
  }`;
  const ports = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };
  assertEquals(parseAddress(text), {
    kind: "mqtt",
    broker: `${scheme}://${host}:${port ?? ports[scheme as "mqtt"]}`,
    user: user || undefined,
    password: user && password || undefined,
    topic: to,
  }, text);
});

fuzzTest(
  "any text is an address, or is refused with a reason",
  4000,
  (random) => {
    const text = random.text(8, [
      "mqtt",
      "wss",
      "://",
      ":",
      "/",
      "@",
      "a",
      "%",
      "[",
      "]",
      ".",
      "é",
      "\0",
      " ",
      "9",
      "fifo:",
    ]);
    const code = refused(() => {
      const address = parseAddress(text);
      if (address.kind === "fifo") assert(address.path !== "", text);
    });
    assert(code === undefined || code === "bad_address", text);
  },
);

/** Tells whether a terminal must not get this code unit as it is. */
function isControl(code: number): boolean {
  return code < 0x20 && code !== 0x09 || code >= 0x7f && code <= 0x9f ||
    code === 0x061c || code >= 0x200e && code <= 0x200f ||
    code >= 0x2028 && code <= 0x202e || code >= 0x2066 && code <= 0x2069;
}

const CARETS = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";

const SHOWN = [
  ...'a"\\é東🌡\t\n\r\x00\x1b\x7f\x80\x85\x9b\x9f\u061c\u200e\u2028\u2029\u202e\u2066\u2069\ud800{}[]:,1',
];

fuzzTest(
  "shown text moves no cursor, and JSON keeps its value",
  4000,
  (random) => {
    const text = random.text(12, SHOWN);
    const naive = text.split("").map((it) => {
      const code = it.charCodeAt(0);
      if (!isControl(code)) return it;
      if (code === 0x7f) return "^?";
      if (code < 0x80) return "^" + CARETS[code];
      return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    }).join("");
    assertEquals(visible(text), naive);
    const isClean = (it: string) =>
      it.split("").every((unit) => !isControl(unit.charCodeAt(0)));
    assert(isClean(visible(text)));
    const value = { [text]: [text, null, 1.5] };
    const json = visibleJson(JSON.stringify(value));
    assertEquals(JSON.parse(json), value);
    assert(isClean(json));
    const bytes = random.once(2)
      ? encoder.encode(text)
      : bytesOf(random.text(6, 'a\xff\xc3\x80"'));
    const arrival = {
      message: new WireMessage(topic(random), bytes),
      sequence: 1,
      time: new Date(0),
    };
    for (const parse of [false, true]) {
      const write = jsonWriter(parse);
      const all = decoder.decode(written(write, arrival));
      assert(isClean(all), all);
      assertEquals(JSON.parse(all).topic, arrival.message.topic);
      if (!parse) assertEquals(all, naiveJson(arrival.message));
      const indented = encoder.encode(JSON.stringify(value, null, 2));
      const message = new WireMessage("t", indented);
      const line = decoder.decode(written(write, { ...arrival, message }));
      assert(isClean(line), line);
      const embedded = parse ? value : JSON.stringify(value, null, 2);
      assertEquals(JSON.parse(line).message, embedded);
    }
  },
);

/** What `sub --json` prints for the first message of 1970. */
function naiveJson({ topic, text, bytes, length }: WireMessage): string {
  const time = new Date(0).toISOString();
  const isText = binary(encoder.encode(text)) === binary(bytes);
  return visibleJson(JSON.stringify({
    ...{ topic, time, sequence: 1, retained: false, length },
    ...isText ? { message: text } : { base64: bytes.toBase64() },
  }));
}

fuzzTest("a format prints the values of its directives", 3000, (random) => {
  const bytes = bytesOf(random.text(5, "ab\xff%\\"));
  const name = topic(random);
  const retained = random.once(2);
  const hour = random.below(24);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const arrival = {
    message: new WireMessage(name, bytes, 0, bytes.length, retained),
    sequence: random.below(100),
    time: new Date(2024, 1, 29, hour, 5, 9, 7),
  };
  const DIRECTIVES: Record<string, string> = {
    "%t": binary(encoder.encode(name)),
    "%p": binary(bytes),
    "%l": `${bytes.length}`,
    "%x": Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join(""),
    "%b": btoa(binary(bytes)),
    "%r": retained ? "1" : "0",
    "%R": "",
    "%n": `${arrival.sequence}`,
    "%I": new Date(arrival.time).toJSON(),
    "%U": `${Math.floor(+arrival.time / 1000)}.007`,
    "%%": "%",
    "%@F": "2024-02-29",
    "%@T": `${two(hour)}:05:09`,
    "%@I": two((hour + 11) % 12 + 1),
    "%@p": hour >= 12 ? "PM" : "AM",
    "%@j": "060",
    "%@u": "4",
    "%@a": "Thu",
    "%@b": "Feb",
    "%@N": "007000000",
    "\\n": "\n",
    "\\t": "\t",
    "\\0": "\0",
    "\\e": "\x1b",
    "\\\\": "\\",
    "text ": "text ",
    "ä": binary(encoder.encode("ä")),
  };
  const bad = ["%", "%z", "%@", "%@X", "\\", "\\z", "%ä", "%toString"];
  const parts = random.list(6, () => random.pick(Object.keys(DIRECTIVES)));
  const printed = parse(parts.join(""));
  assertEquals(
    printed,
    parts.map((it) => DIRECTIVES[it]).join(""),
    parts.join(""),
  );
  // At the end, because the next character could make it a valid directive.
  const wrong = parts.join("") + random.pick(bad);
  if (!/%toString$/.test(wrong)) assertEquals(parse(wrong), undefined, wrong);

  function parse(format: string): string | undefined {
    const write = parseFormat(format);
    return write && binary(written(write, arrival));
  }
});

fuzzTest(
  "every process that opens a queue file finds what was put into it",
  60,
  async (random) => {
    await using folder = new Folder();
    await make(folder.path, ["pipe"]);
    const fifo = Deno.statSync(folder.file("pipe"));
    const path = folder.file(".pipe.queue");
    let messages = "";
    let queue = await QueueFile.open(path, fifo);
    try {
      assert(queue.look());
      for (let i = random.below(30); i > 0; i--) {
        const more = random.text(random.once(5) ? 3000 : 30, "ab\n\0") + "\n";
        switch (random.below(6)) {
          case 0:
            queue.put(bytesOf(more), 0, "whole");
            messages += more;
            break;
          case 1:
            queue.putFirst(bytesOf(more));
            messages = more + messages;
            break;
          case 2: {
            // As a reader that takes everything, and leaves unwanted messages.
            const at = random.below(messages.length + 1);
            queue.put(bytesOf(messages.slice(at)), messages.length, "whole");
            messages = messages.slice(at);
            break;
          }
          case 3: {
            const length = random.below(messages.length + 1);
            queue.take(length, "whole");
            messages = messages.slice(length);
            break;
          }
          case 4: {
            // The new bytes may or may not begin with the bytes that they replace.
            const length = random.below(messages.length + 1);
            const kept = messages.slice(0, messages.length - length);
            const bytes = random.once(2)
              ? messages.slice(kept.length) + more
              : more;
            queue.put(bytesOf(bytes), length, "whole");
            messages = kept + bytes;
            break;
          }
          case 5:
            queue.close();
            queue = await QueueFile.open(path, fifo);
            assert(queue.look());
        }
        assertEquals(queue.size, messages.length);
        assertEquals(binary(queue.read()), messages);
        const [offset, length] = [0, 0].map(() =>
          random.below(messages.length + 1)
        );
        const part = messages.slice(offset, offset! + length!);
        assertEquals(binary(queue.read(offset!, length!)), part);
        assertEquals(statusOf(path)!.bytes, messages.length);
      }
    } finally {
      queue.close();
    }
  },
);

/** A header, a header with a change, or other bytes. */
function header(random: Random): string {
  const digits = () => `${random.below(200)}`.padStart(14, "0");
  const whole =
    `fifobus queue 1\n${random.pick("-P")}${random.text(2, DIGITS)}${
      random.pick("-L")
    }` +
    `${random.pick("-rRB")}${random.text(2, DIGITS)}${digits()} ${digits()}\n` +
    random.text(100, "ab\n");
  if (random.once(4)) return whole;
  if (random.once(3)) return random.text(100, "\0\xff0-PR \nfifobus queue 1");
  if (random.once(2)) return whole.slice(0, random.below(whole.length));
  const at = random.below(53);
  return whole.slice(0, at) + random.pick("\0\xff09-LPRr \n") +
    whole.slice(at + 1);
}

fuzzTest(
  "a queue file with any contents is read, or refused with a reason",
  300,
  async (random) => {
    await using folder = new Folder();
    const pipe = folder.file("pipe");
    // Only its owner and its permissions matter.
    await Deno.writeTextFile(pipe, "", { mode: 0o600 });
    const fifo = Deno.statSync(pipe);
    const path = folder.file(".pipe.queue");
    await Deno.writeFile(path, bytesOf(header(random)), { mode: 0o600 });
    statusOf(path);
    const queue = await QueueFile.open(path, fifo);
    try {
      if (!queue.look()) return;
      const messages = binary(queue.read());
      assertEquals(queue.size, messages.length);
      queue.put(bytesOf("more\n"), 0, "whole");
      assertEquals(binary(queue.read()), `${messages}more\n`);
    } catch (error) {
      assert(error instanceof NoQueueFile, `${error}`);
    } finally {
      queue.close();
    }
  },
);

fuzzTest("a FIFO works whatever its queue file holds", 40, async (random) => {
  await using folder = new Folder();
  await make(folder.path, ["pipe"]);
  const pipe = folder.file("pipe");
  const path = folder.file(".pipe.queue");
  await Deno.writeFile(path, bytesOf(header(random)), { mode: 0o600 });
  await using subscriber = await Subscriber.open(pipe, { onNotice: () => {} });
  await using publisher = await Publisher.open(pipe, { timeoutMs: 30_000 });
  // The first message may end a message that a reader seems to have begun.
  const texts = ["end", "one", "x".repeat(10_000)];
  const published = Promise.all(texts.map((it) => publisher.publish(it)));
  for await (const { text } of subscriber) if (text === texts[2]) break;
  await published;
});
