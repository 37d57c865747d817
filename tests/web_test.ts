/**
 * The answers of `sub --serve`, and who gets them.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { alarm } from "../lib/cli/alarm.ts";
import { Board } from "../lib/cli/board/board.ts";
import { Clients } from "../lib/cli/web/clients.ts";
import { Feed } from "../lib/cli/web/feed.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { commandLine, finish, pub, sub, TestBus } from "./harness/process.ts";
import { Served } from "./harness/served.ts";

/** The data of an event that a page gets. */
interface Told {
  id: string;
  total: number;
  known: number;
  matching: number;
  rate: number;
  alarms: number;
  gone: string[];
  skipped: number;
  topics: { topic: string; count: number; points: unknown[] }[];
  messages: { topic: string; text: string }[];
}

const FEED = { history: 10, run: "run", isWritable: false };

/** Reads events until one matches; returns all of them. */
async function events(
  served: Served,
  path: string,
  isLast: (told: Told) => boolean,
  headers: Record<string, string> = {},
): Promise<Told[]> {
  const response = await served.get(path, headers);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const all: Told[] = [];
  let text = "";
  for await (
    const chunk of response.body!.pipeThrough(new TextDecoderStream())
  ) {
    const parts = (text + chunk).split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(part)!;
      all.push({ ...JSON.parse(data!), id });
    }
    if (all.some(isLast)) break;
  }
  return all;
}

/** An answer without its body. */
async function answered(response: Promise<Response>): Promise<Response> {
  await (await response).body?.cancel();
  return await response;
}

Deno.test("sub --serve serves its figures as JSON and for Prometheus", async () => {
  await using bus = new TestBus();
  const args = ["--serve=0", "--alarm=a/t>30"];
  await using served = await Served.start(bus, args);
  assertMatch(served.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  await finish(bus.pub("a/t", '{"celsius": 31}'));
  await finish(bus.pub('b"\\', "open"));
  await events(served, "updates", ({ total }) => total === 2);
  const [first, second] = await (await served.get("api/topics")).json();
  assertEquals(
    { ...first, at: undefined, history: first.history.length, rate: 0 },
    {
      topic: "a/t",
      text: '{"celsius": 31}',
      length: 15,
      retained: false,
      at: undefined,
      sequence: 1,
      path: "celsius",
      reading: "31",
      value: 31,
      unit: "celsius",
      state: null,
      decimals: 0,
      min: 31,
      mean: 31,
      max: 31,
      count: 1,
      rate: 0,
      staleMs: 3_600_000,
      values: 1,
      alarm: true,
      rules: ["a/t>30"],
      series: [{
        path: "celsius",
        reading: "31",
        value: 31,
        unit: "celsius",
        state: null,
        decimals: 0,
        min: 31,
        mean: 31,
        max: 31,
      }],
      history: 1,
    },
  );
  assertEquals([second.text, second.value, second.state], ["open", null, true]);
  const metrics = await served.get("metrics");
  assertMatch(metrics.headers.get("content-type")!, /version=0\.0\.4/);
  const text = await metrics.text();
  for (const line of text.trimEnd().split("\n")) {
    assertMatch(
      line,
      /^(# (HELP|TYPE) \w+ .+|\w+(\{topic="([^"\\]|\\["\\n])*"(,path="\w*")?\})? [\d.e+-]+)$/,
    );
  }
  assertStringIncludes(text, 'fifobus_messages_total{topic="b\\"\\\\"} 1\n');
  assertStringIncludes(text, 'fifobus_last_value{topic="a/t"} 31\n');
  assertStringIncludes(text, 'fifobus_alarm{topic="a/t"} 1\n');
  const labels = '{topic="a/t",path="celsius"}';
  assertStringIncludes(text, `fifobus_last_member${labels} 31\n`);
  const door = 'fifobus_last_state{topic="b\\"\\\\",path=""} 1\n';
  assertStringIncludes(text, door);
});

Deno.test("a page that reconnects gets the messages it missed, if they are still kept", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus, ["--serve=0", "--history=5"]);
  await using publisher = bus.pub("-l", "t");
  await publisher.write("1\n2\n3\n");
  const seen = await events(served, "updates", ({ total }) => total === 3);
  const { id } = seen.at(-1)!;
  await publisher.write("4\n5\n");
  await events(served, "updates", ({ total }) => total === 5);
  const later = ({ total }: Told) => total >= 5;
  // A browser sends the header, the page itself the parameter.
  const again = [
    await events(served, "updates", later, { "last-event-id": id }),
    await events(served, `updates?since=${id}`, later),
  ];
  for (const [first] of again) {
    assertEquals(first!.messages.map(({ text }) => text), ["4", "5"]);
    assertEquals([first!.skipped, first!.topics[0]!.count], [0, 5]);
  }
  await publisher.write("6\n7\n8\n9\n");
  await events(served, "updates", ({ total }) => total === 9);
  const [short] = await events(served, `updates?since=${id}`, later);
  assertEquals(short!.messages.map(({ text }) => text).join(), "5,6,7,8,9");
  assertEquals(short!.skipped, 1);
  // Another run of the program starts to count at zero.
  const [strange] = await events(served, "updates?since=00000000.9", later);
  assertEquals([strange!.messages.length, strange!.skipped], [5, 4]);
});

