import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { Folder } from "./harness/folder.ts";
import { raised } from "./harness/needs.ts";
import {
  commandLine,
  finish,
  pub,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";

Deno.test("sub prints the lines of several echo commands, one after the other", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = sub(path);
  for (const message of ["hello", "", "wörld"]) {
    await finish(sh('echo "$1" > "$0"', path, message));
    assertEquals(await subscriber.line(), message);
  }
  await finish(sh('printf "a\\nb\\nexit\\n" > "$0"', path));
  assertEquals(await subscriber.ended(), {
    code: 0,
    signal: null,
    stdout: "a\nb\n",
    stderr: "",
  });
});

Deno.test("sub ends on the exit word, which can be another, or none", async () => {
  await using folder = new Folder();
  const cases: [args: string[], sent: string, printed: string][] = [
    [[], "exits\nexit\n", "exits\n"],
    [["--exit-word", "quit"], "exit\nquit\n", "exit\n"],
    [["--exit-word", ""], "exit\n\n", "exit\n"],
    [["--no-exit-word", "-C2"], "exit\nx\n", "exit\nx\n"],
    [["-C", "2"], "a\nexit\n", "a\n"],
    [["-C", "1"], "a\nexit\n", "a\n"],
  ];
  for (const [args, sent, printed] of cases) {
    const path = await folder.fifo(crypto.randomUUID());
    await using subscriber = sub(...args, path);
    await finish(sh('printf "$1" > "$0"', path, sent));
    const { code, stdout } = await subscriber.ended();
    assertEquals([code, stdout], [0, printed], args.join(" "));
  }
});

Deno.test("no message to a topic ends sub, unless --exit-word is given", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("--retain", "a", "exit"));
  const path = await bus.fifo();
  const cases: [args: string[], printed: string][] = [
    [["-C3", "a"], "exit\nexit\nx\n"],
    [["-C2", "-R", "a"], "exit\nx\n"],
    [["--exit-word=exit", "a"], "exit\n"],
    [["--exit-word", "x", "a"], "exit\nexit\n"],
    [["-C3", path, "a"], "exit\nexit\nx\n"],
  ];
  for (const [args, printed] of cases) {
    await using subscriber = await bus.sub(...args);
    await finish(bus.pub("a", "exit"));
    await finish(bus.pub("a", "x"));
    const { code, stdout } = await subscriber.ended();
    assertEquals([code, stdout], [0, printed], args.join(" "));
  }
  // The exit word in a FIFO still ends sub, if it also reads a topic.
  await using both = await bus.sub("-R", path, "a");
  await finish(bus.pub(path, "exit"));
  assertEquals((await both.ended()).stdout, "");
});

Deno.test("sub --count=N prints N messages and ends", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = sub("-C", "3", path);
  await finish(sh('printf "1\\n2\\n3\\n4\\n" > "$0"', path));
  const { code, stdout } = await subscriber.ended();
  assertEquals([code, stdout], [0, "1\n2\n3\n"]);
});

Deno.test("sub --timeout ends after a silence, with a code of its own", async () => {
  await using folder = new Folder();
  const ended = await finish(sub("-W", "50ms", folder.file("pipe")));
  assertEquals(ended, { code: 124, signal: null, stdout: "", stderr: "" });
});

Deno.test("sub reads several FIFOs", async () => {
  await using folder = new Folder();
  const [a, b] = [await folder.fifo("a"), await folder.fifo("b")];
  await using subscriber = sub("--mode", "600", a, b, a);
  for (const [path, message] of [[a, "1"], [b, "2"], [b, "3"], [a, "4"]]) {
    await finish(sh('echo "$1" > "$0"', path!, message!));
    assertEquals(await subscriber.line(), message);
  }
});

