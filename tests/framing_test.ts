import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { FifobusError } from "../lib/errors.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { tagMessages } from "../lib/wire/tags.ts";
import { type Delimiter, encodeMessage } from "../lib/wire/framing.ts";
import {
  findMarked,
  largeMarker,
  tornMarker,
  wake,
} from "../lib/wire/marks.ts";
import { MessageSplitter } from "../lib/wire/splitter.ts";
import { randomNumbers } from "./harness/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function split(
  splitter: MessageSplitter,
  ...chunks: (string | Uint8Array<ArrayBuffer>)[]
): string[] {
  return chunks.flatMap((chunk) =>
    splitter.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk)
      .map((message) => message.text)
  );
}

Deno.test("MessageSplitter finds the same messages wherever the bytes are cut", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomNumbers(seed);
    const delimiter: Delimiter = random(2) === 0 ? "\n" : "\0";
    const messages: Uint8Array[] = [];
    const wire: number[] = [];
    for (let i = random(40); i > 0; i--) {
      // All bytes except the delimiter and the last bytes of markers.
      const message = Uint8Array.from(
        { length: random(4) === 0 ? random(3000) : random(40) },
        () => 0x19 + random(0xff - 0x19),
      );
      messages.push(message);
      const cut = random(message.length + 1);
      wire.push(...message.subarray(0, cut));
      if (random(5) === 0) wire.push(...wake(delimiter).bytes);
      wire.push(...message.subarray(cut), delimiter.charCodeAt(0));
    }
    const splitter = new MessageSplitter("p", delimiter, 3000);
    const found: WireMessage[] = [];
    for (let start = 0; start < wire.length;) {
      const end = start + 1 + random(random(2) === 0 ? 10 : 5000);
      found.push(...splitter.push(Uint8Array.from(wire.slice(start, end))));
      start = end;
    }
    assertEquals(
      found.map((message) => [...message.bytes]),
      messages.map((message) => [...message]),
      `seed ${seed}`,
    );
    assertEquals(splitter.flush(), []);
    const framed = messages.flatMap((it) => [...it, delimiter.charCodeAt(0)]);
    assertEquals(
      [...WireMessage.frame(found, delimiter)],
      framed,
      `seed ${seed}`,
    );
  }
});

Deno.test("MessageSplitter keeps empty messages, carriage returns and wide text", () => {
  const splitter = new MessageSplitter("p", "\n", 100);
  assertEquals(split(splitter, "\n\nä", "\r\n", "日本", "語\n"), [
    "",
    "",
    "ä\r",
    "日本語",
  ]);
});

Deno.test("MessageSplitter hands out an unfinished last message at the end of the input", () => {
  const splitter = new MessageSplitter("p", "\n", 100);
  assertEquals(split(splitter, "a\nb"), ["a"]);
  assertEquals(splitter.flush().map((message) => message.text), ["b"]);
});

Deno.test("MessageSplitter takes a message at the limit, and fails one byte above", () => {
  const splitter = new MessageSplitter("p", "\n", 5);
  assertEquals(split(splitter, "12345\n", "12", "345\n"), ["12345", "12345"]);
  assertEquals(splitter.error, undefined);
  assertEquals(split(splitter, "ok\n123456\nlater\n"), ["ok"]);
  assertEquals(splitter.error?.code, "message_too_large");
  assertEquals(
    splitter.error?.message,
    "Cannot read message 4 of p: the message is 6 bytes, the limit is 5",
  );
});

Deno.test("MessageSplitter fails at an endless line, and does not keep it in memory", () => {
  const splitter = new MessageSplitter("p", "\n", 1000);
  const chunk = "x".repeat(400);
  assertEquals(split(splitter, chunk, chunk), []);
  assertEquals(splitter.error, undefined);
  assertEquals(split(splitter, chunk, chunk, chunk + "\nnext\n"), []);
  assertEquals(splitter.error?.code, "message_too_large");
  assertEquals(splitter.flush(), []);
});

