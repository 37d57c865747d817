/**
 * `sub --exec`: a command for each message.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Folder } from "./harness/folder.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  Process,
  sh,
  sub,
  TestBus,
} from "./harness/process.ts";

Deno.test("sub --exec runs a command with the message as its input", async () => {
  await using bus = new TestBus();
  const command = 'printf "%s %s %s %s|" $FIFOBUS_SEQUENCE $FIFOBUS_TOPIC ' +
    "$FIFOBUS_RETAINED $FIFOBUS_REPLY_TO; cat; echo .";
  await finish(bus.pub("--retain", "a", "kept"));
  await using subscriber = await bus.sub(
    "--exit-word=exit",
    "--exec",
    command,
    "#",
  );
  assertEquals(await subscriber.line(), "1 a 1 |kept.");
  await finish(bus.pub("b/c", "$(touch x) 'quoted' ü"));
  assertEquals(await subscriber.line(), "2 b/c 0 |$(touch x) 'quoted' ü.");
  await finish(bus.pub("b", "exit"));
  assertEquals((await subscriber.ended()).code, 0);
});

Deno.test("a command may leave a large input unread", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub("-C1", "--exec", "echo done", "t");
  await using publisher = bus.pub("t");
  await publisher.write(`${"x".repeat(500_000)}\n`);
  await publisher.end();
  const { code, stdout, stderr } = await subscriber.ended();
  assertEquals([code, stdout, stderr], [0, "done\n", ""]);
});

Deno.test("a command that fails is reported and counted, and stops sub with --strict", async () => {
  await using bus = new TestBus();
  const command = 'read code; echo "$code"; exit $code';
  for (const strict of [false, true]) {
    const more = strict ? ["--strict"] : ["--exit-word=exit"];
    await using subscriber = await bus.sub(...more, "--exec", command, "t");
    await using publisher = bus.pub("t");
    await publisher.write("0\n3\n4\n0\nexit\n");
    await publisher.end();
    const { code, stdout, stderr } = await subscriber.ended();
    const first = "sub: the command for message 2 (t) failed with code 3\n";
    if (strict) {
      assertEquals([code, stderr], [1, `${first}sub: Stopped by --strict\n`]);
      assert(stdout.startsWith("0\n3\n"));
      continue;
    }
    assertEquals([code, stdout], [0, "0\n3\n4\n0\n"]);
    assertEquals(
      stderr,
      `${first}sub: the command for message 3 (t) failed with code 4\n` +
        "sub: 2 commands failed\n",
    );
  }
});

Deno.test("sub --jobs=N runs N commands at a time, and waits for all", async () => {
  await using bus = new TestBus();
  // Each command waits until all three run.
  const command = 'cd "$DIR"; : > $FIFOBUS_SEQUENCE; ' +
    "until [ -e 1 ] && [ -e 2 ] && [ -e 3 ]; do :; done; echo $(cat)";
  bus.env.DIR = bus.path;
  await using subscriber = await bus.sub(
    "--exit-word=exit",
    "--jobs=3",
    "--exec",
    command,
    "t",
  );
  await using publisher = bus.pub("t");
  await publisher.write("a\nb\nc\nexit\n");
  await publisher.end();
  const { stdout } = await subscriber.ended();
  assertEquals(stdout.split("\n").toSorted(), ["", "a", "b", "c"]);
});

Deno.test("sub --exec runs one command at a time, in order", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub(
    "--exit-word=exit",
    "--exec",
    "cat; echo",
    "t",
  );
  await using publisher = bus.pub("t");
  const lines = Array.from({ length: 50 }, (_, i) => `${i}\n`).join("");
  await publisher.write(`${lines}exit\n`);
  await publisher.end();
  assertEquals((await subscriber.ended()).stdout, lines);
});

Deno.test("sub --exec ends quietly when nobody reads the output of the commands", async () => {
  await using bus = new TestBus();
  const command = commandLine("sub", "--exec", "cat; echo", "t");
  await using line = bus.sh('"$@" | head -n 1', "sh", ...command);
  await eventually(() => bus.names().length > 0);
  await using publisher = bus.pub("t");
  await publisher.write("one\n");
  assertEquals(await line.line(), "one");
  await eventually(async () => {
    await publisher.write("more\n").catch(() => {});
    return bus.names().length === 0;
  });
  assertEquals((await line.ended()).stderr, "");
});

/** Workers on a queue; each job writes its message to the worker's log. */
class Workers extends Folder {
  readonly jobs = this.file("jobs");
  readonly processes: Process[] = [];

  static async start(
    count: number,
    command: string,
    ...args: string[]
  ): Promise<Workers> {
    const workers = new Workers();
    await workers.fifo("jobs");
    for (let i = 0; i < count; i++) {
      const log = workers.file(`log${i}`);
      await Deno.writeTextFile(log, "");
      const options = ["--no-exit-word", ...args, "--exec", command];
      const line = commandLine("sub", ...options, workers.jobs);
      workers.processes.push(new Process(line, { LOG: log }));
    }
    return workers;
  }

