/**
 * examples/shell/fifobus.sh, which `pub --init` prints: the functions of shells
 * against the library and the programs.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { NonblockingWriter } from "../lib/fifo/nonblocking.ts";
import { publish, Publisher, request, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { isThere, withoutLinux } from "./harness/needs.ts";
import {
  commandLine,
  type Ended,
  eventually,
  finish,
  Process,
  quoted,
  type TestBus,
} from "./harness/process.ts";
import { type Command, ROOT } from "./harness/programs.ts";
import * as waiting from "./harness/waiting.ts";
import { FILTERS, ODD_TOPICS } from "./interop/_topics.ts";

const FUNCTIONS = `${ROOT}examples/shell/fifobus.sh`;

/** A shell, and the locale that it runs in. */
interface Shell {
  name: string;
  command: Command;
  locale: string;
  absent: string[];
}

const COMMANDS: Record<string, Command> = {
  bash: ["bash", "--norc"],
  zsh: ["zsh", "-f"],
  dash: ["dash"],
};

/** The shells; those that publish without a process come first. */
const SHELLS: Shell[] = await Promise.all(
  Object.entries(COMMANDS).map(async ([name, command]) => ({
    name,
    command,
    locale: "C.UTF-8",
    absent: await isThere(name, "-c", ":") ? [] : [name],
  })),
);
const [BASH, ZSH] = SHELLS as [Shell, Shell];
/** They do without processes only where /proc says what they must know. */
const FAST = [BASH, ZSH].map((shell) => ({
  ...shell,
  absent: [...shell.absent, ...withoutLinux],
}));

/** Runs a script that has the functions, without a program `pub`. */
function start(
  { command, locale }: Shell,
  bus: TestBus,
  script: string,
  env: Record<string, string> = {},
): Process {
  return new Process(
    [...command, "-c", `. "$0"\n${script}`, FUNCTIONS],
    { ...bus.env, PATH: "/usr/bin:/bin", LC_ALL: locale, ...env },
  );
}

function run(...args: Parameters<typeof start>): Promise<Ended> {
  return finish(start(...args));
}

/** Runs a script that must print this and nothing else. */
async function assertPrints(
  shell: Shell,
  bus: TestBus,
  script: string,
  expected: string,
  env?: Record<string, string>,
): Promise<void> {
  const { code, stdout, stderr } = await run(shell, bus, script, env);
  assertEquals([code, stdout, stderr], [0, expected, ""], script);
}

/** Quotes a word for any shell. */
function word(text: string): string {
  return quoted([text]);
}

/** The messages of a subscriber up to the one that a publisher of ours sends. */
async function upToEnd(
  subscriber: Subscriber,
  topic: string,
): Promise<string[]> {
  await using publisher = await Publisher.open(topic);
  await publisher.publish("the end");
  const got: string[] = [];
  for await (const message of subscriber) {
    if (message.text === "the end") break;
    got.push(`${message.topic}=${message.text}`);
  }
  return got;
}

/** Makes a program `pub` that prints its arguments and its input. */
async function fakePub(bus: TestBus): Promise<string> {
  const folder = bus.file("bin");
  await Deno.mkdir(folder);
  const script = "#!/bin/sh\nprintf '<%s>' \"$@\"\ncat\necho\nexit 7\n";
  await Deno.writeTextFile(`${folder}/pub`, script, { mode: 0o755 });
  return `${folder}:/usr/bin:/bin`;
}

/** Makes the inbox of a member that does not read, full to the last byte. */
async function fullInbox(bus: TestBus, name: string): Promise<Deno.FsFile> {
  const path = `${bus.env.FIFOBUS_DIR}/${name}`;
  await finish(new Process(["mkfifo", "-m", "600", path]));
  const reader = Deno.openSync(path, { read: true, write: true });
  const writer = NonblockingWriter.open(path)!;
  for (const size of [4096, 1]) {
    while (writer.tryWrite(new Uint8Array(size)) > 0);
  }
  writer.close();
  return reader;
}

