import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { FifobusError } from "../lib/errors.ts";
import { ensureFifo } from "../lib/fifo/file.ts";
import { Folder } from "./harness/folder.ts";

Deno.test("ensureFifo() makes a FIFO with the mode, and does not change an existing one", async () => {
  await using folder = new Folder();
  const path = folder.file("with space");
  await ensureFifo(path, 0o622);
  const made = await Deno.stat(path);
  assertEquals([made.isFifo, made.mode! & 0o777], [true, 0o622]);
  await ensureFifo(path, 0o600);
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o622);
});

Deno.test("ensureFifo() succeeds for all programs that make the same FIFO at once", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await Promise.all(
    Array.from({ length: 20 }, () => ensureFifo(path, 0o600)),
  );
  assertEquals((await Deno.stat(path)).isFifo, true);
});

Deno.test("ensureFifo() says what else is at the path, and does not touch it", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.file("regular"), "precious");
  await Deno.symlink(folder.file("nowhere"), folder.file("dangling"));
  using _listener = Deno.listen({
    transport: "unix",
    path: folder.file("socket"),
  });
  const cases: [name: string, reason: string][] = [
    ["regular", "it is a regular file"],
    [".", "it is a folder"],
    ["socket", "it is a socket"],
    ["missing/pipe", "its folder is not there"],
    ["regular/pipe", "a part of the path is not a folder"],
    ["dangling", "it is a symbolic link to nothing"],
  ];
  for (const [name, reason] of cases) {
    const path = folder.file(name);
    const error = await assertRejects(
      () => ensureFifo(path, 0o600),
      FifobusError,
    ) as FifobusError;
    assertEquals(error.code, "not_a_fifo");
    assertEquals(error.message, `Cannot use "${path}" as a FIFO: ${reason}`);
  }
  assertEquals(await Deno.readTextFile(folder.file("regular")), "precious");
});
