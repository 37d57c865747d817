import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { ROOT } from "./harness/programs.ts";
import { Folder } from "./harness/folder.ts";
import { freePort } from "./harness/mosquitto.ts";
import { withoutTerminal } from "./harness/needs.ts";
import {
  commandLine,
  finish,
  inTerminal,
  pub,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

const PROMPT = "Enter message to send: ";

waiting.testWithout(
  withoutTerminal,
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

waiting.testWithout(
  withoutTerminal,
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

waiting.testWithout(
  withoutTerminal,
  "pub and sub on a terminal end on Ctrl-C",
  async () => {
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
  },
);

waiting.testWithout(
  withoutTerminal,
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

waiting.testWithout(
  withoutTerminal,
  "pub on a terminal says once, after a while, what it waits for",
  async () => {
    await using bus = new TestBus();
    const path = bus.file("pipe");
    const env = ["env", `FIFOBUS_DIR=${bus.env.FIFOBUS_DIR}`];
    // Started first, so that they have waited at least as long.
    await using piped = pub(path, "piped");
    await using quiet = inTerminal(...commandLine("pub", "-q", path, "quiet"));
    await using waiting = inTerminal(...commandLine("pub", path, "told"));
    await waiting.until(`pub: waiting for a reader of ${path}\r\n`);
    await using lines = inTerminal(...env, ...commandLine("pub", "-l", path));
    await lines.write("line\r");
    await lines.until(`pub: waiting for a reader of ${path}\r\n`);
    await using _subscriber = sub(path);
    assertEquals((await piped.ended()).stderr, "");
    assertEquals((await quiet.ended()).stdout, "");
    assertEquals((await waiting.ended()).stdout, "");

    for (
      const [option, who] of [
        ["--wait", "a subscriber"],
        ["--wait=2", "2 subscribers"],
      ] as const
    ) {
      await using topic = inTerminal(
        ...env,
        ...commandLine("pub", option, "a/b", "x"),
      );
      await topic.until(`pub: waiting for ${who} of a/b\r\n`);
      topic.kill("SIGTERM");
    }
    const broker = `mqtt://127.0.0.1:${freePort()}`;
    await using connecting = inTerminal(
      ...commandLine("pub", "--timeout=60", `${broker}/t`, "x"),
    );
    await connecting.until(`pub: trying to connect to ${broker}\r\n`);
  },
);

waiting.testWithout(
  withoutTerminal,
  "pub that asks for messages says if nobody subscribes, and checks --json",
  async () => {
    await using bus = new TestBus();
    await using publisher = inTerminal(
      ...["env", `FIFOBUS_DIR=${bus.env.FIFOBUS_DIR}`],
      ...commandLine("pub", "--json", "t"),
    );
    await publisher.until(PROMPT);
    await publisher.write("{oops}\r");
    await publisher.until("it is not JSON");
    await publisher.until(PROMPT);
    await publisher.write("1\r");
    await publisher.until(`(nobody subscribes)\r\n${PROMPT}`);
    await using subscriber = await bus.sub("-C1", "t");
    await publisher.write("2\r");
    assertEquals(await subscriber.line(), "2");
    assertEquals(await publisher.until(PROMPT), `2\r\n${PROMPT}`);
  },
);

waiting.testWithout(
  withoutTerminal,
  "pub shows progress only if its input is a file",
  async () => {
    await using bus = new TestBus();
    const path = bus.file("pipe");
    const file = bus.file("lines");
    await Deno.writeTextFile(file, `${"x".repeat(99)}\n`.repeat(500));
    await using _subscriber = sh(
      'exec "$0" "$@" > /dev/null',
      ...commandLine("sub", path),
    );
    // Only with all permissions, Deno lets pub ask which group has the terminal.
    const deno = [Deno.execPath(), "run", "--allow-all", `${ROOT}pub.ts`];
    const shell = (line: string) =>
      inTerminal("sh", "-c", line, file, ...deno, "--rate=300", "-l", path);
    await using redirected = shell('exec "$@" < "$0"');
    await redirected.until("s left");
    // With job control each of them is a process group of its own.
    await using background = shell('set -m; "$@" < "$0" & wait $!');
    await using piped = shell('cat "$0" | "$@"');
    for (const process of [background, piped]) {
      const { code, stdout } = await process.ended();
      assertEquals(code, 0);
      assert(!stdout.includes("messages"), stdout);
    }
  },
);