const LOCALES = SHELLS.flatMap((shell) =>
  ["C", "C.UTF-8"].map((locale) => ({ ...shell, locale }))
);
for (const shell of LOCALES) {
  const { name, locale, absent } = shell;
  waiting.testWithout(
    absent,
    `pub in ${name} reaches topics of all characters, in ${locale}`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open(["#", "$SYS/#"]);
      const script = ODD_TOPICS
        // pub, too, takes what starts with a dash for an option.
        .map((it) => it.startsWith("-") ? `topic:${it}` : it)
        .map((it) => `pub ${word(it)} '%s' '\\n' 'é *' && echo $REPLY`);
      const expected = "1\n".repeat(ODD_TOPICS.length);
      await assertPrints(shell, bus, script.join("\n"), expected);
      assertEquals(
        await upToEnd(subscriber, "x"),
        ODD_TOPICS.map((it) => `${it}=%s \\n é *`),
      );
    },
  );

  waiting.testWithout(
    absent,
    `sub_read in ${name} gets topics of all characters, in ${locale}`,
    async () => {
      await using bus = ownBus();
      const read = `sub_open '#' '$SYS/#'; echo ready
        while sub_read it text && [ "$text" != bye ]
        do printf '%s=%s\\n' "$it" "$text"; done`;
      await using process = start(shell, bus, read);
      assertEquals(await process.line(), "ready");
      for (const topic of ODD_TOPICS) {
        await publish(`topic:${topic}`, "%s \\n é * ");
      }
      await publish("x", "bye");
      const { code, stdout, stderr } = await process.ended();
      assertEquals([code, stderr], [0, ""]);
      assertEquals(
        stdout,
        ODD_TOPICS.map((it) => `${it}=%s \\n é * \n`).join(""),
      );
      assertEquals(bus.names(), []);
    },
  );
}