Deno.test("sub to a pipe keeps carriage returns and bytes that are not UTF-8", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  const all = Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== 10);
  const message = Uint8Array.from([...all, 13, 10]);
  await Deno.writeFile(folder.file("in"), message);
  await using copy = sh('cat "$0" > "$1"', folder.file("in"), path);
  await using subscriber = sh(
    'exec "$@" > "$0"',
    folder.file("out"),
    ...commandLine("sub", "-C", "1", path),
  );
  assertEquals((await subscriber.ended()).code, 0);
  assertEquals((await copy.ended()).code, 0);
  assertEquals(await Deno.readFile(folder.file("out")), message);
});

Deno.test("sub --null prints messages that hold line feeds, each with a NUL", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  await using subscriber = sub("--null", "-C", "2", path);
  assertEquals((await finish(pub("--null", path, "two\nlines"))).code, 0);
  assertEquals((await finish(pub("--null", path, "b"))).code, 0);
  assertEquals((await subscriber.ended()).stdout, "two\nlines\0b\0");
});

Deno.test("sub ends by the signal that it receives", async () => {
  await using folder = new Folder();
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
  for (const [name, code] of Object.entries(codes)) {
    const signal = name as keyof typeof codes;
    const path = await folder.fifo(signal);
    await using subscriber = sub(path);
    await finish(sh('printf "a\\n" > "$0"', path));
    assertEquals(await subscriber.line(), "a");
    subscriber.kill(signal);
    assertEquals(await subscriber.ended(), {
      code,
      signal: raised(signal),
      stdout: "",
      stderr: "",
    });
  }
});

Deno.test("sub ends quietly when the reader of its output leaves", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using pipeline = sh(
    '{ "$0" "$@"; echo "code $?" >&2; } | { head -n 1; exec <&-; echo gone; }',
    ...commandLine("sub", path),
  );
  await finish(sh('echo a > "$0"', path));
  assertEquals(await pipeline.line(), "a");
  assertEquals(await pipeline.line(), "gone");
  await finish(sh('echo b > "$0"', path));
  const { stderr } = await pipeline.ended();
  assertEquals(stderr, "code 0\n");
});

Deno.test("sub stops at an endless line, after the messages before it", async () => {
  await using folder = new Folder();
  const path = await folder.fifo();
  await using subscriber = sub("--max-size", "100k", path);
  await using endless = sh(
    '{ echo first; tr "\\000" x < /dev/zero; } > "$0"',
    path,
  );
  assertEquals(await subscriber.line(), "first");
  const { code, stdout, stderr } = await subscriber.ended();
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^sub: Cannot read message 2 of .*pipe: the message has no end after [0-9]+ bytes, the limit is 102400\n$/,
  );
  assertEquals((await endless.ended()).code > 0, true);
});

Deno.test("sub says in one line what is wrong, and leaves files alone", async () => {
  await using folder = new Folder();
  const regular = folder.file("regular");
  await Deno.writeTextFile(regular, "precious");
  const many = Array.from({ length: 25 }, (_, i) => folder.file(`pipe${i}`));
  const cases: [args: string[], code: number, reason: string][] = [
    [[regular], 1, "it is a regular file"],
    [[folder.path], 1, "it is a folder"],
    [[`${folder.path}/a/b`], 1, "its folder is not there"],
    [many, 1, "this process reads 24 FIFOs already"],
    [[], 2, "there is no ADDRESS; see sub --help"],
    [["a/b#"], 2, 'Cannot use the filter "a/b#": # stands for all levels'],
    [["a+/b"], 2, 'Cannot use the filter "a+/b": + stands for a whole level'],
    [["-R", "--retained-only", "a"], 2, "exclude each other"],
    [["-C", "0", regular], 2, "option --count takes a whole number from 1"],
    [["--exit-word=a", "--no-exit-word", regular], 2, "exclude each other"],
  ];
  for (const [args, expected, reason] of cases) {
    const { code, stdout, stderr } = await finish(sub(...args));
    assertEquals([code, stdout], [expected, ""], stderr);
    assertStringIncludes(stderr, reason);
    assertMatch(stderr, /^sub: [^\n]+\n$/);
  }
  assertEquals(await Deno.readTextFile(regular), "precious");
});
