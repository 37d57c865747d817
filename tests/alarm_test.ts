/**
 * Alarms: their rules, when they are raised, and what they start.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { type Alarm, alarm, type Condition } from "../lib/cli/alarm.ts";
import { Board } from "../lib/cli/board/board.ts";
import { beginning } from "../lib/cli/board/content.ts";
import { UsageError } from "../lib/cli/exit_codes.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { eventually, finish, sub, TestBus } from "./harness/process.ts";

const START = 1_800_000_000_000;
const SECOND = 1000;

function numberIs(
  comparison: ">" | "<" | ">=" | "<=" | "=" | "!=",
  limit: number,
  until?: number,
): Condition {
  const condition = { kind: "number", comparison, limit } as const;
  return until === undefined ? condition : { ...condition, until };
}

Deno.test("a rule has a filter, a path, a condition and a time", () => {
  const cases: [
    text: string,
    rule: Omit<Alarm, "rule" | "forMs">,
    forMs?: number,
  ][] = [
    ["warehouse/+/t>30", {
      filter: "warehouse/+/t",
      path: undefined,
      condition: numberIs(">", 30),
    }],
    ["# <= -1.5", {
      filter: "#",
      path: undefined,
      condition: numberIs("<=", -1.5),
    }],
    ["a!=0", { filter: "a", path: undefined, condition: numberIs("!=", 0) }],
    ["a=.5", { filter: "a", path: undefined, condition: numberIs("=", 0.5) }],
    ["a==5", { filter: "a", path: undefined, condition: numberIs("=", 5) }],
    ["a>1e3", { filter: "a", path: undefined, condition: numberIs(">", 1000) }],
    ["zigbee/+#temperature > 30 until 28 for 30s", {
      filter: "zigbee/+",
      path: "temperature",
      condition: numberIs(">", 30, 28),
    }, 30 * SECOND],
    // A # at the start or behind a slash is the wildcard.
    ["a/#>3", { filter: "a/#", path: undefined, condition: numberIs(">", 3) }],
    ["a/##ENERGY.Power>3", {
      filter: "a/#",
      path: "ENERGY.Power",
      condition: numberIs(">", 3),
    }],
    ["##t<3", { filter: "#", path: "t", condition: numberIs("<", 3) }],
    ['door == "open"', {
      filter: "door",
      path: undefined,
      condition: { kind: "text", isEqual: true, text: "open" },
    }],
    ["a#mode != 'x > 3 for 5s'", {
      filter: "a",
      path: "mode",
      condition: { kind: "text", isEqual: false, text: "x > 3 for 5s" },
    }],
    ['door = "was silent"', {
      filter: "door",
      path: undefined,
      condition: { kind: "text", isEqual: true, text: "was silent" },
    }],
    ["a/+ silent 60s", {
      filter: "a/+",
      path: undefined,
      condition: { kind: "silent", silentMs: 60 * SECOND },
    }],
  ];
  for (const [rule, expected, forMs = 0] of cases) {
    assertEquals<unknown>(alarm.read(rule), { ...expected, rule, forMs }, rule);
  }
});

Deno.test("an error in a rule says which part is wrong", () => {
  const cases: [text: string, reason: RegExp][] = [
    ["a=>5", /"=>" is not a comparison/],
    ["a>>5", /">>" is not a comparison/],
    ["a<>5", /"<>" is not a comparison/],
    ["a", /no comparison/],
    ["a>b", /"b" is neither a number nor a text/],
    ["a>5 °C", /"5 °C" is neither/],
    ["a>", /no limit behind >/],
    [">3", /the filter "": it is empty/],
    ["a/#/b>3", /# stands for all levels at the end/],
    ["a/#t>3", /wildcard; a member has another one: "a\/##t"/],
    ["a#>3", /the path behind # is empty/],
    ["a>3 for 5x", /for takes a time .*, not "5x"/],
    ["a>3 until 5", /until 5 is not on the other side of >3/],
    ["a>3 until x", /until takes a number/],
    ["a>3 until 2 until 1", /until stands there twice/],
    ["a>3 for 5s until 2 for 1s", /for stands there twice/],
    ["a=3 until 2", /until goes with > < >= <=, not with =/],
    ["a>1e999", /"1e999" is neither/],
    ["a silent 0s", /silent takes a time above 0/],
    ['a="x', /the quote is not closed in "x/],
    ["a='x' for 5s'", /the quote is not closed in '/],
    ['a<"x"', /compared by = or !=, not by </],
    ["a silent", /silent takes a time/],
    ["a#b silent 5s", /a topic is silent/],
  ];
  for (const [text, reason] of cases) {
    const error = assertThrows(() => alarm.read(text), UsageError);
    assertMatch(error.message, reason);
    const start = `option --alarm does not take ${JSON.stringify(text)}: `;
    assertStringIncludes(error.message, start);
  }
});

/** A board with rules, and a log of what becomes of them. */
class Watched {
  readonly log: string[] = [];
  readonly board: Board;
  readonly #start = START;