for (const shell of SHELLS) {
  const { name, absent } = shell;

  waiting.testWithout(
    absent,
    `pub in ${name} matches filters as pub does`,
    async () => {
      await using bus = ownBus();
      for (const [filter, gets, not] of FILTERS) {
        await using subscriber = await Subscriber.open([filter, "end"]);
        const script = [...gets, ...not].map((it) =>
          `pub topic:${word(it)} x && printf %s $REPLY`
        );
        const expected = "1".repeat(gets.length) + "0".repeat(not.length);
        await assertPrints(shell, bus, script.join("\n"), expected);
        assertEquals(
          await upToEnd(subscriber, "end"),
          gets.map((it) => `${it}=x`),
          filter,
        );
      }
    },
  );

  waiting.testWithout(
    absent,
    `sub_read in ${name} matches filters as sub does`,
    async () => {
      await using bus = ownBus();
      for (const [filter, gets, not] of FILTERS) {
        const script = `sub_open ${word(filter)} end; echo ready
        while sub_read it text && [ "$it" != end ]; do echo "$it"; done`;
        await using process = start(shell, bus, script);
        assertEquals(await process.line(), "ready");
        for (const topic of [...gets, ...not, "end"]) {
          await publish(`topic:${topic}`, "x");
        }
        const { stdout, stderr } = await process.ended();
        assertEquals([stdout, stderr], [
          gets.map((it) => it + "\n").join(""),
          "",
        ]);
      }
    },
  );

  waiting.testWithout(
    absent,
    `the functions of ${name} get on with each other`,
    async () => {
      await using bus = ownBus();
      const script = `sub_open 'a/+' 'a/#'
      pub a/b one; printf '%s ' "$REPLY"; pub a/b ''; pub a/c '  two  '
      for i in 1 2 3; do sub_read topic message; echo "$topic<$message>"; done
      sub_close; pub a/b three; echo "$REPLY"`;
      await assertPrints(
        shell,
        bus,
        script,
        "1 a/b<one>\na/b<>\na/c<  two  >\n0\n",
      );
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} ends messages with NUL where that is asked for`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("a", { delimiter: "\0" });
      await assertPrints(shell, bus, "pub a 1; pub a 2; echo $REPLY", "1\n");
      const texts: string[] = [];
      for await (const { text } of subscriber) {
        if (texts.push(text) === 2) break;
      }
      assertEquals(texts, ["1", "2"]);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} passes over dead members and removes their names`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("a");
      const folder = bus.env.FIFOBUS_DIR!;
      const names = ["a@1-dead", "%23@1-dead", ".1-dead", "a@2-dead"];
      const paths = names.map((it) => `${folder}/${it}`);
      await finish(new Process(["mkfifo", "-m", "600", paths[0]!, paths[3]!]));
      for (const path of paths.slice(1, 3)) await Deno.link(paths[0]!, path);
      await assertPrints(shell, bus, "pub a x; echo $REPLY; pub a y", "1\n");
      assertEquals(await upToEnd(subscriber, "a"), ["a=x", "a=y"]);
      assertEquals(bus.names().length, 1);
      assertEquals([...Deno.readDirSync(folder)].length, 2);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} passes over a member that dies between two messages`,
    async () => {
      await using bus = ownBus();
      await using other = await bus.sub("a");
      const script = "pub a 1; echo $REPLY; read -r go; pub a 2; echo $REPLY";
      await using process = start(shell, bus, script);
      assertEquals(await process.line(), "1");
      other.kill("SIGKILL");
      await other.ended();
      await process.write("\n");
      assertEquals((await process.ended()).stdout, "0\n");
      assertEquals(bus.names(), []);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} drops for a slow member, and tells`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("a");
      using _reader = await fullInbox(bus, "a@1-full");
      const env = { FIFOBUS_SLOW_TIMEOUT: "0" };
      const { code, stdout, stderr } = await run(
        shell,
        bus,
        "pub a x; echo $REPLY",
        env,
      );
      assertEquals([code, stdout], [0, "1\n"]);
      assertEquals(
        stderr,
        "pub: 1 message dropped for subscriber 1-full: it does not read\n",
      );
      assertEquals(await upToEnd(subscriber, "a"), ["a=x"]);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} waits for a slow member`,
    async () => {
      await using bus = ownBus();
      await Deno.mkdir(bus.env.FIFOBUS_DIR!, { mode: 0o700 });
      using reader = await fullInbox(bus, "a@1-full");
      const env = { FIFOBUS_SLOW_TIMEOUT: "60" };
      const script = "echo go; pub a x; echo $REPLY";
      await using process = start(shell, bus, script, env);
      assertEquals(await process.line(), "go");
      reader.readSync(new Uint8Array(8192));
      assertEquals(await process.line(), "1");
      const { stderr } = await process.ended();
      assertEquals(stderr, "");
    },
  );

  waiting.testWithout(
    [...absent, ...withoutLinux],
    `pub in ${name} does not write into the middle of a large message`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("a");
      const path = `${bus.env.FIFOBUS_DIR}/${bus.names()[0]}`;
      using file = Deno.openSync(path, { write: true });
      await using process = start(
        shell,
        bus,
        "read -r go; pub a between; read -r go; pub a behind",
        { FIFOBUS_SLOW_TIMEOUT: "0" },
      );
      file.lockSync(true);
      file.writeSync(new TextEncoder().encode("a\tin two "));
      await process.write("\n");
      await process.said(/ dropped for subscriber .*: it does not read\n/);
      file.writeSync(new TextEncoder().encode("writes\n"));
      file.unlockSync();
      await process.write("\n");
      assertEquals((await process.ended()).code, 0);
      const got = await upToEnd(subscriber, "a");
      assertEquals([got[0], got.at(-1)], ["a=in two writes", "a=behind"]);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} writes to FIFOs of its user only, and makes no files`,
    async () => {
      await using bus = ownBus();
      const folder = bus.env.FIFOBUS_DIR!;
      await Deno.mkdir(folder, { mode: 0o700 });
      const precious = bus.file("precious");
      await Deno.writeTextFile(precious, "precious");
      await Deno.symlink(precious, `${folder}/%23@link`);
      await Deno.symlink(await bus.fifo("elsewhere"), `${folder}/a@pipe`);
      await Deno.writeTextFile(`${folder}/a@file`, "as it was");
      await Deno.mkdir(`${folder}/a@folder`);
      await Deno.writeTextFile(`${folder}/%00@x`, "");
      await Deno.writeTextFile(`${folder}/a%@x`, "");
      await assertPrints(shell, bus, "pub a x; echo $REPLY", "0\n");
      assertEquals(await Deno.readTextFile(precious), "precious");
      assertEquals(await Deno.readTextFile(`${folder}/a@file`), "as it was");
      assertEquals([...Deno.readDirSync(folder)].length, 6);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} carries messages up to PIPE_BUF, and longer ones to the program`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("a");
      const path = await fakePub(bus);
      const script = `x=$(printf '%*s' 4093 '' | tr ' ' x)
      for size in 1 2 1023 1024 1025 4092 4093; do
        pub a "$(printf %s "$x" | cut -c 1-$size)" || echo failed
      done
      pub a "\${x}x" </dev/null >&2; echo "$?<$REPLY>"`;
      const { stdout, stderr } = await run(shell, bus, script, { PATH: path });
      assertEquals(stdout, "7<>\n");
      assertEquals(stderr, `<-s><--><a>${"x".repeat(4094)}\n`);
      const lengths = (await upToEnd(subscriber, "a")).map((it) =>
        it.length - 2
      );
      assertEquals(lengths, [1, 2, 1023, 1024, 1025, 4092, 4093]);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} hands over what it cannot do, with all arguments`,
    async () => {
      await using bus = ownBus();
      await using _shared = await Subscriber.open("$share/g/shared");
      const path = await fakePub(bus);
      const nothing = "</dev/null";
      const calls: [call: string, printed: string][] = [
        [`pub -r a 'b  c' ${nothing}`, "<-r><a><b  c>\n"],
        [`pub a --qos 1 ${nothing}`, "<a><--qos><1>\n"],
        [`pub --version ${nothing}`, "<--version>\n"],
        ["echo in | pub -l a", "<-l><a>in\n\n"],
        ["echo in | pub a", "<a>in\n\n"],
        [`pub mqtt://h/t '*' ${nothing}`, "<mqtt://h/t><*>\n"],
        [`pub shared x ${nothing}`, "<shared><x>\n"],
        [`pub ./not-there x ${nothing}`, "<./not-there><x>\n"],
        [`pub 'a/#' x ${nothing}`, "<a/#><x>\n"],
        [`FIFOBUS_MAX_SIZE=9 pub a x ${nothing}`, "<a><x>\n"],
      ];
      for (const [call, printed] of calls) {
        const script = `${call}; echo "$?"`;
        const ended = await run(shell, bus, script, { PATH: path });
        assertEquals(
          [ended.stdout, ended.stderr],
          [`${printed}7\n`, ""],
          call,
        );
      }
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} refuses what is not a topic and not one message`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("#");
      const refused = [
        `pub '' x`,
        `pub a/+ x`,
        `pub '#' x`,
        `pub '$share/g/t' x`,
        `pub "$(printf 'a\\tb')" x`,
        `pub "$(printf 'a\\302\\205b')" x`,
        `pub "$(printf 'a\\377b')" x`,
        `pub "$(printf '\\355\\240\\200')" x`,
        `pub "$(printf '\\300\\257')" x`,
        `pub "$(printf 'a\\303')" x`,
        `pub a "$(printf 'x\\026fifobus wake 0123abcd\\026')"`,
        `pub a "$(printf 'x\\030fifobus torn\\030')"`,
        `pub a "$(printf 'x\\030fifobus lost\\030')"`,
        `pub a "$(printf '\\030fifobus large 5\\030')"`,
        `pub a "$(printf 'x\\ny')"`,
        `pub a "$(printf '%4094s' '')"`,
        `pub fifo: x`,
        `pub a`,
        `pub`,
      ];
      for (const call of refused) {
        const script = `${call}; echo "$?<$REPLY>"`;
        const { stdout, stderr } = await run(shell, bus, script);
        assertEquals(stdout, "1<>\n", call);
        assertMatch(stderr, /^pub: Cannot publish to "[^]*" without .+: .+\n$/);
      }
      assertEquals(await upToEnd(subscriber, "x"), []);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} refuses a bus that others may write to`,
    async () => {
      await using bus = ownBus();
      const folder = bus.env.FIFOBUS_DIR!;
      await Deno.mkdir(folder);
      await Deno.chmod(folder, 0o777);
      const { code, stderr } = await run(shell, bus, "pub a x");
      assertEquals(code, 1);
      assertMatch(stderr, /only this user can write to\n$/);
      const opened = await run(shell, bus, "sub_open a");
      assertEquals(opened.code, 1);
      assertMatch(opened.stderr, /^sub_open: .*only this user can write to\n$/);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} writes to a FIFO with readers of ours`,
    async () => {
      await using bus = ownBus();
      const pipe = await bus.fifo("a pipe");
      await Deno.chmod(pipe, 0o600);
      await using subscriber = await Subscriber.open(pipe);
      await assertPrints(
        shell,
        bus,
        `pub ${word(pipe)} 'one  *' two; echo $REPLY; cd ${word(bus.path)}
       pub './a pipe' 2; pub 'fifo:a pipe' 3`,
        "1\n",
      );
      const texts: string[] = [];
      for await (const { text } of subscriber) {
        if (texts.push(text) === 3) break;
      }
      assertEquals(texts, ["one  * two", "2", "3"]);
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} waits for a reader of a FIFO`,
    async () => {
      await using bus = ownBus();
      const pipe = await bus.fifo();
      const script = `echo go; pub ${word(pipe)} x; echo $?; read -r go
        pub ${word(pipe)} y; echo $?`;
      await using process = start(shell, bus, script);
      assertEquals(await process.line(), "go");
      assertEquals((await finish(new Process(["cat", pipe]))).stdout, "x\n");
      assertEquals(await process.line(), "0");
      await process.write("\n");
      assertEquals((await finish(new Process(["cat", pipe]))).stdout, "y\n");
      assertEquals((await process.ended()).stdout, "0\n");
    },
  );

  waiting.testWithout(
    [...absent, ...withoutLinux],
    `pub in ${name} leaves a FIFO to the program while a reader leaves or a publisher is within a message`,
    async () => {
      await using bus = ownBus();
      const pipe = await bus.fifo();
      using reader = Deno.openSync(pipe, { read: true, write: true });
      const path = await fakePub(bus);
      const script = `pub ${word(pipe)} x </dev/null; echo $?`;
      const head = (publisher: string, leaving: string) =>
        Deno.writeTextFile(
          bus.file(".pipe.queue"),
          `fifobus queue 1\n${publisher}00${leaving}-0000000000000053 00000000000053\n`,
        );
      const handedOver = `<${pipe}><x>\n7\n`;
      for (
        const [publisher, leaving] of [["P", "-"], ["-", "L"]] as const
      ) {
        await head(publisher, leaving);
        await assertPrints(shell, bus, script, handedOver, { PATH: path });
      }
      await head("-", "-");
      await assertPrints(shell, bus, script, "0\n", { PATH: path });
      reader.lockSync(true);
      await assertPrints(shell, bus, script, handedOver, { PATH: path });
      reader.unlockSync();
      const buffer = new Uint8Array(100);
      const size = reader.readSync(buffer)!;
      assertEquals(new TextDecoder().decode(buffer.subarray(0, size)), "x\n");
    },
  );

  waiting.testWithout(
    absent,
    `sub_read in ${name} gets last values, large messages and the topics of answers`,
    async () => {
      await using bus = ownBus();
      await using kept = await Publisher.open("kept/é");
      await kept.publish("last", { retain: true });
      await using other = await Publisher.open("kept/two lines");
      await other.publish("a", { retain: true });
      await Deno.writeTextFile(
        `${bus.env.FIFOBUS_DIR}/retained/kept%2Ftwo%20lines`,
        "a\nb",
      );
      const script = `sub_open 'kept/#' ask
      sub_read topic message; echo "$topic=$message"
      sub_read topic message; echo "$topic=\${#message}"
      sub_read topic message; echo "$topic=$message"
      pub "$REPLY" "answer $message"; echo "$REPLY"`;
      await using process = start(shell, bus, script);
      assertEquals(await process.line(), "kept/é=last");
      await kept.publish("x".repeat(300_000));
      assertEquals(await process.line(), "kept/é=300000");
      const answer = await request("ask", "me");
      assertEquals(answer.text, "answer me");
      const { code, stdout, stderr } = await process.ended();
      assertEquals([code, stdout, stderr], [0, "ask=me\n1\n", ""]);
      assertEquals(bus.names(), []);
    },
  );

  waiting.testWithout(
    absent,
    `sub_read in ${name} drops what is not a message, and tells what was lost`,
    async () => {
      await using bus = ownBus();
      const script = `sub_open a; echo ready
      for i in 1 2 3 4; do sub_read topic message; echo "$message"; done`;
      await using process = start(shell, bus, script);
      assertEquals(await process.line(), "ready");
      const [name] = bus.names();
      using file = Deno.openSync(`${bus.env.FIFOBUS_DIR}/${name}`, {
        write: true,
      });
      const say = (text: string) =>
        file.writeSync(new TextEncoder().encode(text));
      say("no tab\na\t1\n\tx\nb\tnot wanted\na/+\tx\n");
      say("a\ttorn\x18fifobus torn\x18\n\x18fifobus torn\x18\n");
      say("a\t\x16fifobus wake 01234567\x16\n2\n");
      say("\x18fifobus large 3\x18\na\t3\n");
      say("\x18fifobus missed 2 a\x18\n");
      say("\x18fifobus large 9\x18\na\tcut\n");
      say("a\tkilled\x18fifobus lost\x18\n");
      say("a\tkilled\x18fifobus large 3\x18\na\t4\n");
      const { stdout, stderr } = await process.ended();
      assertEquals(stdout, "1\n2\n3\n4\n");
      const lost = "sub_read: a message was lost: its publisher was killed\n";
      assertEquals(stderr, `sub_read: missed 2 a\n${lost.repeat(3)}`);
    },
  );

  waiting.testWithout(
    absent,
    `the functions of ${name} leave exit codes, traps and names as they should be`,
    async () => {
      await using bus = ownBus();
      await using _subscriber = await Subscriber.open("a");
      const script = `trap 'echo "bye $? it'"'"'s"' EXIT; set -e
      sub_open a; sub_open b; pub a x; exit 5`;
      const { code, stdout, stderr } = await run(shell, bus, script);
      // In zsh the trap runs before the functions for the exit.
      assertEquals([code, stdout, stderr], [5, "bye 5 it's\n", ""]);
      assertEquals(bus.names().length, 1);
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
        await using process = start(
          shell,
          bus,
          "sub_open a; echo ready; while sub_read t m; do :; done",
        );
        assertEquals(await process.line(), "ready");
        process.kill(signal);
        const { code, signal: by } = await process.ended();
        // A script of zsh ends at SIGHUP with code 1, with and without a trap.
        const expected = name === "zsh" && signal === "SIGHUP" ? 1 : signal;
        assertEquals(by ?? code, expected);
        assertEquals(bus.names().length, 1, signal);
      }
      // env: a shell whose own write is interrupted by the trap may write twice.
      const own = `trap 'echo caught; exit 3' TERM; sub_open a; env echo ready
      while sub_read t m; do :; done`;
      await using process = start(shell, bus, own);
      assertEquals(await process.line(), "ready");
      process.kill("SIGTERM");
      // A trap of dash waits for the read to end.
      await using publisher = await Publisher.open("a");
      await publisher.publish("x");
      const ended = await process.ended();
      assertEquals([ended.code, ended.stdout], [3, "caught\n"]);
      assertEquals(bus.names().length, 1);
    },
  );

  waiting.testWithout(
    absent,
    `sub_open in ${name} refuses what is not a filter`,
    async () => {
      await using bus = ownBus();
      for (
        const filter of ["", "a/#/b", "a+", "+a/b", "#a", "$share/g/a", "a\tb"]
      ) {
        const script = `sub_open ${word(filter)}; echo $?`;
        const { stdout, stderr } = await run(shell, bus, script);
        assertEquals(stdout, "1\n", filter);
        assertMatch(stderr, /^sub_open: .+\n$/);
      }
      const { stdout } = await run(shell, bus, "sub_read a b; echo $?");
      assertEquals(stdout, "2\n");
      assertEquals(bus.names(), []);
    },
  );
}

