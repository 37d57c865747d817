import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { isRead } from "../lib/fifo/nonblocking.ts";
import { VERSION } from "../lib/version.ts";
import { Folder } from "./harness/folder.ts";
import { eventually, finish, pub, sh, sub } from "./harness/process.ts";

Deno.test("pub sends its arguments as one message to a plain cat", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using cat = sh('cat "$0"', path);
  assertEquals((await finish(pub(path, "hello", "wörld", ""))).code, 0);
  assertEquals((await cat.ended()).stdout, "hello wörld \n");
});

Deno.test("pub makes the FIFO and waits for a reader, as echo does", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using publisher = pub("--mode", "620", path, "hello");
  await eventually(() => isFifo(path));
  // mkfifo(1) makes it first, and then gives it the mode.
  await eventually(() => (Deno.statSync(path).mode! & 0o777) === 0o620);
  assertEquals(await finish(sh('head -n 1 "$0"', path)), {
    code: 0,
    signal: null,
    stdout: "hello\n",
    stderr: "",
  });
  assertEquals((await publisher.ended()).code, 0);
});

Deno.test("pub sends an empty message and one that looks like an option", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using cat = sh('cat "$0"', path);
  await using keeper = sh('exec 3>"$0"; read line', path);
  assertEquals((await finish(pub(path, ""))).code, 0);
  assertEquals((await finish(pub(path, "--", "-n"))).code, 0);
  assertEquals((await finish(pub(`fifo:${path}`, "-"))).code, 0);
  await finish(keeper);
  assertEquals((await cat.ended()).stdout, "\n-n\n-\n");
});

Deno.test("pub sends each line of standard input, even an unfinished last line", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  for (const args of [[path], ["-l", path], ["--lines", path]]) {
    await using cat = sh('cat "$0"', path);
    await using publisher = pub(...args);
    await publisher.write("a\r\n\nlast");
    await publisher.end();
    assertEquals((await publisher.ended()).code, 0);
    assertEquals((await cat.ended()).stdout, "a\r\n\nlast\n");
  }
});

Deno.test("pub --file sends each line of a file", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join("");
  await Deno.writeTextFile(folder.file("lines"), lines);
  await using cat = sh('cat "$0"', path);
  const { code } = await finish(pub("--file", folder.file("lines"), path));
  assertEquals(code, 0);
  assertEquals((await cat.ended()).stdout, lines);
});

Deno.test("pub --null takes and sends messages that hold line feeds", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using cat = sh('cat "$0" | tr "\\000" "|"', path);
  await using publisher = pub("--null", path);
  await publisher.write("two\nlines\0b\0");
  await publisher.end();
  assertEquals((await publisher.ended()).code, 0);
  assertEquals((await cat.ended()).stdout, "two\nlines|b|");
});

Deno.test("pub sends messages again that it could not send without a reader", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using publisher = pub("-l", path);
  for (const round of ["a", "b", "c"]) {
    await using subscriber = sub("-C", "2", path);
    for (const number of [1, 2]) {
      await publisher.write(`${round}${number}\n`);
      assertEquals(await subscriber.line(), `${round}${number}`);
    }
    assertEquals((await subscriber.ended()).stdout, "");
  }
  await publisher.end();
  assertEquals((await publisher.ended()).code, 0);
});

Deno.test("pub goes on when its subscriber is killed and started again", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using publisher = pub("-l", path);
  {
    await using killed = sub(path);
    await publisher.write("1\n");
    assertEquals(await killed.line(), "1");
    killed.kill("SIGKILL");
    await killed.ended();
  }
  await publisher.write("2\n3\n");
  await using subscriber = sub(path);
  await publisher.write("4\n");
  for (const line of ["2", "3", "4"]) {
    assertEquals(await subscriber.line(), line);
  }
});

// In separate processes: a process that this one starts inherits its open files
// for a moment, so that a FIFO would have an unexpected reader.
Deno.test("pub finds the new FIFO when somebody has replaced it", async () => {
  await using folder = new Folder();
  for (const options of [[], ["--timeout", "60"]]) {
    const path = await folder.fifo(`pipe${options.length}`);
    await using publisher = pub("-l", ...options, path);
    for (const round of ["a", "b"]) {
      await publisher.write(`${round}\n`);
      const { stdout } = await finish(sub("-C", "1", path));
      assertEquals(stdout, `${round}\n`);
      await Deno.remove(path);
      await folder.fifo(`pipe${options.length}`);
    }
  }
});

Deno.test("pub --no-wait and --timeout give up with codes of their own", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  assertEquals(await finish(pub("--no-wait", path, "x")), {
    code: 3,
    signal: null,
    stdout: "",
    stderr: `pub: Cannot write to "${path}": nobody reads it\n`,
  });
  assertEquals(await finish(pub("--timeout", "50ms", path, "x")), {
    code: 124,
    signal: null,
    stdout: "",
    stderr: `pub: Cannot write to "${path}": nobody reads it, waited 50 ms\n`,
  });
});

