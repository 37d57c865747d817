/**
 * One table of behaviours, tried with each engine: `deno task test:engines`,
 * after `eval "$(.ci/engines)"`.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Folder } from "../harness/folder.ts";
import { testWithout } from "../harness/needs.ts";
import { BEHAVIOURS } from "./_behaviours.ts";
import { type Engine, type Name, STARTS, withoutEngines } from "./_engines.ts";

/** What docs/brokers.md says of it, and the words that the user gets. */
type Outcome = [cell: string, words: string];

const YES: Outcome = ["yes", "yes"];
const NOTHING: Outcome = ["no", "nothing comes"];
const NO_GROUPS: Outcome = ["no", "the broker has no shared subscriptions"];
const OLD: Outcome = [
  "no",
  "requests need MQTT 5, this connection has MQTT 3.1.1",
];
const TAKEN: Outcome = ["told", "another client uses the same client id"];
const TWICE: Outcome = ["twice", "2 times"];

function guessed(id: string): Outcome {
  return ["guessed", `perhaps another client uses the client id "${id}"`];
}

/** All other outcomes are "yes". */
const OTHERS: Record<string, Partial<Record<Name, Outcome>>> = {
  "`--qos 2`": { "RabbitMQ": ["no", "QoS 2, the broker takes 1 at most"] },
  "`--retained-only` with `#`": { "RabbitMQ": ["no", "0 of 300"] },
  "`$share/GROUP/FILTER`": {
    "NATS": NOTHING,
    "RabbitMQ": NO_GROUPS,
    "aedes": NOTHING,
  },
  "`$share` with `--from`": {
    "NATS": NOTHING,
    "RabbitMQ": NO_GROUPS,
    "aedes": NOTHING,
  },
  "`--reply`": { "NATS": OLD, "aedes": OLD },
  "`--reply` tells that nobody is there": { "NATS": OLD, "aedes": OLD },
  "a message of 2 MB": {
    "mosquitto 2.1": [
      "no",
      "it is 2000000 bytes, the broker takes packets of 2000000",
    ],
    "NATS": ["no", "the broker ended the connection 3 times at it"],
  },
  "two clients with one id": {
    "mosquitto 2.0": guessed("twin"),
    "mosquitto 2.1": TAKEN,
    "NATS": guessed("twin"),
    "RabbitMQ": TAKEN,
    "HiveMQ CE": TAKEN,
    "aedes": guessed("twin"),
  },
  "bridges in both directions": { "NATS": TWICE, "aedes": TWICE },
};

const names = Object.keys(STARTS) as Name[];

function expectedOf(behaviour: string, name: Name): Outcome {
  return OTHERS[behaviour]?.[name] ?? YES;
}

testWithout(
  withoutEngines,
  "each engine does what docs/brokers.md says",
  async (t) => {
    await using folder = new Folder();
    await using started = new AsyncDisposableStack();
    const engines = await Promise.all(
      names.map(async (name): Promise<[Name, Engine]> => [
        name,
        started.use(await STARTS[name](folder)),
      ]),
    );
    for (const [behaviour, attempt] of Object.entries(BEHAVIOURS)) {
      await t.step(behaviour, async () => {
        const row = engines.map(async ([name, { url }]) => [
          name,
          await attempt(url, `test/${crypto.randomUUID()}`),
        ]);
        const expected = names.map((name) => [
          name,
          expectedOf(behaviour, name)[1],
        ]);
        assertEquals(await Promise.all(row), expected);
      });
    }
  },
);

Deno.test("the table in docs/brokers.md is the one that is tried", async () => {
  const page = new URL("../../docs/brokers.md", import.meta.url);
  const lines = (await Deno.readTextFile(page)).split("\n")
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const rows = [
    ["", ...names],
    ...Object.keys(BEHAVIOURS).map((behaviour) => [
      behaviour,
      ...names.map((name) => expectedOf(behaviour, name)[0]),
    ]),
  ];
  const start = lines.findIndex((line) => line.join() === rows[0]!.join());
  assert(start >= 0, `no line | ${rows[0]!.join(" | ")} |`);
  const [head, _rule, ...rest] = lines.slice(start, start + rows.length + 1);
  assertEquals([head, ...rest], rows);
});