  constructor(...rules: string[]) {
    this.board = new Board({
      alarms: rules.map((rule) => alarm.read(rule)!),
      onAlarm: ({ topic, value, isRaised, at }) =>
        this.log.push(
          `${(at - START) / SECOND} ${topic} ${value} ${
            isRaised ? "raised" : "over"
          }`,
        ),
    });
    this.board.tick(this.#start);
  }

  /** A message, so many seconds after the start. */
  at(second: number, topic: string, text: string): void {
    const message = new WireMessage(topic, new TextEncoder().encode(text));
    const now = START + second * SECOND;
    this.board.add(message, beginning(message), now);
  }

  tick(second: number): void {
    this.board.tick(START + second * SECOND);
  }
}

Deno.test("an alarm ends at its limit, or at the number behind until", () => {
  const plain = new Watched("t>30");
  const calm = new Watched("t>30 until 28");
  for (const [i, value] of [29, 31, 30, 31, 29, 28, 29].entries()) {
    plain.at(i, "t", `${value}`);
    calm.at(i, "t", `${value} °C`);
  }
  assertEquals(plain.log, [
    ...["1 t 31 raised", "2 t 30 over", "3 t 31 raised", "4 t 29 over"],
  ]);
  assertEquals(calm.log, ["1 t 31 °C raised", "5 t 28 °C over"]);
  // A text raises nothing, and ends what was raised.
  calm.at(8, "t", "40");
  calm.at(9, "t", "unavailable");
  assertEquals(calm.log.slice(2), ["8 t 40 raised", "9 t unavailable over"]);
  assertEquals(calm.board.alarms, 0);
});

Deno.test("with for, a rule has to hold all the time", () => {
  const watched = new Watched("t>30 for 10s");
  watched.at(0, "t", "31");
  watched.tick(9);
  watched.at(9.5, "t", "30");
  watched.at(10, "t", "31");
  watched.tick(19);
  assertEquals(watched.log, []);
  watched.tick(20);
  watched.tick(21);
  watched.at(22, "t", "29");
  assertEquals(watched.log, ["20 t 31 raised", "22 t 29 over"]);
});

Deno.test("a silent topic raises an alarm, even if it was never heard of", () => {
  const watched = new Watched("a/+ silent 60s", "b silent 30s");
  watched.at(5, "a/1", "x");
  watched.tick(29);
  watched.tick(30);
  watched.tick(65);
  assertEquals(watched.log, ["30 b  raised", "65 a/1 x raised"]);
  assertEquals(watched.board.alarms, 2);
  watched.at(70, "b", "y");
  watched.at(71, "a/1", "z");
  assertEquals(watched.log.slice(2), ["70 b y over", "71 a/1 z over"]);
});

Deno.test("a rule compares a member, a state or a text", () => {
  const watched = new Watched(
    'z/+#contact = "false"',
    'lamp = "ON"',
    "z/+#battery<10",
  );
  watched.at(0, "z/door", '{"battery":50,"contact":true}');
  watched.at(1, "z/door", '{"contact":false}');
  watched.at(2, "z/door", '{"battery":9}');
  watched.at(3, "lamp", "ON");
  watched.at(4, "lamp", "OFF");
  watched.at(5, "z/door", '{"battery":50,"contact":true}');
  assertEquals(watched.log, [
    "1 z/door false raised",
    "2 z/door 9 raised",
    "3 lamp ON raised",
    "4 lamp OFF over",
    "5 z/door true over",
    "5 z/door 50 over",
  ]);
});

Deno.test("without a dashboard, sub --alarm prints each change of an alarm", async () => {
  await using bus = new TestBus();
  await using watcher = await bus.sub(
    "--alarm=z/+#temperature>30",
    "--alarm=never silent 50ms",
    "#",
  );
  assertEquals(await watcher.line(), "alarm\tnever\t\tnever silent 50ms");
  for (const degrees of [29, 31, 32, 30]) {
    await finish(bus.pub("z/a", `{"id":99,"temperature":${degrees}}`));
  }
  const rule = "z/+#temperature>30";
  assertEquals(await watcher.line(), `alarm\tz/a\ttemperature 31\t${rule}`);
  assertEquals(await watcher.line(), `ok\tz/a\ttemperature 30\t${rule}`);
  watcher.kill("SIGTERM");
  assertEquals((await watcher.ended()).stdout, "");
});

Deno.test("sub --on-alarm runs a command at each change, and no more often", async () => {
  await using bus = new TestBus();
  const log = bus.file("log");
  const command = `echo "$FIFOBUS_ALARM $FIFOBUS_TOPIC $FIFOBUS_PATH ` +
    `$FIFOBUS_VALUE $FIFOBUS_RULE" >> '${log}'`;
  await using watcher = await bus.sub(
    "--alarm=a/+>30",
    "--on-alarm",
    command,
    "a/+",
  );
  const lines = async () =>
    (await Deno.readTextFile(log).catch(() => "")).split("\n").slice(0, -1);
  await finish(bus.pub("a/t", '{"celsius":31}'));
  await eventually(async () => (await lines()).length === 1);
  // While the first command has its second, the alarm comes and goes.
  await using publisher = bus.pub("-l", "a/u");
  const flapping = Array.from({ length: 1000 }, (_, i) => `${30 + i % 2}\n`);
  await publisher.write(flapping.join("") + "32\n");
  await publisher.end();
  await publisher.ended();
  await finish(bus.pub("a/t", '{"celsius":29}'));
  await eventually(async () => (await lines()).length >= 3);
  watcher.kill("SIGTERM");
  await watcher.ended();
  const all = await lines();
  assertEquals(all[0], "1 a/t celsius 31 a/+>30");
  assert(all.includes("0 a/t celsius 29 a/+>30"), all.join("\n"));
  const flaps = all.filter((line) => line.includes("a/u"));
  assert(flaps.length <= 3, all.join("\n"));
  assertMatch(flaps.at(-1)!, /^1 a\/u /);
});

Deno.test("after a signal, --grace ends the commands of --on-alarm", async () => {
  await using bus = new TestBus();
  const command = 'echo "start $FIFOBUS_TOPIC"; exec sleep 60';
  await using watcher = await bus.sub(
    ...["--alarm=a/+>30", "--on-alarm", command, "--grace=100ms", "a/+"],
  );
  // Four run at a time. The fifth does not start any more.
  for (const name of "12345") await finish(bus.pub(`a/${name}`, "31"));
  for (let i = 0; i < 4; i++) await watcher.until("start a/");
  watcher.kill("SIGTERM");
  const { code, stderr } = await watcher.ended();
  assertEquals(code, 143);
  assertEquals(stderr.match(/ was ended by SIGTERM$/gm)?.length, 4);
});

Deno.test("sub --alarm-to publishes alarms as JSON", async () => {
  await using bus = new TestBus();
  await using listener = await bus.sub("alarm/site");
  await using watcher = await bus.sub(
    "--alarm=a/t>30",
    "--alarm-to=alarm/site",
    "a/t",
  );
  await finish(bus.pub("a/t", "31 °C"));
  const { time, ...told } = JSON.parse(await listener.line());
  assertEquals(told, {
    topic: "a/t",
    path: "",
    value: "31 °C",
    rule: "a/t>30",
    alarm: true,
  });
  assert(Math.abs(Date.now() - Date.parse(time)) < 60_000);
  assertEquals(await watcher.line(), "alarm\ta/t\t31 °C\ta/t>30");
  // What is left to tell is told at the end.
  await finish(bus.pub("a/t", "20 °C"));
  await watcher.line();
  watcher.kill("SIGTERM");
  await watcher.ended();
  assertEquals(JSON.parse(await listener.line()).alarm, false);
});

Deno.test("a wrong rule is an error of one line that names its part", async () => {
  const wrong = await finish(sub("--alarm", "a=>5", "a"));
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertMatch(
    wrong.stderr,
    /^sub: option --alarm does not take "a=>5": "=>" is not a comparison.*\n$/,
  );
  const value = await finish(sub("--dashboard", "--value", "a/#", "a"));
  assertMatch(
    value.stderr,
    /^sub: option --value does not take "a\/#": it has no #/,
  );
});
