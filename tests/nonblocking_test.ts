import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import {
  isRead,
  NonblockingWriter,
  readAtOnce,
} from "../lib/fifo/nonblocking.ts";
import { Folder } from "./harness/folder.ts";

Deno.test("NonblockingWriter.open() and isRead() follow no link where others write", async () => {
  await using folder = new Folder();
  const pipe = await folder.fifo();
  const link = folder.file("link");
  await Deno.symlink(pipe, link);
  using _reader = Deno.openSync(pipe, { read: true, write: true });
  assertEquals([isRead(pipe), isRead(link)], [true, undefined]);
  const { code } = assertThrows(
    () => NonblockingWriter.open(link, false),
  ) as Error & { code?: string };
  assertEquals(code, "not_a_fifo");
  // A path that the user has named may be a link.
  const writer = NonblockingWriter.open(link)!;
  assertEquals(writer.tryWrite(new Uint8Array(3)), 3);
  writer.close();
});

Deno.test("readAtOnce() reads what is in a FIFO, and waits for nothing", async () => {
  await using folder = new Folder();
  const pipe = await folder.fifo();
  const read = () => {
    using found = readAtOnce(pipe, 100);
    return new TextDecoder().decode(found.bytes);
  };
  assertEquals(read(), "");
  using writer = Deno.openSync(pipe, { read: true, write: true });
  assertEquals(read(), "");
  writer.writeSync(new TextEncoder().encode("text"));
  assertEquals(read(), "text");
});