Deno.test("MessageSplitter drops wake markers, and returns their tokens", () => {
  const splitter = new MessageSplitter("p", "\n", 100);
  const [one, two, three] = [wake("\n"), wake("\n"), wake("\n")];
  assertEquals(
    split(splitter, one.bytes, "a\n", "b", two.bytes, "c\n", three.bytes),
    ["a", "bc"],
  );
  assertEquals(splitter.takeWakes(), [one.token, two.token, three.token]);
  assertEquals(splitter.takeWakes(), []);
});

Deno.test("MessageSplitter hands out nothing for a message that is too large", () => {
  // The last chunk crosses the limit, with the end of the message in it.
  const splitter = new MessageSplitter("p", "\n", 100);
  assertEquals(
    split(splitter, "x".repeat(90), `${"x".repeat(60)}\nnext\n`),
    [],
  );
  assertEquals(splitter.error?.code, "message_too_large");
  assertEquals([...splitter.takeUnread()], [...encoder.encode("next\n")]);
  assertEquals(splitter.isInMessage, false);
});

Deno.test("MessageSplitter skips the end of a message, and counts the message as lost", () => {
  const splitter = new MessageSplitter("p", "\n", 100);
  splitter.dropRest();
  assertEquals(split(splitter, "x".repeat(1000), "x\na\n"), ["a"]);
  assertEquals([splitter.takeLost(), splitter.takeLost()], [1, 0]);
});

Deno.test("MessageSplitter drops a message that was torn, and nothing else", () => {
  const splitter = new MessageSplitter("p", "\n", 20);
  const torn = tornMarker("\n");
  const half = "x".repeat(20);
  assertEquals(
    split(splitter, "a\n", half, torn, "b\n", torn, "\x18\n", "c\x16\n"),
    ["a", "b", "\x18", "c\x16"],
  );
  assertEquals(splitter.error, undefined);
});

Deno.test("WireMessage.frame() writes with another delimiter than was read", () => {
  const splitter = new MessageSplitter("p", "\n", 100);
  const messages = splitter.push(encoder.encode("a\n\nbc\n"));
  assertEquals([...WireMessage.frame(messages, "\0")], [97, 0, 0, 98, 99, 0]);
});

Deno.test("WireMessage.untagged() removes the topic that tagMessages() put before a message", () => {
  const records = [
    tagMessages("t", encoder.encode("1\n2\n"), "\n"),
    tagMessages("t", encoder.encode("3\t\x1f\n"), "\n", "$reply/1"),
    tagMessages("t", encoder.encode("4\n"), "\n"),
  ];
  const splitter = new MessageSplitter("p", "\n", 100);
  const messages = records.flatMap((bytes) => splitter.push(bytes))
    .map((message) => message.untagged()!);
  assertEquals(
    messages.map(({ topic, replyTo, text }) => [topic, replyTo, text]),
    [
      ["t", undefined, "1"],
      ["t", undefined, "2"],
      ["t", "$reply/1", "3\t\x1f"],
      ["t", undefined, "4"],
    ],
  );
});

Deno.test("WireMessage.after() says how many messages were missed, and changes nothing else", async () => {
  const message = new WireMessage("t", encoder.encode("[1]\n"), 0, 3, true)
    .with({
      replyTo: "r",
      answer: (topic, answer) => {
        assertEquals([topic, answer], ["r", "!"]);
        return Promise.resolve();
      },
      contentType: "text/plain",
    });
  const later = message.after(3);
  assertEquals([message.missed, later.missed], [0, 3]);
  const { topic, text, length, retained, replyTo, contentType } = later;
  assertEquals(
    [topic, text, length, retained, replyTo, contentType],
    ["t", "[1]", 3, true, "r", "text/plain"],
  );
  assertEquals(later.json(), [1]);
  await later.reply("!");
});

