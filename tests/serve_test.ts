/**
 * `sub --serve` for programs: its API, its own pages, proxies and encryption.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { Board } from "../lib/cli/board/board.ts";
import { Recent } from "../lib/cli/board/recent.ts";
import { Api } from "../lib/cli/web/api.ts";
import { Clients } from "../lib/cli/web/clients.ts";
import { Messages } from "../lib/cli/web/messages.ts";
import { Places } from "../lib/cli/web/places.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { TestBrowser, withoutBrowser } from "./harness/browser.ts";
import { Folder } from "./harness/folder.ts";
import { missingOf, testSinceDeno27 } from "./harness/needs.ts";
import { page } from "./harness/pages.ts";
import {
  commandLine,
  eventually,
  finish,
  Process,
  TestBus,
} from "./harness/process.ts";
import { Served } from "./harness/served.ts";
import * as waiting from "./harness/waiting.ts";

/** An event of a stream. */
interface Event {
  id: string;
  event?: string;
  data?: Record<string, unknown>;
}

/** Reads events as they come. */
async function* eventsOf(response: Response): AsyncGenerator<Event> {
  let text = "";
  const chunks = response.body!.pipeThrough(new TextDecoderStream());
  for await (const chunk of chunks) {
    const parts = (text + chunk).split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const event = Object.fromEntries(
        part.split("\n").map((line) => line.split(/: (.*)/s)),
      );
      if (event.data) event.data = JSON.parse(event.data);
      yield event;
    }
  }
}

/** Reads as many messages from a stream. */
async function messages(response: Response, count: number): Promise<Event[]> {
  const found: Event[] = [];
  for await (const event of eventsOf(response)) {
    if (event.data) found.push(event);
    if (found.length === count) break;
  }
  return found;
}

waiting.test("/events sends each message that matches as an event, and goes on where a client was", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus);
  const open = await served.get("events?filter=a/%2B&filter=b");
  assertEquals(open.headers.get("content-type"), "text/event-stream");
  // A proxy must not collect them.
  assertEquals(open.headers.get("x-accel-buffering"), "no");
  await using publisher = bus.pub("-l", "--keyed");
  await publisher.write('a/x\t1\na/x/y\t2\nb\t{"c": 3}\n');
  const [first, second] = await messages(open, 2);
  assertEquals({ ...first!.data, time: "" }, {
    topic: "a/x",
    time: "",
    sequence: 1,
    retained: false,
    length: 1,
    message: "1",
  });
  assertEquals([second!.data?.topic, second!.data?.message], ["b", '{"c": 3}']);
  await publisher.write("a/x\t4\n");
  const again = await served.get("events?filter=%23", {
    "last-event-id": first!.id,
  });
  const later = await messages(again, 3);
  assertEquals(later.map(({ data }) => data?.message), ["2", '{"c": 3}', "4"]);
  const since = await messages(await served.get("events?since=0"), 4);
  assertEquals(since.length, 4);
  const wrong = await served.get("events?filter=a%23");
  assertEquals([wrong.status, await wrong.text()], [
    ...[400, '"a#" is not a topic filter\n'],
  ]);
});

waiting.test("/events tells how many messages are no longer kept, and which were missed", async () => {
  const board = new Board();
  const recent = new Recent();
  const stream = new Messages(board, recent, new Clients(), "run");
  for (let i = 1; i <= 1200; i++) {
    const bytes = new TextEncoder().encode(`${i}`);
    const message = new WireMessage("t", bytes);
    Object.assign(message, { missed: i === 1200 ? 7 : 0 });
    board.add(message, `${i}`, 0);
    recent.add(message, 0, board.total);
  }
  const all: Event[] = [];
  for await (
    const event of eventsOf(
      new Response(stream.stream([], "run.100", () => {})),
    )
  ) {
    all.push(event);
    if (event.data?.message === "1200") break;
  }
  assertEquals(all.length, 2 + 1000);
  assertEquals([all[1]!.event, all[1]!.data], ["gap", { messages: 100 }]);
  assertEquals([all[2]!.data?.message, all.at(-1)!.data?.missed], ["201", 7]);
});