/** Settings of the caller that change what commands mean. */
const SETTINGS: [shell: Shell, settings: string][] = [
  ...[
    "set -eu",
    "set -o pipefail",
    "set -f",
    "set -C",
    "IFS=/",
    "IFS=",
    "IFS=a",
    "set -o posix",
    "shopt -s nullglob",
    "shopt -s failglob",
    "shopt -s dotglob",
    "shopt -s extglob nocaseglob",
    "shopt -s nocasematch",
    "shopt -s failglob nullglob dotglob nocasematch; set -euf",
    "GLOBIGNORE='/*/*/*/*@*'",
    "trap 'echo pipe' PIPE",
    "trap '' PIPE",
  ].map((it) => [BASH, it] as [Shell, string]),
  ...[
    "set -eu",
    "setopt noglob",
    "setopt noclobber",
    "setopt nullglob extendedglob globdots",
    "setopt shwordsplit ksharrays globsubst",
    "setopt nocasematch",
    "setopt noshortloops posixbuiltins posixtraps",
    "topic= message= i=; setopt warncreateglobal",
    "IFS=/",
    "trap 'echo pipe' PIPE",
  ].map((it) => [ZSH, it] as [Shell, string]),
  ...["set -eu", "set -f", "set -C", "IFS=/", "trap 'echo pipe' PIPE"]
    .map((it) => [SHELLS[2], it] as [Shell, string]),
];
for (const [shell, settings] of SETTINGS) {
  const { name, absent } = shell;
  waiting.testWithout(
    absent,
    `the functions work in ${name} after: ${settings}`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open(["A/#", "end"]);
      await using _other = await Subscriber.open("a/b");
      const pipe = await bus.fifo();
      using _reader = Deno.openSync(pipe, { read: true, write: true });
      await finish(
        new Process(["mkfifo", "-m", "600", `${bus.env.FIFOBUS_DIR}/%23@dead`]),
      );
      const state = name === "bash"
        ? "set +o; shopt -p; trap -p; declare -p IFS GLOBIGNORE 2>/dev/null || :"
        : name === "zsh"
        ? "setopt; trap; typeset -p IFS"
        : 'set -o; trap; printf "<%s>" "$IFS"';
      const script = `${settings}
        state() { ${state}; }
        state > ${word(bus.file("before"))}
        pub A/B 'x  *' "y"; echo "$REPLY"; pub a/b z; echo "$REPLY"
        pub ${word(pipe)} x; echo "$REPLY"
        state > ${word(bus.file("after"))}
        sub_open +/b; pub q/b hi; sub_read topic message
        printf '%s\\n' "$topic=$message"; sub_close`;
      await assertPrints(shell, bus, script, "1\n1\n1\nq/b=hi\n");
      // Of the caller's IFS, the functions know nothing.
      assertEquals(await upToEnd(subscriber, "end"), ["A/B=x  * y"]);
      assertEquals(
        await Deno.readTextFile(bus.file("after")),
        await Deno.readTextFile(bus.file("before")),
      );
    },
  );
}

