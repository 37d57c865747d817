/**
 * The documented `--allow-*` lists, where they were not written: in a clone
 * anywhere, and with variables that change the permissions Deno asks for.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { type Command, permissions, ROOT } from "./harness/programs.ts";
import { Broker } from "./harness/aedes.ts";
import { Folder } from "./harness/folder.ts";
import { testSinceDeno27 } from "./harness/needs.ts";
import { commandLine, eventually, finish, Process } from "./harness/process.ts";
import * as waiting from "./harness/waiting.ts";

/** A clone, and a folder beside it, which the programs may read and write. */
class Clone extends Folder {
  readonly data: string = this.file("data");
  readonly root: string = this.file("a clone");
  readonly env = { FIFOBUS_DIR: `${this.data}/bus` };

  static async make(): Promise<Clone> {
    const clone = new Clone();
    await Deno.mkdir(clone.data);
    const line = 'mkdir "$1" && cd "$0" && ' +
      'cp -r lib mod.ts pub.ts sub.ts deno.json deno.lock "$1"';
    const { code, stderr } = await finish(
      new Process(["sh", "-c", line, ROOT, clone.root]),
    );
    assertEquals([code, stderr], [0, ""]);
    return clone;
  }

  /** The permissions in the first line of a program, with folders in its lists. */
  narrow(program: string, ...readable: string[]): string[] {
    return permissions(program).map((it) => {
      if (it === "--allow-write") return `${it}=${this.data}`;
      return it === "--allow-read"
        ? `${it}=${[this.data, ...readable].join(",")}`
        : it;
    });
  }

  /** Starts a program that may read its own folder, too. */
  start(program: "pub" | "sub", ...args: string[]): Process {
    return this.startWith([this.root], program, ...args);
  }

  /** Starts a program that may read these folders, too. */
  startWith(
    readable: string[],
    program: "pub" | "sub",
    ...args: string[]
  ): Process {
    const script = `${program}.ts`;
    const command: Command = [
      ...[Deno.execPath(), "run", "--no-prompt"] as const,
      ...this.narrow(script, ...readable),
      ...[`${this.root}/${script}`, ...args],
    ];
    return new Process(command, this.env);
  }

  /** Starts a subscriber, and waits until it has subscribed. */
  async sub(topic: string, ...args: string[]): Promise<Process> {
    const process = this.start("sub", ...args, topic);
    const name = `${topic.replaceAll("/", "%2F")}@`;
    await eventually(() => {
      try {
        return [...Deno.readDirSync(this.env.FIFOBUS_DIR)].some((it) =>
          it.name.startsWith(name)
        );
      } catch {
        return false;
      }
    });
    return process;
  }
}

waiting.test("from a clone elsewhere: --allow-read with the clone in its list is enough for everything", async () => {
  await using clone = await Clone.make();
  const pipe = `${clone.data}/pipe`;
  {
    await using subscriber = clone.start("sub", "-v", pipe);
    await finish(clone.start("pub", "--timeout=50", pipe, "hello"));
    await finish(clone.start("pub", pipe, "exit"));
    const { code, stdout, stderr } = await subscriber.ended();
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /hello\n$/);
  }
  {
    const file = `${clone.data}/messages`;
    await Deno.writeTextFile(file, "a\nb\n");
    await using subscriber = await clone.sub("a/b", "-C3", "--json");
    await finish(clone.start("pub", "--file", file, "a/b"));
    await finish(clone.start("pub", "--json", "a/b", '{"c":1}'));
    const { code, stdout, stderr } = await subscriber.ended();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.trim().split("\n").length, 3);
  }
  {
    const answer = ["--exec", "tr a-z A-Z", "--respond"];
    await using _responder = await clone.sub("upper", ...answer);
    const asked = await finish(clone.start("pub", "--reply", "upper", "hi"));
    assertEquals([asked.code, asked.stdout, asked.stderr], [0, "HI\n", ""]);
  }
  {
    await using served = clone.start("sub", "--serve=0", "a/b");
    const [, url] = await served.said(/serving (http:\S+)/);
    const page = await fetch(url!);
    assertMatch(await page.text(), /^<!DOCTYPE html>/);
  }
  {
    await using broker = await Broker.start();
    const address = `${broker.url}/kept`;
    await finish(clone.start("pub", "--qos=1", "--retain", address, "MQTT"));
    const { stdout, stderr } = await finish(
      clone.start("sub", "-C1", address),
    );
    assertEquals([stdout, stderr], ["MQTT\n", ""]);
  }
  for (const option of ["--help", "--version", "--completions=bash"]) {
    for (const program of ["pub", "sub"] as const) {
      const { code, stderr } = await finish(clone.start(program, option));
      assertEquals([code, stderr], [0, ""]);
    }
  }
});

testSinceDeno27(
  "it opens a FIFO with node:fs",
  "from a clone elsewhere: if its folder is not in the list, a run without options works",
  async () => {
    await using clone = await Clone.make();
    const pipe = `${clone.data}/pipe`;
    await using reader = clone.startWith([], "sub", pipe);
    await finish(clone.startWith([], "pub", pipe, "hello"));
    assertEquals(await reader.line(), "hello");
  },
);