waiting.test("/api/topics/NAME has a topic whole, and its past", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus, [
    ...["--serve=0", "--alarm=z/+#battery<10"],
  ]);
  await finish(bus.pub("z/h", '{"temperature": 21.5, "battery": 9}'));
  const get = async (path: string) => {
    const response = await served.get(path);
    if (response.ok) return await response.json();
    await response.body?.cancel();
    return response.status;
  };
  await eventually(async () => (await get("api/topics")).length === 1);
  const about = await get("api/topics/z/h");
  assertEquals(about, await get("api/topics/z%2Fh"));
  assertEquals([about.value, about.series.length], [21.5, 2]);
  assertEquals(about.messages.map((it: { length: number }) => it.length), [35]);
  assertEquals(about.limits, [{
    rule: "z/+#battery<10",
    path: "battery",
    limit: 10,
    isRaised: true,
  }]);
  assertEquals((await get("api/topics/z/h?since=1")).messages, []);
  assertEquals(await get("api/topics/z/h?since=x"), 400);
  const past = await get("api/topics/z/h/history?path=battery&span=1h");
  const { seconds, step, points } = past;
  assertEquals([seconds, step, points.length, points[0][1]], [3600, 60, 1, 9]);
  assertEquals((await get("api/topics/z/h/history")).points[0][1], 21.5);
  assertEquals(await get("api/topics/z/h/history?span=year"), 400);
  const query = new URLSearchParams({ topic: "z/h", path: "battery" });
  assertEquals((await get(`api/history?${query}`)).path, "battery");
  assertEquals((await get(`api/topics?${query}`)).topic, "z/h");
  assertEquals(await get("api/topics?topic=z"), 404);
  assertEquals(await get("api/history"), 404);
  assertEquals(await get("api/topics/z"), 404);
  assertEquals(await get("api/topics/%ff"), 404);
});

waiting.test("/metrics is what Prometheus can read: each family once, each series once", async () => {
  await using bus = new TestBus();
  const args = ["--serve=0", "--alarm=a>1"];
  await using served = await Served.start(bus, args);
  await using publisher = bus.pub("-l", "--keyed");
  const odd = 'q"u\\o\u00fc';
  await publisher.write(`a\t2 °C\n${odd}\t{"x.y": 1, "on": true}\nt\ttext\n`);
  let text = "";
  await eventually(async () => {
    text = await (await served.get("metrics")).text();
    return text.includes('topic="t"');
  });
  assert(text.endsWith("\n"));
  const series = new Map<string, number>();
  const families: string[] = [];
  let described = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, keyword, family] = /^# (HELP|TYPE) (\w+) ./.exec(line) ?? [];
    if (keyword === "HELP") described = family!;
    else if (keyword === "TYPE") {
      assertEquals(family, described);
      assertMatch(line, / (counter|gauge)$/);
      families.push(family!);
    } else {
      const [, name, labels = "", value] = /^([a-z_]+)(\{.*\})? (\S+)$/.exec(
        line,
      )!;
      // Samples of a family stand together, behind its type.
      assertEquals(name, families.at(-1));
      const rest = labels.replaceAll(
        /[a-z]+="(?:[^"\\\n]|\\[\\"n])*"/g,
        "",
      );
      assertMatch(rest, /^(\{,?\})?$/, line);
      assert(!series.has(name + labels), line);
      assert(Number.isFinite(Number(value)), line);
      series.set(name! + labels, Number(value));
    }
  }
  assertEquals(new Set(families).size, families.length);
  assertEquals(series.get('fifobus_last_value{topic="a"}'), 2);
  assertEquals(series.get('fifobus_alarm{topic="a"}'), 1);
  const topic = odd.replaceAll(/["\\]/g, "\\$&");
  const member = `fifobus_last_member{topic="${topic}",path="x.y"}`;
  assertEquals(series.get(member), 1);
});

waiting.testWithout(
  await missingOf(["promtool"]),
  "promtool of Prometheus finds no fault in /metrics",
  async () => {
    await using bus = new TestBus();
    await using served = await Served.start(bus, ["--serve=0", "--alarm=a>1"]);
    await using publisher = bus.pub("-l", "--keyed");
    await publisher.write(
      'a\t2 °C\n"\\ü\t{"x.y": 1e300, "on": true}\nb\t-1e-7\nt\ttext\n',
    );
    let text = "";
    await eventually(async () => {
      text = await (await served.get("metrics")).text();
      return text.includes('topic="t"');
    });
    await using promtool = new Process(["promtool", "check", "metrics"]);
    await promtool.write(text);
    await promtool.end();
    const { code, stdout, stderr } = await promtool.ended();
    assertEquals([code, stdout, stderr], [0, "", ""]);
  },
);