Deno.test("a page that does not read holds up nobody", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus);
  const still = await served.get("updates");
  await using publisher = bus.pub("-l", "--keyed");
  const line = `t/%\t${"x".repeat(900)}\n`;
  const lines = Array.from(
    { length: 20_000 },
    (_, i) => line.replace("%", `${i % 100}`),
  );
  await publisher.write(lines.join(""));
  await publisher.end();
  assertEquals((await publisher.ended()).stderr, "");
  const [last] = (await events(
    served,
    "updates",
    ({ total }) => total === 20_000,
  )).slice(-1);
  assertEquals(last!.total, 20_000);
  const topics = await (await served.get("api/topics")).json();
  const counts = topics.map(({ count }: { count: number }) => count);
  assertEquals(counts, Array(100).fill(200));
  await still.body!.cancel();
});

Deno.test("Feed.stream() makes events only when they are read, and a limited number of them", async () => {
  const board = new Board();
  const clients = new Clients();
  const feed = new Feed(board, clients, FEED);
  const wanted = { lastEventId: null, filter: "", sort: "topic" } as const;
  const events = feed.stream(wanted, () => {})[Symbol.asyncIterator]();
  // If events were made ahead, one would be made now, without messages.
  await new Promise((resolve) => setTimeout(resolve, 0));
  for (let i = 0; i < 1000; i++) {
    const message = new WireMessage("t", new TextEncoder().encode(`${i}`));
    board.add(message, `${i}`, Date.now());
    feed.add(message, `${i}`, Date.now());
    clients.changed();
  }
  const { value } = await events.next();
  const [, data] = new TextDecoder().decode(value).split("\ndata: ");
  const { total, messages, skipped }: Told = JSON.parse(data!);
  assertEquals([total, messages.length, skipped], [1000, 10, 990]);
  assertEquals(messages.at(-1)!.text, "999");
  await events.return!();
});

Deno.test("a page knows the figures of all topics, and shows those with alarms first", async () => {
  const board = new Board({ alarms: [alarm.read("t/1999>0")!] });
  const feed = new Feed(board, new Clients(), FEED);
  const put = (topic: string) => {
    const message = new WireMessage(topic, new TextEncoder().encode("1"));
    board.add(message, "1", Date.now() - 2000);
    feed.add(message, "1", Date.now());
  };
  for (let i = 0; i < 2000; i++) put(`t/${i}`);
  const first = async (filter: string, sort: "topic" | "value" = "topic") => {
    const stream = feed.stream({ lastEventId: null, filter, sort }, () => {});
    const events = stream[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = await events.next();
      const [, data] = new TextDecoder().decode(value).split("\ndata: ");
      return JSON.parse(data!) as Told;
    };
    return { told: await next(), next, end: () => events.return!() };
  };
  const { told, next, end } = await first("");
  const { known, matching, alarms, topics } = told;
  assertEquals([known, matching, alarms, topics.length], [2000, 2000, 1, 1000]);
  assertEquals(topics.slice(0, 4).map(({ topic }) => topic), [
    ...["t/1999", "t/0", "t/1", "t/2"],
  ]);
  assert(told.rate > 0);
  // A new topic that comes before the others takes the place of the last.
  put("a");
  const later = await next();
  assertEquals(later.gone, ["t/998"]);
  assertEquals(later.topics.some(({ topic }) => topic === "a"), true);
  await end();
  const filtered = await first("/199");
  assertEquals(
    [filtered.told.known, filtered.told.matching, filtered.told.topics.length],
    [2001, 11, 11],
  );
  assertEquals(filtered.told.messages.map(({ topic }) => topic)[0], "t/1991");
  await filtered.end();
});