waiting.test("from a clone elsewhere: if its folder is not in the list, one line says what to add", async () => {
  await using clone = await Clone.make();
  const pipe = `${clone.data}/pipe`;
  const cases: ["pub" | "sub", ...string[]][] = [
    ["pub", "--help"],
    ["pub", "-v", pipe, "hello"],
    ["pub", "a/b", "hello"],
    ["pub", "mqtt://127.0.0.1:1/a", "hello"],
    ["sub", "--version"],
    ["sub", "a/b"],
    ["sub", "mqtt://127.0.0.1:1/a"],
  ];
  for (const [program, ...args] of cases) {
    const { code, stdout, stderr } = await finish(
      clone.startWith([], program, ...args),
    );
    assertEquals([code, stdout], [1, ""], args.join(" "));
    assertMatch(stderr, /^(pub|sub): Cannot load ".+\.ts": .+\n$/);
    const added = / add the folder of fifobus to .+: (.+)\n$/.exec(stderr)![1]!;
    assertEquals(added, clone.root);
  }
});

waiting.test("a script with mod.ts of a clone elsewhere: only brokers need permission to read the clone", async () => {
  await using clone = await Clone.make();
  const path = clone.file("script.ts");
  await Deno.writeTextFile(
    path,
    `import { publish, request, subscribe } from "${clone.root}/mod.ts";
for (const address of [Deno.args[0], "a/topic", "$share/workers/a/topic"]) {
  const messages = subscribe(address);
  const first = messages[Symbol.asyncIterator]().next();
  await publish(address.replace(/^.share.workers./, ""), "21.5", { wait: true });
  console.log((await first).value.text);
  await messages.return?.();
}
try {
  await publish("mqtt://127.0.0.1:1/a", "x");
} catch (error) {
  console.log(error.message);
}
`,
  );
  const run = (...readable: string[]) => {
    const narrow = clone.narrow("pub.ts", ...readable);
    const command: Command = [
      ...[Deno.execPath(), "run", "--quiet", "--no-prompt"] as const,
      // If JSR cannot be reached, an import map says where @std is.
      ...["--config", `${clone.root}/deno.json`, ...narrow],
      ...[path, `${clone.data}/pipe`],
    ];
    return finish(new Process(command, clone.env));
  };
  const narrow = await run();
  assertEquals([narrow.code, narrow.stderr], [0, ""]);
  const [one, two, three, refused] = narrow.stdout.split("\n");
  assertEquals([one, two, three], ["21.5", "21.5", "21.5"]);
  assert(refused!.includes(`--allow-read: ${clone.root}`), refused);
  const wider = await run(clone.root);
  assertEquals([wider.code, wider.stderr], [0, ""]);
  assertMatch(wider.stdout, /^(21\.5\n){3}Cannot .+ mqtt:\/\/.+\n$/);
});

/** Variables that load libraries into programs: Deno then asks for more. */
const LOADERS: Record<string, string>[] = [
  { LD_LIBRARY_PATH: "/opt/vendor/lib" },
  { LD_PRELOAD: "/usr/lib/libstdbuf.so.none" },
];

for (const loader of LOADERS) {
  const [variable] = Object.keys(loader);

  waiting.test(`with ${variable} set: FIFOs and topics need no more permissions`, async () => {
    await using folder = new Folder();
    const env = { ...loader, FIFOBUS_DIR: folder.file("bus") };
    const pipe = folder.file("pipe");
    const start = (program: "pub" | "sub", ...args: string[]) =>
      new Process(commandLine(program, ...args), env);
    for (const address of [pipe, "a/topic"]) {
      await using subscriber = start("sub", "-C1", address);
      const wait = address === pipe ? [] : ["--wait"];
      await finish(start("pub", ...wait, address, "hello"));
      const { code, stdout } = await subscriber.ended();
      assertEquals([code, stdout], [0, "hello\n"]);
    }
    // The publisher makes it.
    const made = await finish(start("pub", "--no-wait", folder.file("q"), "x"));
    assertEquals(made.code, 3);
    assert(Deno.statSync(folder.file("q")).isFifo);
  });

  waiting.test(`with ${variable} set: --exec says which permission it needs`, async () => {
    await using folder = new Folder();
    const pipe = await folder.fifo();
    const env = { ...loader };
    const [deno, ...args] = commandLine("sub", "-C1", "--exec", "cat", pipe);
    const run = async (args: string[]) => {
      await using subscriber = new Process([deno, ...args], env);
      await using _publisher = new Process(commandLine("pub", pipe, "hello"));
      return await subscriber.ended();
    };
    const refused = await run(args);
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertMatch(
      refused.stderr,
      new RegExp(`sub: Cannot run a command: ${variable} is set, .+\n`),
    );
    // The advice is right.
    const all = args.map((it) => it.replace(/^--allow-run=.*/, "--allow-run"));
    const { code, stdout } = await run(all);
    assertEquals([code, stdout], [0, "hello"]);
  });
}

waiting.test("without --allow-run=mkfifo, one line says which FIFO cannot be made", async () => {
  await using folder = new Folder();
  const pipe = folder.file("pipe");
  const [deno, ...args] = commandLine("sub", pipe);
  const without = args.filter((it) => !it.startsWith("--allow-run"));
  const { code, stderr } = await finish(new Process([deno, ...without]));
  assertEquals([code, stderr], [
    1,
    `sub: Cannot use "${pipe}" as a FIFO: it is not there, ` +
    "and making it needs --allow-run=mkfifo\n",
  ]);
});
