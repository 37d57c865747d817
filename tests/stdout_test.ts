/**
 * Standard output that is full: stuck, or nonblocking.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Silence } from "../lib/cli/sub/silence.ts";
import { Folder } from "./harness/folder.ts";
import { withoutPython } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  pub,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** More than one pipe holds, and less than two: pub can write all of it. */
const LINES = Array.from(
  { length: 4000 },
  (_, i) => `line ${`${i}`.padStart(25, "0")}\n`,
);

// A write that waits cannot be cancelled, and a second signal should not be needed.
waiting.test("one signal ends a sub whose output is stuck, and unprinted messages go back", async () => {
  await using folder = new Folder();
  const path = folder.file("pipe");
  const out = await folder.fifo("out");
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    await using reader = sh('exec 3<>"$0"; read line; exec cat <&3', out);
    await using subscriber = sh(
      'exec "$@" > "$0"',
      out,
      ...commandLine("sub", "--no-exit-word", path),
    );
    await using publisher = pub("-l", path);
    await publisher.write(LINES.join(""));
    await publisher.end();
    assertEquals((await publisher.ended()).code, 0);
    subscriber.kill(signal);
    const { code } = await subscriber.ended();
    assertEquals(code, { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[signal]);
    const [{ stdout: rest }] = await Promise.all([
      finish(sub(path)),
      finish(pub(path, "exit")),
    ]);
    assert(rest.length > 0);
    await reader.write("go on\n");
    const printed = await reader.until(LINES.at(-rest.length / 31 - 1)!);
    assertEquals(printed + rest, LINES.join(""));
  }
});

/**
 * Runs a command with a nonblocking pipe as its output, which is read once a
 * line has come.
 */
const NONBLOCKING = `
import os, subprocess, sys
r, w = os.pipe()
os.set_blocking(w, False)
child = subprocess.Popen(sys.argv[1:], stdout=w, stdin=subprocess.DEVNULL)
os.close(w)
sys.stdin.readline()
while True:
    some = os.read(r, 65536)
    if not some:
        break
    sys.stdout.buffer.write(some)
sys.stdout.flush()
sys.exit(child.wait())
`;

// Node.js makes an output that it shares with other programs nonblocking.
waiting.testWithout(
  withoutPython,
  "sub waits for room in a nonblocking output",
  async () => {
    await using folder = new Folder();
    const path = folder.file("pipe");
    const text = LINES.join("");
    const long = "x".repeat(6000);
    const cases: [args: string[], input: string, output: string][] = [
      [[], text, text],
      [["--null"], text.replaceAll("\n", "\0"), text.replaceAll("\n", "\0")],
      [["--raw"], text, text.replaceAll("\n", "")],
      // More than fits into the output, and not more than fits into the FIFO and
      // the output: each holds 8 of these in its 16 pages.
      [[], `${long}\n`.repeat(15), `${long}\n`.repeat(15)],
    ];
    for (const [args, input, output] of cases) {
      const null_ = args.includes("--null") ? ["--null"] : [];
      await using shared = sh(
        'exec python3 -c "$0" "$@"',
        NONBLOCKING,
        ...commandLine("sub", ...args, path),
      );
      await using publisher = pub("-l", ...null_, path);
      await publisher.write(input);
      await publisher.end();
      assertEquals((await publisher.ended()).code, 0);
      await shared.write("\n");
      const ended = shared.ended();
      await finish(pub(...null_, path, "exit"));
      const { code, stdout, stderr } = await ended;
      assertEquals([code, stderr], [0, ""]);
      assert(stdout === output, args.join(" "));
    }
  },
);

waiting.testWithout(
  withoutPython,
  "pub --reply waits for room in a nonblocking output",
  async () => {
    await using bus = new TestBus();
    const answer = "x".repeat(200_000);
    await Deno.writeTextFile(bus.file("answer"), answer);
    await using _responder = await bus.sub(
      ...["--respond", `--exec=cat '${bus.file("answer")}'`, "t"],
    );
    await using shared = bus.sh(
      'exec python3 -c "$0" "$@"',
      NONBLOCKING,
      ...commandLine("pub", "--reply", "t", "?"),
    );
    await shared.write("\n");
    const { code, stdout, stderr } = await shared.ended();
    assertEquals([code, stderr], [0, ""]);
    assert(stdout === `${answer}\n`);
  },
);

// While a process is stopped, messages wait for it, so that was not a silence.
waiting.test("Silence does not count the time for which its process was stopped", async () => {
  let calls = 0;
  using silence = new Silence(20, () => calls++);
  silence.restart();
  const end = performance.now() + 300;
  while (performance.now() < end);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([calls, silence.isOver], [0, false]);
  await eventually(() => silence.isOver);
  assertEquals(calls, 1);
});

waiting.test("sub --retained-only -W does not count the time that commands take", async () => {
  await using bus = new TestBus();
  await finish(bus.pub("-r", "t", "x"));
  const args = ["--retained-only", "-W50ms", "--exec=sleep 0.2; cat", "t"];
  const { code, stdout } = await finish(bus.subOnce(...args));
  assertEquals([code, stdout], [0, "x"]);
});