Deno.test("requests are answered only if their Host header names this machine", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus);
  for (const host of ["localhost", "127.0.0.1:80", "[::1]:80", "192.0.2.1"]) {
    assertMatch(await served.getAs(host), /^HTTP\/1.1 200 /, host);
  }
  for (const host of ["example.org", "localhost.example.org", "127.0.0.1.x"]) {
    assertMatch(await served.getAs(host), /^HTTP\/1.1 421 /, host);
  }
  for (const host of ["127.0.0.1:80.example.org", "a:b", "[::1"]) {
    assertMatch(await served.getAs(host), /^HTTP\/1.1 4/, host);
  }
  assertMatch(await served.getAs("localhost", "/", "POST"), /^HTTP\/1.1 405 /);
  assertMatch(await served.getAs("localhost", "/x"), /^HTTP\/1.1 404 /);
  assertMatch(await served.getAs("localhost", "/updates", "HEAD"), / 200 OK/);
  const { headers } = await answered(served.get(""));
  const policy = headers.get("content-security-policy")!;
  assertStringIncludes(policy, "default-src 'none'");
  assert(!/unsafe|\*|https?:/.test(policy), policy);
});

Deno.test("with a token, only requests with the token are served", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus, ["--serve=0", "--token"]);
  const token = new URL(served.url).searchParams.get("token")!;
  assertEquals(token.length, 32);
  const status = async (path: string, headers?: Record<string, string>) =>
    (await answered(served.get(path, headers))).status;
  for (const path of ["/", "/updates", "/api/topics", "/metrics", "/app.js"]) {
    assertEquals(await status(path), 401, path);
    const wrong = { authorization: `Bearer ${token}x` };
    assertEquals(await status(path, wrong), 401, path);
  }
  const first = await answered(served.get(`/metrics?token=${token}`));
  assertEquals([first.status, first.headers.get("location")], [
    303,
    "./metrics",
  ]);
  const [cookie, ...attributes] = first.headers.get("set-cookie")!.split("; ");
  assertEquals(attributes.sort(), ["HttpOnly", "Path=/", "SameSite=Strict"]);
  assertEquals(await status("/metrics", { cookie: cookie! }), 200);
  assertEquals(
    await status("/metrics", { authorization: `Bearer ${token}` }),
    200,
  );
});

Deno.test("other machines are served with a token and a warning only", async () => {
  await using bus = new TestBus();
  const refused = await finish(bus.subOnce("--serve=0.0.0.0:0", "#"));
  assertEquals(refused.code, 2);
  assertMatch(refused.stderr, /^sub: --serve on 0\.0\.0\.0 goes with --token/);
  const args = ["--serve=0.0.0.0:0", "--token=s3cret"];
  await using served = await Served.start(bus, args);
  await served.said(/other machines reach it, and nothing is encrypted/);
});

Deno.test("a port that is taken is an error of one line", async () => {
  await using bus = new TestBus();
  await using served = await Served.start(bus);
  const taken = await finish(bus.subOnce(`--serve=${served.port}`, "#"));
  assertEquals([taken.code, taken.stdout], [1, ""]);
  assertMatch(
    taken.stderr,
    /^sub: Cannot serve on .*: the port is in use.*\n$/,
  );
  for (const value of ["x", "70000", "localhost:", "::1:80", "http://a:80"]) {
    const wrong = await finish(sub(`--serve=${value}`, "#"));
    assertEquals([wrong.code, wrong.stdout], [2, ""], value);
  }
});

Deno.test("sub --serve reads a FIFO as well, and ends while a page is open", async () => {
  await using bus = new TestBus();
  const pipe = await bus.fifo();
  await using served = new Served(commandLine("sub", "--serve=0", pipe));
  served.url = (await served.said(/serving (http:\S+)/))[1]!;
  await finish(pub(pipe, "21.5"));
  await events(served, "updates", ({ total }) => total === 1);
  const open = await served.get("updates");
  served.kill("SIGTERM");
  const { signal, code } = await served.ended();
  assert(signal === "SIGTERM" || code === 143);
  await open.body!.cancel().catch(() => {});
});