Deno.test("WireMessage.untagged() refuses a record that cannot be a message of a topic", () => {
  const long = "x".repeat(65_535);
  const cases: [record: string | Uint8Array<ArrayBuffer>, topic?: string][] = [
    ["a/b\tmessage", "a/b"],
    ["a/b\x1fc\tmessage", "a/b"],
    ["\ufeffa\t\ufeff", "\ufeffa"],
    [`${long}\t`, long],
    [`${long}\x1f${long}\t`, long],
    [""],
    ["a/b"],
    ["\tmessage"],
    ["a\x1bb\tmessage"],
    ["a\x1f\tmessage"],
    ["a\x1fb\x1f%25\tmessage", "a"],
    ["a\x1f\x1fc\tmessage", "a"],
    ["a\x1fb\x1f%\tmessage"],
    ["a\x1fb\x1fc\x1fd\tmessage"],
    ["a\x1fb/#\tmessage"],
    ["a/+\tmessage"],
    ["$share/g/a\tmessage"],
    [`${long}x\tmessage`],
    [`a\x1f${long}x\tmessage`],
    [Uint8Array.of(0x61, 0xff, 0x09, 0x62)],
  ];
  for (const [record, topic] of cases) {
    const bytes = typeof record === "string" ? encoder.encode(record) : record;
    const message = new WireMessage("p", bytes).untagged();
    assertEquals(message?.topic, topic, JSON.stringify(record).slice(0, 40));
  }
});

Deno.test("MessageSplitter skips an endless record without a topic, and fails at one with a topic", () => {
  const splitter = new MessageSplitter("p", "\n", 100, { hasTopics: true });
  const x = "x".repeat(90);
  assertEquals(
    split(splitter, "a\t1\n", x, x, x, `${x}\nb\t2\n${x}${x}\nc\t3\n`),
    ["a\t1", x + x, "b\t2", x + x, "c\t3"],
  );
  assertEquals([splitter.error, splitter.takeLost()], [undefined, 0]);
  assertEquals(split(splitter, `d\t${x}`, x, "\ne\t5\n"), []);
  assertEquals(splitter.error?.code, "message_too_large");
});

Deno.test("findMarked() finds the first message that readers would drop", () => {
  const mark = decoder.decode(wake("\n").bytes).slice(0, -1);
  const torn = decoder.decode(tornMarker("\n")).slice(0, -1);
  const cases: [messages: string, found: number][] = [
    ["", -1],
    ["a\nb\n", -1],
    [`${mark}\n`, 0],
    [`a\nb${mark}\nc${torn}\n`, 2],
    [`a\nb${torn}\nc${mark}\n`, 2],
    [`${mark} \n\x16\n\x18\n`, -1],
    [`${mark}\0\n`, -1],
    [`a\n${mark.slice(1)}\nb\n${torn}\n`, 2 + mark.length + 2],
  ];
  for (const [messages, found] of cases) {
    assertEquals(findMarked(encoder.encode(messages), "\n"), found, messages);
  }
});

Deno.test("encodeMessage() appends the delimiter to text and to bytes", () => {
  assertEquals([...encodeMessage("p", "ä", "\n", 9)], [0xc3, 0xa4, 10]);
  assertEquals([...encodeMessage("p", "", "\0", 9)], [0]);
  assertEquals(
    [...encodeMessage("p", Uint8Array.of(0xff, 10), "\0", 9)],
    [0xff, 10, 0],
  );
});

Deno.test("encodeMessage() refuses a message that holds the delimiter or is too long", () => {
  const cases: [string, Delimiter, string][] = [
    ["a\nb", "\n", "delimiter_in_message"],
    ["a\n", "\n", "delimiter_in_message"],
    ["\0", "\0", "delimiter_in_message"],
    ["1234567890", "\n", "message_too_large"],
    ["ääääää", "\n", "message_too_large"],
  ];
  for (const [message, delimiter, code] of cases) {
    const error = assertThrows(() => encodeMessage("p", message, delimiter, 9));
    assertEquals(error instanceof FifobusError && error.code, code);
  }
});

Deno.test("MessageSplitter counts both messages if a part of one runs into the next", () => {
  const splitter = new MessageSplitter("t", "\n", 1000);
  const announced = new Uint8Array(largeMarker(100, "\n"));
  assertEquals(split(splitter, announced, "a part of 100 bytes", "b\n"), []);
  assertEquals(splitter.takeLost(), 2);
});