for (const shell of FAST) {
  const { name, absent } = shell;
  waiting.testWithout(
    absent,
    `pub in ${name} needs no program after its first message`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await Subscriber.open("a/#");
      const pipe = await bus.fifo();
      using _reader = Deno.openSync(pipe, { read: true, write: true });
      const script = `pub a/b 0; PATH=/nonexistent
      for i in 1 2 3; do pub a/$i $i; done
      pub ${word(pipe)} x; echo $REPLY`;
      await assertPrints(shell, bus, script, "1\n");
      assertEquals(
        await upToEnd(subscriber, "a"),
        ["a/b=0", "a/1=1", "a/2=2", "a/3=3"],
      );
    },
  );

  waiting.testWithout(
    absent,
    `pub in ${name} tells a member what it missed`,
    async () => {
      await using bus = ownBus();
      await Deno.mkdir(bus.env.FIFOBUS_DIR!, { mode: 0o700 });
      using reader = await fullInbox(bus, "a@1-full");
      const script = `pub a 1; pub a 2; echo dropped; read -r go
      pub a 3; pub a 4; echo $REPLY`;
      await using process = start(shell, bus, script, {
        FIFOBUS_SLOW_TIMEOUT: "0",
      });
      assertEquals(await process.line(), "dropped");
      for (let left = 65_536; left > 0;) {
        left -= reader.readSync(new Uint8Array(left))!;
      }
      await process.write("\n");
      assertEquals(await process.line(), "1");
      const buffer = new Uint8Array(1000);
      const size = reader.readSync(buffer)!;
      assertEquals(
        new TextDecoder().decode(buffer.subarray(0, size)),
        "\x18fifobus missed 2\x18\na\t3\na\t4\n",
      );
    },
  );

  waiting.testWithout(
    absent,
    `sub_read in ${name} ends after a time`,
    async () => {
      await using bus = ownBus();
      const script = "sub_open a; sub_read -t 1 topic message; echo $?";
      await assertPrints(shell, bus, script, "124\n");
    },
  );

  waiting.testWithout(
    absent,
    `sub_read in ${name} makes its names again`,
    async () => {
      await using bus = ownBus();
      const script = `sub_open a b; echo ready
      while sub_read topic message; do echo "$message"; done`;
      await using process = start(shell, bus, script);
      assertEquals(await process.line(), "ready");
      const names = bus.names();
      await Deno.remove(`${bus.env.FIFOBUS_DIR}/${names[0]}`);
      await eventually(() => bus.names().length === 2);
      assertEquals(bus.names().sort(), names.sort());
      await Deno.remove(bus.env.FIFOBUS_DIR!, { recursive: true });
      await eventually(() => bus.names().length === 2);
      await finish(bus.pub("b", "again"));
      assertEquals(await process.line(), "again");
    },
  );
}

