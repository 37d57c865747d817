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
  for (const text of ["fifo:", "/a\0b", "mqtt://host/topic", "wss://host/"]) {
    const error = assertThrows(() => parseAddress(text));
    assertEquals(error instanceof FifobusError && error.code, "bad_address");
  }
});