Deno.test("pub --timeout gives up on a reader that has stopped reading", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const lines = `${"x".repeat(99)}\n`.repeat(2000);
  await Deno.writeTextFile(folder.file("lines"), lines);
  await using stuck = sh('exec 3<>"$0"; echo ready; read line', path);
  assertEquals(await stuck.line(), "ready");
  assertEquals(
    await finish(pub("--timeout", "0.1", "--file", folder.file("lines"), path)),
    {
      code: 124,
      signal: null,
      stdout: "",
      stderr: `pub: Cannot write to "${path}": ` +
        "its reader has stopped reading, waited 100 ms\n",
    },
  );
});

Deno.test("pub --no-wait and --timeout publish where there is a reader", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = sub(path);
  await eventually(() => isRead(path) === true);
  assertEquals((await finish(pub("--no-wait", path, "a"))).code, 0);
  assertEquals((await finish(pub("--timeout", "9", path, "b"))).code, 0);
  assertEquals(await subscriber.line(), "a");
  assertEquals(await subscriber.line(), "b");
});

Deno.test("pub refuses a message that it cannot send, and sends those before it", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = sub("--no-exit-word", path);
  const publisher = pub("--max-size", "10", path);
  await publisher.write("first\nsecond\nthis is too long\nfourth\n");
  const { code, stderr } = await finish(publisher);
  assertEquals(code, 1);
  assertEquals(
    stderr,
    "pub: Cannot read message 3 of standard input: " +
      "the message is 16 bytes, the limit is 10\n",
  );
  assertEquals(await subscriber.line(), "first");
  assertEquals(await subscriber.line(), "second");
  const cases: [args: string[], reason: string][] = [
    [[path, "a\nb"], "byte 1 of the message is a line feed"],
    [["--max-size", "2", path, "abc"], "the message is 3 bytes"],
  ];
  for (const [args, reason] of cases) {
    const { code, stderr } = await finish(pub(...args));
    assertEquals(code, 1);
    assertStringIncludes(stderr, `pub: Cannot publish to "${path}": ${reason}`);
  }
});

Deno.test("pub says in one line what is wrong, and leaves files alone", async () => {
  await using folder = new Folder();
  const regular = folder.file("regular");
  await Deno.writeTextFile(regular, "precious");
  const pipe = folder.file("pipe");
  const cases: [args: string[], code: number, reason: string][] = [
    [[regular, "x"], 1, "it is a regular file"],
    [[folder.path, "x"], 1, "it is a folder"],
    [[`${folder.path}/a/b`, "x"], 1, "its folder is not there"],
    [["--file", `${folder.path}/none`, pipe], 1, "there is no such file"],
    [[], 2, "there is no ADDRESS; see pub --help"],
    [["a/+", "x"], 2, 'Cannot use the topic "a/+": + and # are for'],
    [["", "x"], 2, 'Cannot use the topic "": it is empty'],
    [["mqtt://:x/a", "x"], 2, "is not a host, or not a port"],
    [["mqtt://host/a/+", "x"], 2, "+ and # are for subscribers"],
    [["--qos", "3", "mqtt://h/a"], 2, "option --qos takes 0, 1 or 2"],
    [["--qos", "1", pipe], 2, "option --qos is for MQTT"],
    [["--retain", pipe, "x"], 2, "option --retain is for topics"],
    [["--bogus", pipe], 2, "there is no option --bogus (put -- before an "],
    [["--mode", "9", pipe], 2, "option --mode takes permissions in octal"],
    [["-l", pipe, "x"], 2, "MESSAGE and --lines exclude each other"],
  ];
  for (const [args, expected, reason] of cases) {
    const { code, stdout, stderr } = await finish(pub(...args));
    assertEquals([code, stdout], [expected, ""], stderr);
    assertStringIncludes(stderr, reason);
    assertMatch(stderr, /^pub: [^\n]+\n$/);
  }
  assertEquals(await Deno.readTextFile(regular), "precious");
  const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  assertEquals(left, ["regular"]);
});

Deno.test("pub ends at once on SIGINT and SIGTERM while it waits", async () => {
  await using folder = new Folder();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const path = folder.file(signal);
    await using publisher = pub(path, "x");
    await eventually(() => isFifo(path));
    publisher.kill(signal);
    assertEquals((await publisher.ended()).signal, signal);
  }
});

Deno.test("pub --help and --version print to standard output", async () => {
  const help = await finish(pub("--help"));
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const text of ["Usage: pub", "--no-wait", "124", "pub /tmp/mypipe"]) {
    assertStringIncludes(help.stdout, text);
  }
  const version = await finish(pub("--version"));
  assertEquals(version.stdout, `pub (fifobus) ${VERSION}\n`);
});

function isFifo(path: string): boolean {
  try {
    return Deno.statSync(path).isFifo === true;
  } catch {
    return false;
  }
}