waiting.testWithout(
  BASH.absent,
  "bash takes the functions where there are aliases",
  async () => {
    await using bus = ownBus();
    await using subscriber = await Subscriber.open("a");
    const aliases = ["pub", "local", "printf", "rm", "read", "set"]
      .map((it) => `alias ${it}='echo alias'`).join("; ");
    const script = `shopt -s expand_aliases; ${aliases}
eval "$(cat "$0")"
unalias -a; shopt -q expand_aliases && pub a x && echo $REPLY`;
    const { code, stdout, stderr } = await finish(
      new Process(
        ["bash", "--norc", "-c", script, FUNCTIONS],
        bus.env,
      ),
    );
    assertEquals([code, stdout, stderr], [0, "1\n", ""]);
    assertEquals(await upToEnd(subscriber, "a"), ["a=x"]);
  },
);

waiting.testWithout(
  BASH.absent,
  "functions in background jobs of bash publish, too",
  async () => {
    await using bus = ownBus();
    await using subscriber = await Subscriber.open("a/#");
    const script = `trap 'echo pipe' PIPE; pub a/b first
    for i in 1 2 3; do (for j in 1 2 3 4 5; do pub a/$i $j; done) & done; wait
    sleep 0 & job=$!; pub a/b last; wait "$!" && [ "$job" = "$!" ] && echo ok`;
    await assertPrints(BASH, bus, script, "ok\n");
    const got = await upToEnd(subscriber, "a/x");
    assertEquals([got[0], got.at(-1)], ["a/b=first", "a/b=last"]);
    for (const i of [1, 2, 3]) {
      assertEquals(
        got.filter((it) => it.startsWith(`a/${i}=`)),
        [1, 2, 3, 4, 5].map((j) => `a/${i}=${j}`),
      );
    }
  },
);

