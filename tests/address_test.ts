import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { parseAddress } from "../lib/address.ts";
import { FifobusError } from "../lib/errors.ts";

Deno.test("parseAddress() takes paths that start with /, ./, ../ and fifo:", () => {
  const paths: [text: string, path: string][] = [
    ["/tmp/mypipe", "/tmp/mypipe"],
    ["./mypipe", "./mypipe"],
    ["../mypipe", "../mypipe"],
    ["fifo:mypipe", "mypipe"],
    ["fifo:/tmp/my pipe", "/tmp/my pipe"],
    ["/", "/"],
  ];
  for (const [text, path] of paths) {
    assertEquals(parseAddress(text), { kind: "fifo", path });
  }
});

Deno.test("parseAddress() takes everything else for a topic", () => {
  for (const topic of ["warehouse/a1", "a", ".hidden", ".../x", "+/b", "#"]) {
    assertEquals(parseAddress(topic), { kind: "topic", topic });
  }
});

Deno.test("parseAddress() refuses what is neither", () => {
  for (const text of ["fifo:", "/a\0b", "mqtt://", "mqtt://h:x/a", "ws:///a"]) {
    const error = assertThrows(() => parseAddress(text));
    assertEquals(error instanceof FifobusError && error.code, "bad_address");
  }
});

Deno.test("parseAddress() takes the URL of a broker, and the topic as it is", () => {
  const cases: [text: string, broker: string, topic: string][] = [
    ["mqtt://host/a/b", "mqtt://host:1883", "a/b"],
    ["mqtts://host:8884/+/#", "mqtts://host:8884", "+/#"],
    ["ws://[::1]:80/a", "ws://[::1]:80", "a"],
    ["wss://host", "wss://host:443", ""],
    ["mqtt://host/a?b%20c/", "mqtt://host:1883", "a?b%20c/"],
  ];
  for (const [text, broker, topic] of cases) {
    const rest = { user: undefined, password: undefined };
    assertEquals(parseAddress(text), { kind: "mqtt", broker, ...rest, topic });
  }
});

Deno.test("parseAddress() keeps a password out of what is shown", () => {
  const address = parseAddress("mqtt://ada:p%40ss@host/a");
  assertEquals(address, {
    kind: "mqtt",
    broker: "mqtt://host:1883",
    user: "ada",
    password: "p@ss",
    topic: "a",
  });
  for (const text of ["mqtt://ada:secret@host:x/a", "mqtt://a:%secret@h/a"]) {
    const { message } = assertThrows(() => parseAddress(text), FifobusError);
    assert(!message.includes("secret"), message);
  }
});