waiting.test("POST /topics/NAME publishes with --writable, and not for pages of another site", async () => {
  await using bus = new TestBus();
  const args = ["--serve=0", "--writable", "--max-size=10"];
  await using served = await Served.start(bus, args);
  const post = async (
    path: string,
    body: BodyInit,
    headers: Record<string, string> = {},
  ) => {
    const url = new URL(path, served.url);
    const response = await fetch(url, { method: "POST", body, headers });
    return [response.status, await response.text()];
  };
  await using subscriber = bus.subOnce("-C", "2", "-v", "w/+");
  await eventually(() => bus.names().length === 2);
  assertEquals(await post("topics/w/x%20y", "21"), [
    200,
    '{"subscribers":2}\n',
  ]);
  const { origin } = new URL(served.url);
  const byQuery = "topics?topic=w/z&retain";
  assertEquals((await post(byQuery, "on", { origin }))[0], 200);
  assertEquals((await finish(subscriber)).stdout, "w/x y\t21\nw/z\ton\n");
  const late = await finish(bus.subOnce("-C", "1", "w/z"));
  assertEquals(late.stdout, "on\n");
  const refused: [string, string, Record<string, string>, number][] = [
    ["topics/w/z", "x", { origin: "http://example.org" }, 403],
    ["topics/w/z", "x", { origin: "null" }, 403],
    ["topics/w/z", "x", { "sec-fetch-site": "cross-site" }, 403],
    ["topics/w/%2B", "x", {}, 400],
    ["topics/w/z", "a\nb", {}, 400],
    ["topics/w/z", "12345678901", {}, 413],
    ["metrics", "x", {}, 404],
    ["topics", "x", {}, 404],
    ["topics?topic=w/%23", "x", {}, 400],
  ];
  for (const [path, body, headers, status] of refused) {
    assertEquals((await post(path, body, headers))[0], status, path + body);
  }
  await using closed = await Served.start(bus);
  const url = new URL("topics/w/z", closed.url);
  const response = await fetch(url, { method: "POST", body: "x" });
  assertEquals(response.status, 405);
  assertStringIncludes(await response.text(), "--writable");
});

waiting.test("--www serves the files of a folder, and nothing outside of it", async () => {
  await using bus = new TestBus();
  await using folder = new Folder();
  await Deno.mkdir(`${folder.path}/www/in`, { recursive: true });
  await Deno.writeTextFile(`${folder.path}/secret.txt`, "secret");
  await Deno.writeTextFile(`${folder.path}/www/.hidden`, "secret");
  await Deno.writeTextFile(`${folder.path}/www/index.html`, "<p>hello");
  await Deno.writeTextFile(`${folder.path}/www/in/a b.css`, "p {}");
  await Deno.symlink("../secret.txt", `${folder.path}/www/link.txt`);
  await Deno.symlink("in/a b.css", `${folder.path}/www/inside.css`);
  const www = `--www=${folder.path}/www`;
  await using served = await Served.start(bus, ["--serve=0", www]);
  const get = async (path: string) => {
    const response = await served.get(path);
    return [
      response.status,
      response.headers.get("content-type"),
      await response.text(),
    ];
  };
  const html = "text/html; charset=utf-8";
  const css = "text/css; charset=utf-8";
  assertEquals(await get("/www/"), [200, html, "<p>hello"]);
  assertEquals(await get("/www/in/a%20b.css"), [200, css, "p {}"]);
  assertEquals(await get("/www/inside.css"), [200, css, "p {}"]);
  for (
    const path of [
      ...["link.txt", ".hidden", "in/", "x", "%2e%2e/secret.txt"],
      ...["in%2f..%2f..%2fsecret.txt", "..%5csecret.txt", "%00", "%ff"],
      `/${folder.path}/secret.txt`,
    ]
  ) {
    assertEquals((await get(`/www/${path}`))[0], 404, path);
    const raw = await served.getAs("localhost", `/www/${path}`);
    assertMatch(raw, /^HTTP\/1\.1 404 /, path);
  }
  for (const [path, location] of [["/www", "./www/"], ["/www/in", "./in/"]]) {
    const { status, headers, body } = await served.get(path!);
    await body?.cancel();
    assertEquals([status, headers.get("location")], [307, location]);
  }
  const raw = await served.getAs("localhost", "/www/../secret.txt");
  assert(!raw.includes("secret\n") && / 40[04] /.test(raw), raw);
  const wrong = await finish(bus.subOnce("--serve=0", "--www=/nowhere", "#"));
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /^sub: Cannot serve --www "\/nowhere": .*\n$/);
});

