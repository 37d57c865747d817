/**
 * The core of fifobus, however it is started: from the sources, from a web
 * server, installed, as binaries, by import.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { compile } from "../.ci/binaries.ts";
import { contentsForDeno } from "../.ci/packages/contents.ts";
import { tarball } from "../.ci/packages/tarball.ts";
import { type Command, permissions, ROOT } from "./harness/programs.ts";
import { SHELL_FUNCTIONS } from "../lib/cli/options/shell_functions.ts";
import { VERSION } from "../lib/version.ts";
import { Broker } from "./harness/aedes.ts";
import { Folder } from "./harness/folder.ts";
import { isThere, testSinceDeno27, testWithout } from "./harness/needs.ts";
import { commandLine, finish, Process, TestBus } from "./harness/process.ts";

type Program = "pub" | "sub";

/** A way to start a program. */
interface Way {
  command(program: Program): Command;
  env?: Record<string, string>;
}

/** Checks the things that a user would notice first. */
async function assertWorks(way: Way): Promise<void> {
  await using folder = new Folder();
  const env = { ...way.env, FIFOBUS_DIR: folder.file("bus") };
  const start = (program: Program, ...args: string[]) => {
    const variables = Object.entries(env).map((it) => it.join("="));
    const command = way.command(program);
    if (command[0] === "env") command.splice(2, 0, ...variables);
    return new Process([...command, ...args], env);
  };
  const pipe = folder.file("pipe");
  {
    await using subscriber = start("sub", pipe);
    await using publisher = start("pub", "-l", pipe);
    await publisher.write("21.5 °C\n\nlast\nexit\n");
    await publisher.end();
    const { code, stdout, stderr } = await subscriber.ended();
    assertEquals([code, stdout, stderr], [0, "21.5 °C\n\nlast\n", ""]);
  }
  {
    await finish(start("pub", "--retain", "a/kept", "1"));
    const args = ["--json", "--exit-word=.", "a/#", pipe];
    await using subscriber = start("sub", ...args);
    const first = JSON.parse(await subscriber.line());
    assertEquals([first.topic, first.retained], ["a/kept", true]);
    await finish(start("pub", "--wait", "a/b", "2"));
    assertEquals(JSON.parse(await subscriber.line()).message, "2");
    const large = "x".repeat(100_000);
    await finish(start("pub", pipe, large));
    assertEquals(JSON.parse(await subscriber.line()).message, large);
    await finish(start("pub", pipe, "."));
    assertEquals((await subscriber.ended()).code, 0);
  }
  {
    const answer = ["--exec", "tr a-z A-Z", "--respond", "upper"];
    await using _responder = start("sub", ...answer);
    const ask = ["--wait", "--reply", "upper", "hi"];
    const asked = await finish(start("pub", ...ask));
    assertEquals([asked.stdout, asked.stderr], ["HI\n", ""]);
  }
  {
    await using subscriber = start("sub", "-C2", "--stats", pipe);
    await finish(start("pub", "--repeat=2", "--interval=10ms", pipe, "again"));
    const { code, stdout } = await subscriber.ended();
    assertEquals([code, stdout], [0, "again\nagain\n"]);
  }
  {
    await using served = start("sub", "--serve=0", pipe);
    const [, url] = await served.said(/serving (http:\S+)/);
    const page = await (await fetch(url!)).text();
    assertMatch(page, /^<!DOCTYPE html>/);
    const script = await (await fetch(`${url}app.js`)).text();
    assertMatch(script, /\nstart\(\);\n$/);
    // The charts are in a module that loads late.
    const charts = await (await fetch(`${url}uplot.js`)).text();
    assertMatch(charts, /\nexport default uPlot;\n$/);
  }
  {
    await using broker = await Broker.start();
    const address = `${broker.url}/kept`;
    await finish(start("pub", "--qos=1", "--retain", address, "MQTT"));
    const { stdout, stderr } = await finish(start("sub", "-C1", address));
    assertEquals([stdout, stderr], ["MQTT\n", ""]);
  }
  assertEquals((await finish(start("sub", "--list"))).stdout, "");
  const nobody = await finish(start("pub", "--no-wait", pipe, "nobody"));
  assertEquals(nobody.code, 3);
  const functions = await finish(start("pub", "--init=bash"));
  assertEquals(functions.stdout, SHELL_FUNCTIONS);
  for (const program of ["pub", "sub"] as const) {
    const version = await finish(start(program, "--version"));
    assertEquals(version.stdout, `${program} (fifobus) ${VERSION}\n`);
    assertMatch((await finish(start(program, "--help"))).stdout, /^Usage: /);
    const shell = await finish(start(program, "--completions=bash"));
    assertMatch(shell.stdout, /^# Completions of /);
    const wrong = await finish(start(program, "--bogus"));
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
  }
}

Deno.test("from the sources: messages, topics, answers, errors", async () => {
  await assertWorks({ command: (program) => commandLine(program) });
});

Deno.test("without Deno, all modules say in a line what to use instead", async () => {
  // As it is in Node.js and Bun, which get the package through npm.
  for (const module of ["mod.ts", "pub.ts", "sub.ts"]) {
    const script = "delete globalThis.Deno; " +
      `await import(${JSON.stringify(ROOT + module)})`;
    const { code, stderr } = await finish(
      new Process([Deno.execPath(), "eval", script]),
    );
    assertEquals(code, 1);
    const said = " Error: fifobus needs Deno: with Node.js or Bun run its " +
      "programs pub and sub, or open FIFOs as files, see https://";
    assert(stderr.split("\n")[0]!.includes(said), stderr);
  }
});

/** The tree on a web server that serves all files as plain text. */
class WebServer implements AsyncDisposable {
  readonly requested = new Set<string>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      this.requested.add(pathname.slice(1));
      try {
        const text = await Deno.readTextFile(ROOT + pathname.slice(1));
        const headers = { "content-type": "text/plain; charset=utf-8" };
        return new Response(text, { headers });
      } catch {
        return new Response("there is no such file", { status: 404 });
      }
    },
  );

  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** How deno finds @std if JSR cannot be reached. */
  get importMap(): string {
    return `--import-map=${this.url}/deno.json`;
  }

  /** The requested files, except the import map. */
  modules(): string[] {
    return [...this.requested].filter((path) => path !== "deno.json").sort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

Deno.test("from a URL: with an empty cache, the documented permissions and no prompt", async () => {
  await using cache = new Folder();
  await using server = new WebServer();
  const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt"] as const;
  await assertWorks({
    command: (program) => [
      ...deno,
      server.importMap,
      ...permissions(`${program}.ts`),
      `${server.url}/${program}.ts`,
    ],
    env: { DENO_DIR: cache.path },
  });
  for (const path of server.requested) {
    assert(/^(deno\.json|(pub|sub)\.ts|lib\/.*\.[jt]s)$/.test(path), path);
  }
});

/** What `pub ADDRESS MESSAGE` loads, whatever the address. */
const PUB_MODULES = [
  "lib/address.ts",
  "lib/cli/exit_codes.ts",
  "lib/cli/output.ts",
  "lib/cli/program.ts",
  "lib/cli/pub/main.ts",
  "lib/cli/pub/plan.ts",
  "lib/cli/pub/sender.ts",
  "lib/errors.ts",
  "lib/fifo/file.ts",
  "lib/fifo/outlet.ts",
  "lib/fifo/queue_header.ts",
  "lib/fifo/writer.ts",
  "lib/load.ts",
  "lib/publisher.ts",
  "lib/queues/outbox.ts",
  "lib/wire/framing.ts",
  "lib/wire/marks.ts",
  "pub.ts",
];

/** Publishes one message from a URL to a subscriber; returns what it loads. */
async function modulesOf(bus: TestBus, address: string): Promise<string[]> {
  await using server = new WebServer();
  const args = ["--exit-word=hello", address];
  const isFifo = address.startsWith("/");
  await using reader = isFifo ? bus.subOnce(...args) : await bus.sub(...args);
  const command: Command = [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt"] as const,
    server.importMap,
    ...permissions("pub.ts"),
    ...[`${server.url}/pub.ts`, address, "hello"],
  ];
  const env = { ...bus.env, DENO_DIR: bus.file("cache") };
  const { code, stderr } = await finish(new Process(command, env));
  assertEquals([code, stderr], [0, ""]);
  assertEquals((await reader.ended()).code, 0);
  return server.modules();
}

testSinceDeno27(
  "it opens a FIFO with node:fs",
  "from a URL: pub to a FIFO fetches only the modules that it needs",
  async () => {
    await using bus = new TestBus();
    const pipe = await bus.fifo();
    assertEquals(await modulesOf(bus, pipe), PUB_MODULES);
  },
);

// Above all not lib/fifo/nonblocking.ts: node:fs takes 25 ms to load.
testSinceDeno27(
  "it cannot try a lock",
  "from a URL: pub to a topic fetches only the modules that it needs",
  async () => {
    await using bus = new TestBus();
    assertEquals(
      await modulesOf(bus, "t"),
      [
        ...PUB_MODULES,
        "lib/bus/filter_tree.ts",
        "lib/bus/folder.ts",
        "lib/bus/link.ts",
        "lib/bus/missed.ts",
        "lib/bus/names.ts",
        "lib/bus/outlet.ts",
        "lib/bus/retain.ts",
        "lib/bus/routes.ts",
        "lib/bus/topic_cache.ts",
        "lib/bus/unsafe.ts",
        "lib/callback.ts",
        "lib/delay.ts",
        "lib/topic.ts",
        "lib/wire/recurring.ts",
        "lib/wire/tags.ts",
      ].sort(),
    );
  },
);

/** A user's script, which imports mod.ts. */
function script(mod: string): string {
  return `import { publish, subscribe } from "${mod}";
for (const address of [Deno.args[0], "a/topic"]) {
  const published = publish(address, "21.5", { wait: true });
  for await (const message of subscribe(address)) {
    console.log(message.text);
    break;
  }
  await published;
}
`;
}

/** The permissions of a script that uses FIFOs and topics in a folder. */
function scriptPermissions(folder: Folder): string[] {
  return [
    `--allow-read=${folder.path}`,
    `--allow-write=${folder.path}`,
    "--allow-run=mkfifo",
    "--allow-env=FIFOBUS_DIR,XDG_RUNTIME_DIR",
    "--allow-sys=uid",
  ];
}

Deno.test("a script imports mod.ts from a URL, with narrow permissions", async () => {
  await using folder = new Folder();
  await using server = new WebServer();
  const path = folder.file("script.ts");
  await Deno.writeTextFile(path, script(`${server.url}/mod.ts`));
  const command: Command = [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt"] as const,
    ...[server.importMap, `--allow-import=${server.host}`],
    ...scriptPermissions(folder),
    ...[path, folder.file("pipe")],
  ];
  const env = {
    DENO_DIR: folder.file("cache"),
    FIFOBUS_DIR: folder.file("bus"),
  };
  const { code, stdout, stderr } = await finish(new Process(command, env));
  assertEquals([code, stdout, stderr], [0, "21.5\n21.5\n", ""]);
  assertEquals(
    server.modules().filter((it) => it.startsWith("lib/cli/")),
    [],
  );
});

Deno.test("deno install -g installs both", async () => {
  await using folder = new Folder();
  await using server = new WebServer();
  const env = { DENO_DIR: folder.file("cache") };
  for (const program of ["pub", "sub"] as const) {
    const command: Command = [
      ...[Deno.execPath(), "install", "--quiet", "--global"] as const,
      ...["--root", folder.path, "--name", program, server.importMap],
      ...permissions(`${program}.ts`),
      `${server.url}/${program}.ts`,
    ];
    const { code, stderr } = await finish(new Process(command, env));
    assertEquals([code, stderr], [0, ""]);
  }
  const folders = [
    folder.file("bin"),
    Deno.execPath().replace(/\/[^/]*$/, ""),
    "/usr/bin:/bin",
  ];
  await assertWorks({
    command: (program) => [folder.file(`bin/${program}`)],
    env: { ...env, PATH: folders.join(":") },
  });
});

const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
const noRuntime = await canCompile() ? [] : ["denort for deno compile"];

async function canCompile(): Promise<boolean> {
  await using folder = new Folder();
  const module = folder.file("empty.ts");
  await Deno.writeTextFile(module, "");
  const output = `--output=${folder.file("empty")}`;
  return await isThere(deno, "compile", "--quiet", output, module);
}

testWithout(
  noRuntime,
  "as binaries: they need no other file, no home and no environment",
  async () => {
    await using folder = new Folder();
    await compile(folder.path);
    const home = folder.file("home");
    await Deno.mkdir(home);
    await assertWorks({
      command: (program) => ["env", "-i", folder.file(program)],
      env: { HOME: home },
    });
    assertEquals([...Deno.readDirSync(home)], []);
    // One binary is both programs, by the name that it is started with.
    assertEquals(await Deno.readLink(folder.file("sub")), "pub");
    for (const name of ["fifobus-sub", "other"]) {
      await Deno.link(folder.file("pub"), folder.file(name));
    }
    const version = async (name: string) =>
      await finish(new Process([folder.file(name), "--version"]));
    const sub = await version("fifobus-sub");
    assertEquals(sub.stdout, `sub (fifobus) ${VERSION}\n`);
    const { code, stderr } = await version("other");
    assertEquals(code, 2);
    assertEquals(
      stderr,
      "other: Cannot tell which program to be: name the file, or a link to " +
        "it, pub or sub\n",
    );
  },
);

/** What `deno compile` needs to be told: deno.json tells it from 2.7.10 on. */
async function included(): Promise<string[]> {
  const { stdout } = await finish(new Process([deno, "--version"]));
  const [, minor, patch] = /^deno 2\.(\d+)\.(\d+)/.exec(stdout)!.map(Number);
  const isTold = minor! > 7 || minor === 7 && patch! >= 10;
  return isTold ? [] : [`--include=${ROOT}lib`];
}

testWithout(
  noRuntime,
  "deno compile makes a whole program of pub.ts, and of a script from a URL",
  async () => {
    await using bus = new TestBus();
    await using server = new WebServer();
    const make = async (name: string, ...args: string[]) => {
      const made = await finish(
        new Process([
          ...[deno, "compile", "--quiet"] as const,
          ...["--no-code-cache", "--output", bus.file(name), ...args],
        ]),
      );
      assertEquals([made.code, made.stderr], [0, ""]);
    };
    await make("pub", ...await included(), "--allow-all", `${ROOT}pub.ts`);
    const path = bus.file("script.ts");
    await Deno.writeTextFile(path, script(`${server.url}/mod.ts`));
    await make(
      "script",
      // The npm packages that stand in for JSR have no types; `deno check` with
      // the real ones is not for this test.
      ...["--no-check", server.importMap, `--allow-import=${server.host}`],
      ...["--allow-read", "--allow-write", "--allow-run", "--allow-sys=uid"],
      ...["--allow-env=FIFOBUS_DIR,XDG_RUNTIME_DIR", path],
    );
    await using subscriber = await bus.sub("-C2", "a/+");
    const pub = bus.file("pub");
    const program = (...args: string[]) =>
      finish(new Process([pub, ...args], bus.env));
    await program("--wait", "a/b", "one");
    await program("--repeat=1", "--retain", "a/c", "two");
    assertEquals((await subscriber.ended()).stdout, "one\ntwo\n");
    assertMatch((await program("--help")).stdout, /^Usage: pub /);
    const run = new Process([bus.file("script"), bus.file("pipe")], bus.env);
    assertEquals((await finish(run)).stdout, "21.5\n21.5\n");
  },
);

testWithout(
  noRuntime,
  "a script that imports mod.ts works as a binary",
  async () => {
    await using bus = new TestBus();
    const rule = "examples/warehouse/rule.ts";
    const binary = bus.file("rule");
    const command: Command = [
      ...[deno, "compile", "--quiet", "--no-code-cache"] as const,
      ...permissions(rule).map((it) => it.replace("=mkfifo", "")),
      ...[`--output=${binary}`, ROOT + rule],
    ];
    const made = await finish(new Process(command));
    assertEquals([made.code, made.stderr], [0, ""]);
    await using subscriber = await bus.sub("-v", "--exit-word=.", "+/+/alarm");
    await using _rule = new Process([binary, "25"], bus.env);
    const topic = "warehouse/a1/temperature";
    await finish(bus.pub("--wait", topic, "25.2"));
    const alarm = "warehouse/a1/alarm\t25.2 °C, more than 25";
    assertEquals(await subscriber.line(), alarm);
  },
);

Deno.test("the tarball for deno works anywhere, with an empty cache", async () => {
  await using folder = new Folder();
  const name = `fifobus-${VERSION}-deno`;
  await Deno.writeFile(
    folder.file("it.tar.gz"),
    tarball(name, await contentsForDeno(), 1_700_000_000),
  );
  const unpack = `cd "$0" && mkdir links && tar -xzf it.tar.gz &&
    ln -s "../$1/bin/pub" "../$1/bin/sub" links &&
    cd "$1" && find bin share/[bfmz]* -type f | sort && ls -l bin/pub`;
  const { code, stdout, stderr } = await finish(
    new Process(["sh", "-c", unpack, folder.path, name], { TZ: "UTC" }),
  );
  assertEquals([code, stderr], [0, ""]);
  const files = stdout.trim().split("\n");
  assertMatch(files.pop()!, /^-rwxr-xr-x .* Nov 14 {2}2023 bin\/pub$/);
  assertEquals(files, [
    "bin/pub",
    "bin/sub",
    "share/bash-completion/completions/pub",
    "share/bash-completion/completions/sub",
    "share/fish/vendor_completions.d/pub.fish",
    "share/fish/vendor_completions.d/sub.fish",
    "share/man/man1/pub.1.gz",
    "share/man/man1/sub.1.gz",
    "share/zsh/site-functions/_pub",
    "share/zsh/site-functions/_sub",
  ]);
  const deno = Deno.execPath().replace(/\/[^/]*$/, "");
  await assertWorks({
    command: (program) => [folder.file(`links/${program}`)],
    env: { DENO_DIR: folder.file("cache"), PATH: `${deno}:/usr/bin:/bin` },
  });
});

Deno.test("on Windows every entry point says that there are no FIFOs", async () => {
  await using folder = new Folder();
  const windows = folder.file("windows.ts");
  await Deno.writeTextFile(
    windows,
    `Object.defineProperty(Deno, "build", {
      value: { ...Deno.build, os: "windows" },
    });`,
  );
  const path = folder.file("script.ts");
  await Deno.writeTextFile(path, script(`file://${ROOT}mod.ts`));
  const run = (file: string, ...args: string[]) => {
    const options = ["-A", "--config", `${ROOT}deno.json`];
    options.push("--preload", windows);
    return finish(
      new Process([Deno.execPath(), "run", ...options, file, ...args]),
    );
  };
  const text = "Windows has no FIFOs; in WSL it works\n";
  for (const program of ["pub", "sub"]) {
    for (const address of [folder.file("pipe"), "a/topic"]) {
      const { code, stderr } = await run(`${ROOT}${program}.ts`, address);
      assertEquals(code, 1);
      assertEquals(
        stderr,
        `${program}: Cannot publish or subscribe: ${text}`,
      );
    }
    assertEquals((await run(`${ROOT}${program}.ts`, "--help")).code, 0);
  }
  const { code, stderr } = await run(path, folder.file("pipe"));
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /FifobusError: Cannot publish or .* Windows has no FIFOs/,
  );
});