  /** The jobs that each worker has run. */
  done(): string[][] {
    return this.processes.map((_, i) =>
      Deno.readTextFileSync(this.file(`log${i}`)).split("\n").slice(0, -1)
    );
  }

  /** Writes jobs at once, in one burst. */
  async add(...jobs: string[]): Promise<void> {
    const line = 'printf "$1" > "$0"';
    await finish(sh(line, this.jobs, jobs.map((job) => `${job}\\n`).join("")));
  }

  /** The jobs in the queue when all workers have ended. */
  async left(): Promise<string[]> {
    const { stdout } = await finish(
      sub("--no-exit-word", "-W", "0.2", this.jobs),
    );
    return stdout.split("\n").slice(0, -1);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.processes) await process[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}

Deno.test("four workers share a burst of jobs, and none takes more than it can run", async () => {
  const job = 'read -r j; sleep 0.05; echo "$j" >> "$LOG"';
  await using workers = await Workers.start(4, job);
  const jobs = Array.from({ length: 40 }, (_, i) => `${i}`);
  // All workers run when the first job comes.
  await workers.add(...jobs.slice(0, 4));
  await eventually(() => workers.done().flat().length === 4);
  await workers.add(...jobs.slice(4));
  await eventually(() => workers.done().flat().length === 40);
  const done = workers.done();
  const sorted = (texts: string[]) =>
    texts.toSorted((a, b) => Number(a) - Number(b));
  assertEquals(sorted(done.flat()), jobs);
  for (const some of done) {
    assert(
      some.length >= 3,
      `${done.map((it) => it.length)}`,
    );
  }
});

Deno.test("sub --exec --strict ends when a command fails, and leaves the other jobs", async () => {
  await using workers = await Workers.start(
    1,
    "read -r j; exit $j",
    "--strict",
  );
  await workers.add("0", "3", "0", "0");
  const { code, stderr } = await workers.processes[0]!.ended();
  assertEquals(code, 1);
  assertEquals(
    stderr.replaceAll(workers.jobs, "jobs"),
    "sub: the command for message 2 (jobs) failed with code 3\n" +
      "sub: Stopped by --strict\n",
  );
  assertEquals(await workers.left(), ["0", "0"]);
});

Deno.test("sub --exec --strict ends after a failure, even if no message follows", async () => {
  await using workers = await Workers.start(1, "cat; exit 3", "--strict");
  await workers.add("one");
  assertEquals((await workers.processes[0]!.ended()).code, 1);
  assertEquals(await workers.left(), []);
});

Deno.test("sub --retry runs a failed command again, and --failed keeps messages that failed for good", async () => {
  const command = 'read -r j; echo "$j" >> "$LOG"; ' +
    '[ "$j" != twice ] || [ "$(grep -c twice "$LOG")" = 2 ]; c=$?; ' +
    '[ "$j" != never ] && exit $c';
  await using folder = new Folder();
  const failed = folder.file("failed");
  await using workers = await Workers.start(
    1,
    command,
    "--retry=2",
    "--failed",
    failed,
  );
  const [worker] = workers.processes;
  await workers.add("twice", "never", "fine", "never");
  await eventually(() => workers.done().flat().length === 9);
  await worker!.said(
    /message 2 \(.*jobs\) failed with code 1, tried 3 times: the message is in .*failed\n/,
  );
  worker!.kill("SIGTERM");
  assertEquals((await worker!.ended()).code, 143);
  const { stdout } = await finish(sub("-C2", failed));
  assertEquals(stdout, "never\nnever\n");
});

Deno.test("sub --failed publishes to a topic, and says if it has no subscriber", async () => {
  await using bus = new TestBus();
  const args = ["--failed", "lost", "--exec", "exit 1", "jobs"];
  await using worker = await bus.sub(...args);
  await finish(bus.pub("jobs", "a"));
  await worker.said(/the message is lost, as nobody subscribes to lost\n/);
  await using listener = await bus.sub("lost");
  await finish(bus.pub("jobs", "b"));
  assertEquals(await listener.line(), "b");
});

Deno.test("SIGTERM ends a worker after the running command, and the other jobs stay in the queue", async () => {
  const job = 'read -r j; echo "start $j" >> "$LOG"; ' +
    'until [ -e "$LOG.go" ]; do sleep 0.01; done; echo "end $j" >> "$LOG"';
  await using workers = await Workers.start(1, job);
  await workers.add("1", "2", "3");
  await eventually(() => workers.done().flat().length === 1);
  workers.processes[0]!.kill("SIGTERM");
  await Deno.writeTextFile(workers.file("log0.go"), "");
  const { code, stderr } = await workers.processes[0]!.ended();
  assertEquals([code, stderr], [143, ""]);
  assertEquals(workers.done(), [["start 1", "end 1"]]);
  assertEquals(await workers.left(), ["2", "3"]);
});

Deno.test("sub --grace also ends the commands, and their messages go back", async () => {
  const job = 'read -r j; echo "$j" >> "$LOG"; exec sleep 60';
  await using workers = await Workers.start(
    1,
    job,
    "--grace=100ms",
    "--jobs=2",
  );
  await workers.add("1", "2", "3");
  await eventually(() => workers.done().flat().length === 2);
  workers.processes[0]!.kill("SIGTERM");
  const { code, stderr } = await workers.processes[0]!.ended();
  assertEquals([code, stderr], [143, ""]);
  assertEquals((await workers.left()).toSorted(), ["1", "2", "3"]);
});

const noLimits = await isThere("prlimit", "--version") ? [] : ["prlimit"];

testWithout(
  noLimits,
  "a command that cannot be started counts as failed, and the next one runs",
  async () => {
    await using bus = new TestBus();
    await using worker = await bus.sub("-C2", "--exec", "cat; echo", "t");
    // No file descriptor is left for a spawn, which fails as with long arguments.
    const limit = (files: string) =>
      finish(
        bus.sh('prlimit --pid "$0" "--nofile=$1:"', `${worker.pid}`, files),
      );
    const shown = 'prlimit --pid "$0" --nofile --noheadings -o SOFT';
    const { stdout: before } = await finish(bus.sh(shown, `${worker.pid}`));
    await limit("4");
    await finish(bus.pub("t", "1"));
    const [said] = await worker.said(/.*\n/);
    assertMatch(
      said,
      /^sub: the command for message 1 \(t\) cannot be started: /,
    );
    await limit(before.trim());
    await finish(bus.pub("t", "2"));
    const { code, stdout } = await worker.ended();
    assertEquals([code, stdout], [0, "2\n"]);
  },
);

Deno.test("sub --exec --respond answers pub --reply", async () => {
  await using bus = new TestBus();
  const double = 'read n; [ "$n" != 13 ] || exit 1; echo $((2 * n))';
  await using responder = await bus.sub(
    "--exec",
    double,
    "--respond",
    "double",
  );
  const { code, stdout, stderr } = await finish(
    bus.pub("--reply", "double", "21"),
  );
  assertEquals([code, stdout, stderr], [0, "42\n", ""]);
  const unlucky = await finish(
    bus.pub("--reply", "--timeout=200ms", "double", "13"),
  );
  assertEquals([unlucky.code, unlucky.stdout], [124, ""]);
  // A message that is not a request cannot be answered: the output is printed.
  await finish(bus.pub("double", "4"));
  assertEquals(await responder.line(), "8");
});

Deno.test("pub --reply=N prints the answers of several", async () => {
  await using bus = new TestBus();
  const responders = await Promise.all(
    ["a", "b"].map((name) =>
      bus.sub("--exec", `echo ${name}`, "--respond", "who")
    ),
  );
  await using _all = {
    [Symbol.asyncDispose]: async () => {
      for (const responder of responders) {
        await responder[Symbol.asyncDispose]();
      }
    },
  };
  await eventually(() => bus.names().length === 2);
  const both = await finish(bus.pub("--reply=2", "who", ""));
  assertEquals(both.stdout.split("\n").toSorted(), ["", "a", "b"]);
  const three = await finish(bus.pub("--reply=3", "--timeout=1", "who", "?"));
  assertEquals([three.code, three.stdout.length], [124, 4]);
});

Deno.test("sub -C 1 --respond answers its only request", async () => {
  await using bus = new TestBus();
  for (const address of ["last", "$share/g/last"]) {
    const asked = bus.pub("--reply", "--wait", "--timeout=60", "last", "x");
    await using responder = bus.subOnce(
      ...["-C1", "--exec=sleep 0.1; cat", "--respond", address],
    );
    assertEquals((await finish(asked)).stdout, "x\n");
    const { code, stderr } = await responder.ended();
    assertEquals([code, stderr], [0, ""]);
  }
});

Deno.test("pub --reply says that nobody is there to answer", async () => {
  await using bus = new TestBus();
  const { code, stderr } = await finish(bus.pub("--reply", "t", "x"));
  assertEquals(code, 3);
  assert(stderr.includes("nobody subscribes"), stderr);
});

Deno.test("a plain shell answers pub --reply", async () => {
  await using bus = new TestBus();
  const answer = new URL("../examples/topics/publish.sh", import.meta.url);
  await using asker = bus.pub("--reply", "--wait", "plain", "ping");
  // US, octal 37, is between the topic and the reply topic.
  const line = 'mkfifo "$0/plain@1"; exec 3<>"$0/plain@1"; ' +
    "IFS=$(printf '\\037\\t') read -r topic reply message <&3; " +
    'sh "$1" "$reply" "$topic: $message, pong"';
  await eventually(() => bus.names().length > 0);
  await using _shell = bus.sh(line, bus.env.FIFOBUS_DIR!, answer.pathname);
  assertEquals(await asker.line(), "plain: ping, pong");
});
