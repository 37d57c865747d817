/**
 * Texts that anybody can write, compared with plain and slow parsers.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { parseAddress, shownAddress } from "../lib/address.ts";
import { UsageError } from "../lib/cli/exit_codes.ts";
import { parseOptions } from "../lib/cli/options/parse.ts";
import { PUB } from "../lib/cli/options/pub.ts";
import { SUB } from "../lib/cli/options/sub.ts";
import { MOSQUITTO_OPTIONS } from "../lib/cli/options/usage.ts";
import { visible } from "../lib/cli/output.ts";
import { FifobusError } from "../lib/errors.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { checkTopicName } from "../lib/topic.ts";
import { MessageSplitter } from "../lib/wire/splitter.ts";
import { randomNumbers } from "./harness/random.ts";

const SEEDS = [1, 2, 3];

/** One of a few pieces after the other: what is likely to be wrong. */
function text(random: (below: number) => number, pieces: string[]): string {
  const length = random(8);
  return Array.from({ length }, () => pieces[random(pieces.length)]).join("");
}

function isTopic(topic: string): boolean {
  try {
    checkTopicName(topic);
    return true;
  } catch {
    return false;
  }
}

Deno.test("WireMessage.untagged() agrees with a plain reader on records of all kinds", () => {
  const pieces = [
    "a",
    "/",
    "\t",
    "\x1f",
    "\x1b",
    "+",
    "#",
    "é",
    "\ufeff",
    "\ufffd",
  ];
  for (const seed of SEEDS) {
    const random = randomNumbers(seed);
    for (let i = 0; i < 10_000; i++) {
      const bytes = new TextEncoder().encode(text(random, pieces));
      if (random(8) === 0 && bytes.length > 0) {
        bytes[random(bytes.length)] = 0x80 + random(0x80);
      }
      const message = new WireMessage("p", bytes).untagged();
      assertEquals(
        message && [message.topic, message.replyTo, [...message.bytes]],
        untaggedNaively([...bytes]),
        `seed ${seed}, ${bytes}`,
      );
    }
  }
});

/** The record as a list of bytes, cut at the first tab. */
function untaggedNaively(bytes: number[]) {
  const tab = bytes.indexOf(0x09);
  if (tab < 0) return undefined;
  const tag = bytes.slice(0, tab);
  const decoded = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(Uint8Array.from(tag));
  const encoded = [...new TextEncoder().encode(decoded)];
  if (encoded.join() !== tag.join()) return undefined;
  const [topic, reply, marks, ...more] = decoded.split("\x1f");
  const replyTo = reply === "" && marks !== undefined ? undefined : reply;
  const topics = [topic!, ...replyTo === undefined ? [] : [replyTo]];
  if (more.length > 0 || !topics.every(isTopic)) return undefined;
  return [topic, replyTo, bytes.slice(tab + 1)];
}

Deno.test("a splitter of records finds the good ones, wherever the bytes are cut", () => {
  const encoder = new TextEncoder();
  for (const seed of SEEDS) {
    const random = randomNumbers(seed);
    for (let round = 0; round < 300; round++) {
      const good: string[] = [];
      const wire: string[] = [];
      for (let i = random(10); i > 0; i--) {
        const message = `a\t${"x".repeat(random(50))}`;
        const kind = random(3);
        if (kind === 0) wire.push("y".repeat(random(400)));
        else wire.push(message);
        if (kind !== 0) good.push(message);
      }
      const bytes = encoder.encode(wire.map((it) => `${it}\n`).join(""));
      const splitter = new MessageSplitter("p", "\n", 60, { hasTopics: true });
      const found: string[] = [];
      for (let start = 0; start < bytes.length;) {
        const end = start + 1 + random(100);
        const records = splitter.push(bytes.slice(start, end));
        found.push(
          ...records.filter((it) => it.untagged()).map((it) => it.text),
        );
        start = end;
      }
      assertEquals(found, good, `seed ${seed}, round ${round}`);
      assertEquals([splitter.error, splitter.isInMessage], [undefined, false]);
    }
  }
});

Deno.test("parseAddress() reads an address, or says why it cannot, without the password", () => {
  const pieces = [
    ...["mqtt://", "tcp://", "fifo:", "topic:", "s3cret", ":", "@", "/", "."],
    ...["#", "?", "%", "1883", "\\", "[", "]", " ", "host", "\0"],
  ];
  for (const seed of SEEDS) {
    const random = randomNumbers(seed);
    for (let i = 0; i < 20_000; i++) {
      const given = text(random, pieces);
      const password = `mqtt://ada:s3cret${given}@host/a`;
      for (const address of [given, password]) {
        try {
          const read = parseAddress(address);
          if (read.kind === "mqtt") new URL(read.broker);
          // The text behind the last @ of a host is not secret.
          if (address === password && !/[/@]/.test(given)) {
            assert(!shownAddress(read).includes("s3cret"), address);
          }
        } catch (error) {
          if (!(error instanceof FifobusError)) throw error;
          assertEquals(error.code, "bad_address");
          if (address === password) {
            assert(!error.message.includes("s3cret"), error.message);
          }
        }
      }
    }
  }
});

Deno.test("parseOptions() reads arguments, or says which one is wrong", () => {
  const words = [
    ...[
      "-",
      "--",
      "-5",
      "-.5",
      "-q",
      "1",
      "-h",
      "-t",
      "-l",
      "--json",
      "--=",
      "",
    ],
    ...["--timeout", "--timeout=1", "-W", "--exec", "--__proto__", "-v", "a/b"],
  ];
  for (const seed of SEEDS) {
    const random = randomNumbers(seed);
    for (let i = 0; i < 500; i++) {
      const args = Array.from(
        { length: random(6) },
        () => words[random(words.length)]!,
      );
      const { options } = random(2) === 0 ? PUB : SUB;
      try {
        const read = parseOptions(options, args, MOSQUITTO_OPTIONS);
        // A number is an operand, but for what follows an option that takes it.
        if (args.some((it) => /^(--timeout|-W|--exec)$/.test(it))) continue;
        const isNumber = (it: string) => /^-?\.?[0-9]$/.test(it);
        assertEquals(
          read.operands.filter(isNumber),
          args.filter(isNumber),
          args.join(" "),
        );
      } catch (error) {
        assert(error instanceof UsageError, `${args.join(" ")}: ${error}`);
      }
    }
  }
});

Deno.test("visible() leaves nothing that a terminal would obey", () => {
  for (const seed of SEEDS) {
    const random = randomNumbers(seed);
    for (let i = 0; i < 10_000; i++) {
      const codes = Array.from({ length: 20 }, () => random(0x2100));
      const shown = visible(String.fromCharCode(...codes));
      const left = [...shown].filter((it) => {
        const code = it.charCodeAt(0);
        return code < 0x20 && it !== "\t" || code >= 0x7f && code < 0xa0 ||
          [0x061c, 0x200e, 0x200f, 0x2028, 0x2029].includes(code) ||
          code >= 0x202a && code <= 0x202e || code >= 0x2066 && code <= 0x2069;
      });
      assertEquals(left, [], `seed ${seed}`);
    }
  }
});