waiting.testWithout(
  BASH.absent,
  "the functions of bash and the programs understand each other",
  async () => {
    await using bus = ownBus();
    await using reader = await bus.sub("-v", "--exit-word=bye", "#");
    const pub = quoted(commandLine("pub"));
    const folder = bus.file("bin");
    await Deno.mkdir(folder);
    const wrapper = `#!/bin/sh\nexec ${pub} "$@"\n`;
    await Deno.writeTextFile(`${folder}/pub`, wrapper, { mode: 0o755 });
    const script = `big=$(printf '%*s' 20000 '' | tr ' ' x)
    eval "$(command pub --init bash)"; sub_open big
    pub small 1; pub big "$big"; pub --retain kept 2; printf '%s\\n' 3 4 | pub l
    sub_read topic message; echo "$topic \${#message}"
    pub small bye`;
    const path = `${folder}:${Deno.env.get("PATH")}`;
    const { code, stdout, stderr } = await run(BASH, bus, script, {
      PATH: path,
    });
    assertEquals([code, stdout, stderr], [0, "big 20000\n", ""]);
    assertEquals(
      (await reader.ended()).stdout,
      `small\t1\nbig\t${"x".repeat(20_000)}\nkept\t2\nl\t3\nl\t4\n`,
    );
    assertEquals(bus.names(), []);
  },
);

