import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Folder } from "./_folder.ts";
import { terminalTest } from "./_needs.ts";
import { commandLine, finish, inTerminal, pub, sub } from "./_process.ts";

const PROMPT = "Enter message to send: ";

terminalTest(
  "pub on a terminal asks for messages until the end of input",
  async () => {
    await using folder = new Folder();
    const path = folder.file("pipe");
    await using subscriber = sub("--no-exit-word", path);
    await using publisher = inTerminal(...commandLine("pub", path));
    for (const message of ["hello", "", "exit", "wörld"]) {
      await publisher.until(PROMPT);
      await publisher.write(`${message}\r`);
      assertEquals(await subscriber.line(), message);
    }
    await publisher.until(PROMPT);
    await publisher.write("\x04");
    assertEquals((await publisher.ended()).code, 0);
  },
);

terminalTest(
  "pub on a terminal says what it cannot send, and asks again",
  async () => {
    await using folder = new Folder();
    const path = folder.file("pipe");
    await using subscriber = sub(path);
    await using publisher = inTerminal(
      ...commandLine("pub", "--max-size", "3", path),
    );
    await publisher.until(PROMPT);
    await publisher.write("long\r");
    await publisher.until("the message is 4 bytes, the limit is 3\r\n");
    await publisher.until(PROMPT);
    await publisher.write("abc\r");
    assertEquals(await subscriber.line(), "abc");
  },
);

terminalTest("pub and sub on a terminal end on Ctrl-C", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using publisher = inTerminal(...commandLine("pub", path));
  await publisher.until(PROMPT);
  await publisher.write("\x03");
  assertEquals((await publisher.ended()).code, 130);

  await using subscriber = inTerminal(...commandLine("sub", path));
  await finish(pub(path, "ready"));
  await subscriber.until("ready");
  await subscriber.write("\x03");
  assertEquals((await subscriber.ended()).code, 130);
});

terminalTest(
  "sub on a terminal shows control characters instead of obeying them",
  async () => {
    await using folder = new Folder();
    const path = folder.file("pipe");
    await using subscriber = inTerminal(...commandLine("sub", "--null", path));
    const hostile = "\x1b[2J\r\n\x7f\x9b\u202eabc\ttab 日本 \xff";
    await finish(pub("--null", path, hostile));
    await finish(pub("--null", path, "exit"));
    assertEquals(
      (await subscriber.ended()).stdout,
      "^[[2J^M^J^?<U+009B><U+202E>abc\ttab 日本 ÿ\r\n",
    );
  },
);
