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

Deno.test("planOf() of pub says how to publish", async () => {
  const plain = await planPub("t hello");
  assertEquals(plain, {
    content: { kind: "message", text: "hello" },
    address: "t",
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
    ...["--repeat 2 t", "--timeout 2 t hello"],
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
  } as const;
  assertEquals(plain, {
    addresses: ["t", "./p"],
    list: undefined,
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
    count: Infinity,
    silenceMs: undefined,
    exitWord: "exit",
    exitPaths: new Set(["./p"]),
    endsAtMissed: false,
    hasStats: false,
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
    source: "to #",
    print: { ...print, topics: true },
  });
  await assertRejects(() => planSub("-v"), UsageError);
});