waiting.test("--serve unix:PATH serves at a socket with permissions of its own", async () => {
  await using bus = new TestBus();
  await using folder = new Folder();
  const path = `${folder.path}/board.sock`;
  const args = [`--serve=unix:${path}`, "--serve-mode=660", "#"];
  const get = async () => {
    using connection = await Deno.connect({ transport: "unix", path });
    const text =
      "GET /metrics HTTP/1.1\r\nHost: board.example\r\nConnection: close\r\n\r\n";
    await connection.write(new TextEncoder().encode(text));
    return await new Response(connection.readable).text();
  };
  {
    await using served = new Process(commandLine("sub", ...args), bus.env);
    await served.said(/serving unix:\S+/);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o660);
    assertMatch(await get(), /^HTTP\/1\.1 200 /);
    const second = await finish(bus.subOnce(...args));
    assertEquals(second.code, 1);
    assertStringIncludes(second.stderr, "another process serves there");
    served.kill("SIGKILL");
    await served.ended();
  }
  // A killed process leaves its socket, which is replaced.
  await using served = new Process(commandLine("sub", ...args), bus.env);
  await served.said(/serving unix:\S+/);
  assertMatch(await get(), /^HTTP\/1\.1 200 /);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
  await Deno.writeTextFile(`${folder.path}/file`, "mine");
  const file = await finish(
    bus.subOnce(`--serve=unix:${folder.path}/file`, "#"),
  );
  assertStringIncludes(file.stderr, "there is a file of that name");
});

waiting.testWithout(
  await missingOf(["openssl"]),
  "--serve-cert and --serve-key encrypt the page",
  async () => {
    await using bus = new TestBus();
    await using folder = new Folder();
    const [cert, key] = [`${folder.path}/c.pem`, `${folder.path}/k.pem`];
    await finish(
      new Process([
        "openssl",
        ...["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"],
        ...["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=x"],
        ...["-addext", "subjectAltName=IP:127.0.0.1"],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
        ...["-keyout", key, "-out", cert],
      ]),
    );
    const args = ["--serve=127.0.0.1:0", "--token=t"];
    await using served = new Process(
      commandLine(
        "sub",
        ...args,
        `--serve-cert=${cert}`,
        `--serve-key=${key}`,
        "#",
      ),
      bus.env,
    );
    const [, url] = await served.said(/serving (https:\S+)/);
    using client = Deno.createHttpClient({
      caCerts: [await Deno.readTextFile(cert)],
    });
    const response = await fetch(url!, { client, redirect: "manual" });
    await response.body?.cancel();
    assertEquals(response.status, 303);
    assertMatch(response.headers.get("set-cookie")!, /; Secure$/);
    const half = await finish(
      bus.subOnce("--serve=0", `--serve-cert=${cert}`, "#"),
    );
    assertEquals(half.code, 2);
    assertStringIncludes(half.stderr, "go together");
  },
);

waiting.test("--origin is a name that the server answers to; a token makes every name do", async () => {
  await using bus = new TestBus();
  const origin = "--origin=https://board.example/fifo";
  await using served = new Served(
    commandLine("sub", "--serve=0", "--token=t", origin, "#"),
    bus.env,
  );
  const [, url] = await served.said(/serving (\S+)/);
  assertEquals(url, "https://board.example/fifo/?token=t");
  {
    await using plain = await Served.start(bus);
    assertMatch(await plain.getAs("board.example"), /^HTTP\/1\.1 421 /);
    const { port } = plain;
    plain.kill("SIGTERM");
    await plain.ended();
    await using named = new Served(
      commandLine("sub", `--serve=${port}`, origin, "#"),
      bus.env,
    );
    named.url = `http://127.0.0.1:${port}/`;
    await named.said(/serving https/);
    assertMatch(await named.getAs("board.example"), /^HTTP\/1\.1 200 /);
    assertMatch(await named.getAs("other.example"), /^HTTP\/1\.1 421 /);
  }
  await using token = await Served.start(bus, ["--serve=0", "--token=t"]);
  assertMatch(await token.getAs("any.example"), /^HTTP\/1\.1 401 /);
  // The token never leads to another site.
  for (const path of ["//evil.example/", "/x/https://evil.example/a:b"]) {
    const answer = await token.getAs("localhost", `${path}?token=t`);
    const [, location] = /\nlocation: (.*)\r/i.exec(answer)!;
    assertMatch(location!, /^\.\/[^/]*$/);
  }
});

