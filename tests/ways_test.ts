/**
 * The core of fifobus, however its programs are started: from the sources, and
 * from a web server.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { type Command, permissions, ROOT } from "../examples/_programs.ts";
import { VERSION } from "../lib/version.ts";
import { Folder } from "./_folder.ts";
import { commandLine, finish, Process } from "./_process.ts";

/** A way to start a program. */
interface Way {
  command(program: "pub" | "sub", ...args: string[]): Command;
  env?: Record<string, string>;
}

/** What a user would notice first if it did not work. */
async function assertWorks(way: Way): Promise<void> {
  await using folder = new Folder();
  const env = { ...way.env, FIFOBUS_DIR: folder.file("bus") };
  const start = (program: "pub" | "sub", ...args: string[]) =>
    new Process(way.command(program, ...args), env);
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
    await using subscriber = start(
      "sub",
      "--json",
      "--exit-word=.",
      "a/#",
      pipe,
    );
    const [first] = [JSON.parse(await subscriber.line())];
    assertEquals([first.topic, first.retained], ["a/kept", true]);
    await finish(start("pub", "--wait", "a/b", "2"));
    assertEquals(JSON.parse(await subscriber.line()).message, "2");
    await finish(start("pub", pipe, "."));
    assertEquals((await subscriber.ended()).code, 0);
  }
  {
    const answer = ["--exec", "tr a-z A-Z", "--respond", "upper"];
    await using _responder = start("sub", ...answer);
    const asked = await finish(
      start("pub", "--wait", "--reply", "upper", "hi"),
    );
    assertEquals([asked.stdout, asked.stderr], ["HI\n", ""]);
  }
  for (const program of ["pub", "sub"] as const) {
    const version = await finish(start(program, "--version"));
    assertEquals(version.stdout, `${program} (fifobus) ${VERSION}\n`);
    assertMatch((await finish(start(program, "--help"))).stdout, /^Usage: /);
    const wrong = await finish(start(program, "--bogus"));
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
  }
}

Deno.test("from the sources: messages, topics, answers, errors", async () => {
  await assertWorks({ command: commandLine });
});

/** The tree on a web server, as raw file hosts serve it: all of it is text. */
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

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

Deno.test("from a URL: with an empty cache, the documented permissions and no prompt", async () => {
  await using cache = new Folder();
  await using server = new WebServer();
  const options = [
    "--quiet",
    "--no-prompt",
    "--import-map",
    `${server.url}/deno.json`,
  ];
  await assertWorks({
    command: (program, ...args) =>
      [
        ...[
          Deno.execPath(),
          "run",
          ...options,
          ...permissions(`${program}.ts`),
        ],
        ...[`${server.url}/${program}.ts`, ...args],
      ] as Command,
    env: { DENO_DIR: cache.path },
  });
  // A program from a URL finds its modules and nothing else.
  for (const path of server.requested) {
    assert(/^(deno\.json|(pub|sub)\.ts|lib\/.*\.ts)$/.test(path), path);
  }
});
