/**
 * What the command lines of `pub` and `sub` become.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { UsageError } from "../lib/cli/exit_codes.ts";
import { parseOptions } from "../lib/cli/options/parse.ts";
import { OPTIONS as PUB_OPTIONS } from "../lib/cli/options/pub.ts";
import { OPTIONS as SUB_OPTIONS } from "../lib/cli/options/sub.ts";
import type { World } from "../lib/cli/program.ts";
import { planOf as pubPlan } from "../lib/cli/pub/plan.ts";
import { planOf as subPlan } from "../lib/cli/sub/plan.ts";

/** The parts of the world that a plan depends on. */
function world(isTerminal: boolean): Pick<World, "env" | "stdin" | "stdout"> {
  return {
    env: { get: () => undefined } as unknown as World["env"],
    stdin: { isTerminal: () => isTerminal } as World["stdin"],
    stdout: { isTerminal: () => isTerminal } as World["stdout"],
  };
}

async function planPub(line: string, isTerminal = false) {
  const { given, operands } = parseOptions(PUB_OPTIONS, line.split(" "));
  return await pubPlan(given, operands, world(isTerminal));
}

async function planSub(line: string, isTerminal = false) {
  const { given, operands } = parseOptions(SUB_OPTIONS, line.split(" "));
  return await subPlan(given, operands, world(isTerminal));
}

Deno.test("planOf() of pub says what to publish", async () => {
  const lines = { kind: "lines", path: undefined, hasTopics: false } as const;
  const cases = [
    ["t a b", { kind: "message", text: "a b" }],
    ["-n t", { kind: "message", text: "" }],
    ["-s t", { kind: "stdin" }],
    ["t", lines],
    ["-l t", lines],
    ["--file f t", { ...lines, path: "f" }],
    ["--keyed", { ...lines, hasTopics: true }],
    ["--from a --from b --queue-bytes 1k t", {
      kind: "bridge",
      from: ["a", "b"],
      queueBytes: 1024,
    }],
  ] as const;
  for (const [line, content] of cases) {
    assertEquals((await planPub(line)).content, content, line);
  }
  assertEquals((await planPub("t", true)).content, { kind: "typed" });
  assertEquals((await planPub("-l t", true)).content, lines);
});

Deno.test("planOf() of pub says which records to publish, and when", async () => {
  const plain = {
    kind: "records",
    files: [undefined],
    speed: Infinity,
    isLoop: false,
    since: undefined,
    until: undefined,
    filters: [],
    prefix: "",
  } as const;
  const lines = await planPub("--json-lines t");
  assertEquals([lines.address, lines.content], ["t", plain]);
  const file = await planPub("--json-lines --file f --prefix p");
  assertEquals(file.content, { ...plain, files: ["f"], prefix: "p/" });
  const replay = await planPub("--replay ./a - b");
  assertEquals(replay.address, undefined);
  assertEquals(replay.content, {
    ...plain,
    files: ["./a", undefined, "b"],
    speed: 1,
  });
  const line = "--replay --speed max --loop --since 90s " +
    "--until 2026-11-28T12:00:00Z --filter a/# --to mqtt://h --prefix p/ f";
  const chosen = await planPub(line);
  assertEquals(chosen.address, "mqtt://h");
  assertEquals(chosen.content, {
    ...plain,
    files: ["f"],
    isLoop: true,
    since: { ms: 90_000, isOffset: true },
    until: { ms: Date.UTC(2026, 10, 28, 12), isOffset: false },
    filters: ["a/#"],
    prefix: "p/",
  });
});

Deno.test("planOf() of pub says how to publish", async () => {
  const plain = await planPub("t hello");
  assertEquals(plain, {
    content: { kind: "message", text: "hello" },
    address: "t",
    spool: undefined,
    publisher: {
      delimiter: "\n",
      maxBytes: 2 ** 20,
      mode: undefined,
      wait: undefined,
      timeoutMs: undefined,
      connectTimeoutMs: undefined,
      slowTimeoutMs: undefined,
      mqtt: undefined,
    },
    retain: false,
    properties: undefined,
    mustBeJson: false,
    times: 1,
    intervalMs: 0,
    rate: undefined,
    answers: undefined,
    report: "problems",
  });
  const line = "--null --max-size 1k --mode 660 --wait=2 --timeout 3 -r -q " +
    "--slow-timeout inf --json --repeat 4 --interval 5ms t hello";
  assertEquals(await planPub(line), {
    ...plain,
    publisher: {
      ...plain.publisher,
      delimiter: "\0",
      maxBytes: 1024,
      mode: 0o660,
      wait: 2,
      timeoutMs: 3000,
      connectTimeoutMs: 3000,
      slowTimeoutMs: Infinity,
    },
    retain: true,
    mustBeJson: true,
    times: 4,
    intervalMs: 5,
    report: "nothing",
  });
  const { mqtt } = (await planPub("--qos 1 mqtt://host/t hello")).publisher;
  assertEquals(mqtt?.qos, 1);
});