waiting.testWithout(
  await isThere("shellcheck", "--version") ? [] : ["shellcheck"],
  "shellcheck finds no fault with the functions",
  async () => {
    const { code, stdout } = await finish(
      new Process(["shellcheck", FUNCTIONS]),
    );
    assertEquals([code, stdout], [0, ""]);
  },
);

for (const shell of FAST) {
  const { name, absent } = shell;
  waiting.testWithout(
    absent,
    `sub_read -t in ${name} waits for parts of a second, and refuses what is no time`,
    async () => {
      await using bus = ownBus();
      const script = `sub_open a
      for time in 0.05 .01 0 x 1.2.3 ''; do
        if :; then sub_read -t "$time" topic text; echo "$?"; fi
      done
      pub a hello && sub_read -t 0.5 topic text && echo "$text"`;
      const { stdout, stderr } = await run(shell, bus, script);
      assertEquals(stdout, "124\n124\n124\n2\n2\n2\nhello\n");
      assertMatch(stderr, /^(sub_read: -t takes seconds, not ".*"\n){3}$/);
    },
  );
  waiting.testWithout(
    absent,
    `a subshell of ${name} does not tell the losses of its parent`,
    async () => {
      await using bus = ownBus();
      await using subscriber = await bus.sub("a");
      subscriber.kill("SIGSTOP");
      const script = `x=$(printf %04000d 1)
      for i in $(seq 20); do pub a "$x"; done
      echo full; read -r _
      (pub a 1); y=$(pub a 2); pub a 3; pub a end`;
      const env = { FIFOBUS_SLOW_TIMEOUT: "0" };
      await using process = start(shell, bus, script, env);
      await process.until("full");
      subscriber.kill("SIGCONT");
      await subscriber.until("1\n");
      await process.write("\n");
      await subscriber.until("end\n");
      subscriber.kill("SIGTERM");
      const { stderr } = await subscriber.ended();
      const told = [...stderr.matchAll(/(\d+) messages? missed/g)];
      const sum = told.reduce((sum, [, count]) => sum + Number(count), 0);
      const said = (await process.ended()).stderr;
      const dropped = said.match(/1 message dropped/g)?.length ?? 0;
      // What a subshell drops itself goes with it.
      assert(sum > 0 && sum <= dropped, `${stderr}${said}`);
      await process.ended();
    },
  );
}

for (const shell of SHELLS) {
  waiting.testWithout(
    shell.absent,
    `sub_open in ${shell.name} takes topic: away, and refuses what is no filter`,
    async () => {
      await using bus = ownBus();
      const script = `sub_open topic:/a && ls "$FIFOBUS_DIR"
      for it in -v /tmp/x ./x fifo:x mqtt://h/x; do sub_open "$it"; done
      sub_close`;
      const { stdout, stderr } = await run(shell, bus, script);
      assertMatch(stdout, /^%2Fa@\S+\n$/);
      assertMatch(stderr, /^(sub_open: ".*" needs the program sub: .*\n){5}$/);
    },
  );
}

waiting.test("the functions are in lines of at most 80 columns", async () => {
  for (const line of (await Deno.readTextFile(FUNCTIONS)).split("\n")) {
    assert(line.length <= 80, line);
  }
});