/** The modules of lib/ that a module of it loads later, by their paths. */
function loadedLater(path: string): string[] {
  const text = Deno.readTextFileSync(ROOT + path);
  const loads = [...text.matchAll(/\bload[<(]/g)].length;
  const found = text.matchAll(
    /load<\s*(?:typeof import\("([^"]+)"\)|\w+Module)\s*>\(\s*import\.meta\.resolve\("([^"]+)"/g,
  );
  const paths = Array.from(found, ([, type, url]) => {
    // lib/mqtt/module.ts has the other types, and types_test.ts checks them.
    if (type !== undefined) assertEquals(url, type, path);
    return new URL(url!, `file:///${path}`).pathname;
  });
  // Written in another way, it would not be found here.
  assertEquals(paths.length, loads, path);
  return paths;
}

/** The modules that a module loads at once, directly or not, by their paths. */
function graph(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  const text = Deno.readTextFileSync(ROOT + path);
  const imports = text.matchAll(
    /^(?:import|export) (?!type)[^;]* from "(\.[^"]+)"/gm,
  );
  for (const [, url] of imports) {
    graph(new URL(url!, `file:///${path}`).pathname.slice(1), found);
  }
  return found;
}

Deno.test("mod.ts names every module that the library loads later, and no other", () => {
  const later = new Set<string>();
  const pending = ["mod.ts"];
  const seen = new Set<string>();
  for (let path; (path = pending.pop()) !== undefined;) {
    for (const module of graph(path)) {
      // The types and the body of load() itself.
      if (seen.has(module) || module === "lib/load.ts") continue;
      seen.add(module);
      for (const loaded of loadedLater(module)) {
        // MQTT.js, 43 packages, is fetched by those who need it.
        if (loaded.startsWith("/lib/mqtt/")) continue;
        later.add(loaded);
        pending.push(loaded.slice(1));
      }
    }
  }
  const mod = Deno.readTextFileSync(`${ROOT}mod.ts`);
  const named = mod.matchAll(/\(\) => import\("\.([^"]+)"\)/g);
  assertEquals(Array.from(named, ([, path]) => path), [...later].sort());
  assert(later.has("/lib/bus/outlet.ts"));
});