Deno.test("planOf() of pub refuses what contradicts itself", async () => {
  const lines = [
    ...["-v", "--keyed t", "-l t hello", "--from a t hello", "--reply -l t"],
    ...["--repeat 2 t", "--timeout 2 t hello", "--json-lines t hello"],
    ...["--speed 2 t", "--replay --loop", "--replay --to t --prefix p f"],
    ...["--replay --json-lines f", "--replay --since noon f", "--to t f"],
  ];
  for (const line of lines) {
    await assertRejects(() => planPub(line), UsageError, undefined, line);
  }
});

Deno.test("planOf() of sub says what to read and what to do with it", async () => {
  const plain = await planSub("t ./p");
  const print = {
    delimiter: "\n",
    topics: false,
    color: false,
    format: undefined,
    json: false,
    raw: false,
    mayHoldAny: false,
  } as const;
  assertEquals(plain, {
    addresses: ["t", "./p"],
    list: undefined,
    listed: "subscribers",
    subscriber: {
      delimiter: "\n",
      maxBytes: undefined,
      mode: undefined,
      mqtt: undefined,
      connectTimeoutMs: undefined,
      retained: true,
      limit: undefined,
    },
    destination: { kind: "print", print },
    leftOut: [],
    thinning: undefined,
    count: Infinity,
    silenceMs: undefined,
    exitWord: "exit",
    exitPaths: new Set(["./p"]),
    endsAtMissed: false,
    hasStats: false,
    ready: undefined,
    command: undefined,
  });
  const limited = await planSub("-C 3 -T a -T b -W 2 --exit-word end t");
  assertEquals(limited, {
    ...plain,
    addresses: ["t"],
    // Of the messages that come, those to a and b do not count.
    subscriber: { ...plain.subscriber, connectTimeoutMs: 2000 },
    leftOut: ["a", "b"],
    count: 3,
    silenceMs: 2000,
    exitWord: "end",
    exitPaths: undefined,
  });
  assertEquals((await planSub("-C 3 t")).subscriber.limit, 3);
  assertEquals((await planSub("t")).exitWord, undefined);
  assertEquals((await planSub("--no-exit-word ./p")).exitWord, undefined);
  assertEquals((await planSub("--list --json")).list, "json");
  const { destination } = await planSub("--exec cat --jobs 4 --grace inf t");
  assertEquals(destination, {
    kind: "exec",
    command: {
      command: "cat",
      jobs: 4,
      retry: 0,
      failed: undefined,
      mqtt: undefined,
      delimiter: "\n",
      respond: false,
      strict: false,
      leavesFailed: false,
      graceMs: Infinity,
    },
  });
  assertEquals((await planSub("--serve 80 --alarm a>1 #")).destination, {
    kind: "boards",
    isInTerminal: false,
    serve: {
      listener: { hostname: "127.0.0.1", port: 80 },
      mode: 0o600,
      tls: undefined,
      origin: undefined,
      token: undefined,
      history: 1000,
      www: undefined,
      maxBytes: 1024 * 1024,
      isWritable: false,
    },
    alarms: [{
      filter: "a",
      path: undefined,
      rule: "a>1",
      condition: { kind: "number", comparison: ">", limit: 1 },
      forMs: 0,
    }],
    values: [],
    command: undefined,
    address: undefined,
    mqtt: undefined,
    graceMs: 10_000,
    source: "to #",
    print: { ...print, topics: true },
  });
  const record = {
    path: "f",
    rotate: undefined,
    keep: undefined,
    fsync: false,
  };
  assertEquals((await planSub("--record f t")).destination, {
    kind: "record",
    record,
    print: undefined,
  });
  const parts = "--record f --rotate 2M --keep 10m --fsync --json t";
  assertEquals((await planSub(parts)).destination, {
    kind: "record",
    record: {
      ...record,
      rotate: { count: 2 ** 21 },
      keep: { ms: 600_000 },
      fsync: true,
    },
    print: { ...print, json: true },
  });
  const wrong = [
    ...["-v", "--record f --keep 3 t", "--record f --rotate 10 t"],
    ...["--rotate 1M t", "--record f --exec cat t"],
  ];
  for (const line of wrong) {
    await assertRejects(() => planSub(line), UsageError, undefined, line);
  }
});