/** Starts a server that may have 64 descriptors. */
async function withFewDescriptors(bus: TestBus): Promise<Served> {
  const served = new Served([
    "sh",
    ...["-c", 'ulimit -n 64; exec "$@"', "sh"],
    ...commandLine("sub", "--serve=0", "#"),
  ], bus.env);
  served.url = (await served.said(/serving (\S+)/))[1]!;
  return served;
}

testSinceDeno27(
  "it listens again only when all connections have ended",
  "a server that runs out of descriptors goes on when there are some",
  async () => {
    await using bus = new TestBus();
    await using served = await withFewDescriptors(bus);
    const open = await served.get("events");
    const { port } = served;
    const idle: Deno.Conn[] = [];
    // At the end the server does not listen, and connections are refused.
    for (let isRefused = false; idle.length < 80 && !isRefused;) {
      await Deno.connect({ hostname: "127.0.0.1", port })
        .then((it) => idle.push(it), () => isRefused = true);
    }
    await served.said(/no further connections for now: .*/);
    for (const connection of idle) connection.close();
    await eventually(async () => {
      const response = await served.get("metrics").catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok ?? false;
    });
    // Streams that were open go on.
    await finish(bus.pub("a", "1"));
    assertEquals((await messages(open, 1))[0]!.data?.message, "1");
  },
);

waiting.test("a server that has few descriptors left answers 503 and lives", async () => {
  await using bus = new TestBus();
  await using served = await withFewDescriptors(bus);
  const streams: Response[] = [];
  const refused: Response[] = [];
  for (let i = 0; i < 80; i++) {
    const response = await served.get("events");
    (response.ok ? streams : refused).push(response);
  }
  assert(streams.length > 0);
  for (const response of refused) {
    assertEquals(response.status, 503);
    assertEquals(response.headers.get("connection"), "close");
    assertMatch(await response.text(), /descriptors/);
  }
  const other = await served.get("metrics");
  assertEquals([other.status, await other.body?.cancel()], [503, undefined]);
  for (const { body } of streams.splice(1)) await body!.cancel();
  await eventually(async () => {
    const response = await served.get("metrics");
    await response.body?.cancel();
    return response.ok;
  });
  await finish(bus.pub("a", "1"));
  assertEquals((await messages(streams[0]!, 1))[0]!.data?.message, "1");
  served.kill("SIGTERM");
  assertEquals((await served.ended()).stderr.split("\n").length, 2);
});

Deno.test("another machine gets half of the streams, and gives its places back", () => {
  const places = new Places();
  const take = (address: string, count: number) =>
    Array.from({ length: count }, () => places.take(address))
      .filter((it) => it instanceof Function);
  const taken = take("192.0.2.1", 60);
  assertEquals(taken.length, 50);
  assertEquals(take("192.0.2.2", 1).length, 1);
  // This machine, where a proxy may be.
  assertEquals(take("127.0.0.1", 100).length, 49);
  for (const leave of taken) leave();
  assertEquals(take("192.0.2.1", 60).length, 50);
  assertEquals(take("192.0.2.3", 1).length, 0);
});

waiting.test("a client that does not send its message to the end gets 408", async () => {
  const api = new Api(new Board(), new Recent(), {
    maxBytes: 100,
    publish: () => Promise.resolve(1),
  });
  // The signal of a time limit does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  for (const start of ["", "half a"]) {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (it) => it.enqueue(new TextEncoder().encode(start)),
      cancel: () => void (isCancelled = true),
    });
    const request = new Request("http://a/topics/a", { method: "POST", body });
    const response = await api.publish(request, "a", 20);
    assertEquals(response.status, 408);
    await eventually(() => isCancelled);
  }
  clearInterval(alive);
});

