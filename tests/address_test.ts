import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import {
  type MqttAddress,
  parseAddress,
  shownAddress,
} from "../lib/address.ts";
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

Deno.test("parseAddress() takes every other text as a topic", () => {
  for (const topic of ["warehouse/a1", "a", ".hidden", ".../x", "+/b", "#"]) {
    assertEquals(parseAddress(topic), { kind: "topic", topic });
  }
});

Deno.test("parseAddress() takes the text after topic: as it is", () => {
  for (
    const topic of [
      "a/b",
      "/a",
      "./a",
      "fifo:a",
      "tcp://h/a",
      "mqtt:a",
      "topic:a",
    ]
  ) {
    assertEquals(parseAddress(`topic:${topic}`), { kind: "topic", topic });
  }
});

Deno.test("parseAddress() refuses what is neither a path, a topic nor the URL of a broker", () => {
  const faults = ["fifo:", "/a\0b", "mqtt://", "mqtt://h:x/a", "ws:///a"];
  for (
    const text of [
      ...faults,
      ...["mqtt:h/t", "mqtt:/h/t", "MQTTS:h", "mqtt//h/t"],
      ...["mqtt://h?x/a", "mqtt://h#x", "mqtt://h\\x/a"],
      ...["mqtt://a,/t", "mqtt://,a/t", "mqtt://a,,b/t", "mqtt://a,b?x/t"],
    ]
  ) {
    const error = assertThrows(() => parseAddress(text), FifobusError);
    assertEquals(error.code, "bad_address", text);
  }
});

Deno.test("parseAddress() says that a zone in an IPv6 address cannot be used", () => {
  const texts = ["mqtt://[fe80::1%25eth0]/t", "mqtts://u:p%40@[fe80::1%2]:1/t"];
  for (const text of texts) {
    const error = assertThrows(() => parseAddress(text), FifobusError);
    assertMatch(error.message, /: an IPv6 address with a zone cannot be used/);
    assert(!error.message.includes("p%40"), error.message);
  }
  const { broker } = parseAddress("mqtt://[fe80::1]/%25") as MqttAddress;
  assertEquals(broker, "mqtt://[fe80::1]:1883");
});

Deno.test("parseAddress() refuses other schemes, and suggests the nearest one", () => {
  const schemes: Record<string, string | undefined> = {
    "tcp": "mqtt",
    "ssl": "mqtts",
    "http": "ws",
    "https": "wss",
    "mqt": "mqtt",
    "mqqt": "mqtt",
    "mqttt": "mqtt",
    "MQTTS": "mqtts",
    "wsss": "wss",
    "nats": undefined,
    "amqp+ssl": undefined,
    "a": undefined,
  };
  for (const [scheme, meant] of Object.entries(schemes)) {
    const text = `${scheme}://ada:secret@host/a`;
    const error = assertThrows(() => parseAddress(text), FifobusError);
    assertEquals(error.code, "bad_address");
    const [, hint] = /did you mean (.+):\/\/\?/.exec(error.message) ?? [];
    assertEquals(hint, meant, error.message);
    assert(!error.message.includes("secret"), error.message);
  }
});

Deno.test("parseAddress() takes the URL of a broker, and the topic as it is", () => {
  const cases: [text: string, broker: string, topic: string][] = [
    ["mqtt://host/a/b", "mqtt://host:1883", "a/b"],
    ["mqtts://host:8884/+/#", "mqtts://host:8884", "+/#"],
    ["ws://[::1]:80/a", "ws://[::1]:80", "a"],
    ["wss://host", "wss://host:443", ""],
    ["mqtt://host/a?b%20c/", "mqtt://host:1883", "a?b%20c/"],
    ["mqtt://a,b:1884,c/t", "mqtt://a:1883,b:1884,c:1883", "t"],
    ["ws://[::1],[::2]:81,h:80/x,y", "ws://[::1]:80,[::2]:81,h:80", "x,y"],
  ];
  for (const [text, broker, topic] of cases) {
    const rest = { user: undefined, password: undefined };
    assertEquals(parseAddress(text), { kind: "mqtt", broker, ...rest, topic });
  }
});

Deno.test("parseAddress() leaves the password out of the address that is shown", () => {
  const address = parseAddress("mqtt://ada:p%40ss@host/a");
  assertEquals(address, {
    kind: "mqtt",
    broker: "mqtt://host:1883",
    user: "ada",
    password: "p@ss",
    topic: "a",
  });
  assertEquals(shownAddress(address), "mqtt://host:1883/a");
  const several = parseAddress("mqtt://ada:p,ss@a,b/t") as MqttAddress;
  assertEquals([several.user, several.password], ["ada", "p,ss"]);
  assertEquals(shownAddress(several), "mqtt://a:1883,b:1883/t");
  // Characters that are not percent-encoded end the host, or begin the topic.
  const faults = ["secret@host:x/a", "%secret@host/a", "secret/@host/a"];
  const cut = ["se/cret@h/a", "12/secret@h:1883/a", "secret/a@h"];
  const queries = ["12#secret@host:1883/a", "secret?@host/a", "se#cret@host"];
  const lists = ["se/cret@h:1883,i/a", "secret@h,bob:cret@i/a"];
  for (const password of [...faults, ...cut, ...queries, ...lists]) {
    const text = `mqtt://ada:${password}`;
    const { message } = assertThrows(() => parseAddress(text), FifobusError);
    assert(!/secret|cret|ada/.test(message), message);
    assertMatch(message, /written %2F/);
  }
  for (const start of ["mqtt:/", "mqtt:", "mqtts//"]) {
    const text = `${start}ada:secret@host/a`;
    const { message } = assertThrows(() => parseAddress(text), FifobusError);
    assert(!/secret|ada/.test(message), message);
  }
  // A topic may hold an @.
  for (const topic of ["a@b", "ada@example.org/in", "a:1/b@c"]) {
    const { broker } = parseAddress(`mqtt://host:1883/${topic}`) as MqttAddress;
    assertEquals(broker, "mqtt://host:1883");
  }
});