waiting.testWithout(
  [...withoutBrowser, ...await missingOf(["nginx"])],
  "the page works behind nginx with its defaults, under a path and another name",
  async () => {
    await using bus = new TestBus();
    await using folder = new Folder();
    const sock = `${folder.path}/board.sock`;
    const front = `${folder.path}/front.sock`;
    // A port that is free, until nginx takes it.
    const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr;
    probe.close();
    await using served = new Process(
      commandLine("sub", `--serve=unix:${sock}`, "--writable", "#"),
      bus.env,
    );
    await served.said(/serving/);
    await Deno.writeTextFile(
      `${folder.path}/nginx.conf`,
      `daemon off; master_process off; pid ${folder.path}/pid; error_log stderr;
      events {}
      http {
        access_log off;
        client_body_temp_path ${folder.path}/body;
        proxy_temp_path ${folder.path}/proxy;
        fastcgi_temp_path ${front}1; uwsgi_temp_path ${front}2;
        scgi_temp_path ${front}3;
        server {
          listen 127.0.0.1:${port};
          location /boards/one/ {
            proxy_pass http://unix:${sock}:/;
            proxy_set_header Host $http_host;
          }
        }
      }\n`,
    );
    await using _nginx = new Process([
      "nginx",
      ...["-p", folder.path, "-c", `${folder.path}/nginx.conf`],
      ...["-g", Deno.uid() === 0 ? "user root;" : ""],
    ]);
    const url = `http://127.0.0.1:${port}/boards/one/`;
    await eventually(async () => {
      const response = await fetch(url).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok ?? false;
    });
    await using browser = await TestBrowser.start();
    const { page, complaints } = await browser.open(url);
    await page.locator("#state", { hasText: "live" }).waitFor();
    // Each message comes when it is published, not with a later one.
    for (let i = 1; i <= 3; i++) {
      await finish(bus.pub("a/t", `${i}`));
      await page.locator("#log li", { hasText: `a/t${i}` }).waitFor();
    }
    await page.locator(".card").click();
    await page.locator("#detail-chart canvas").waitFor();
    await page.getByRole("textbox", { name: "Message" }).fill("4");
    await page.getByRole("button", { name: "Publish" }).click();
    await page.locator("#detail-messages li", { hasText: /byte4$/ }).waitFor();
    // Names that nginx changes, if a path has them.
    for (const topic of ["/a//b/", "a/../b/./history", "100%25 ?&=;,:"]) {
      await finish(bus.pub(`topic:${topic}`, "7"));
      await page.locator("#detail-back").click();
      await page.locator(".card", { hasText: topic }).click();
      await page.locator("#detail-chart canvas").waitFor();
      await page.getByRole("textbox", { name: "Message" }).fill(topic);
      await page.getByRole("button", { name: "Publish" }).click();
      await page.locator("#detail-messages li", { hasText: topic }).waitFor();
    }
    assertEquals(complaints, []);
  },
);

waiting.testWithout(
  withoutBrowser,
  "the page of docs/dashboards.md shows a value, and publishes by its button",
  async () => {
    await using bus = new TestBus();
    await using folder = new Folder();
    const { blocks } = page("docs/dashboards.md");
    const html = blocks.find(({ language }) => language === "html")!.text;
    assert(html.split("\n").length <= 35);
    await Deno.writeTextFile(`${folder.path}/index.html`, html);
    const www = `--www=${folder.path}`;
    await using served = await Served.start(bus, [
      ...["--serve=0", "--writable", www],
    ]);
    await finish(bus.pub("warehouse/a1/temperature", "21.5 °C"));
    await using browser = await TestBrowser.start();
    const { page: shown, complaints } = await browser.open(
      new URL("/www/", served.url).href,
    );
    await shown.locator("output", { hasText: "21.5 °C" }).waitFor();
    await finish(bus.pub("warehouse/a1/temperature", "22 °C"));
    await shown.locator("output", { hasText: "22 °C" }).waitFor();
    await using lamp = bus.subOnce("-C", "1", "-v", "warehouse/+/lamp");
    await eventually(() => bus.names().length === 2);
    await shown.getByRole("button").click();
    assertEquals((await finish(lamp)).stdout, "warehouse/a1/lamp\ton\n");
    assertEquals(complaints, []);
  },
);
