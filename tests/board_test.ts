/**
 * The table behind the dashboards, and how the terminal shows it.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { alarm } from "../lib/cli/alarm.ts";
import { readMember } from "../lib/cli/member.ts";
import { Board } from "../lib/cli/board/board.ts";
import { fit, fitTopic, sparkline } from "../lib/cli/board/cells.ts";
import { drawChart } from "../lib/cli/board/chart.ts";
import { beginning } from "../lib/cli/board/content.ts";
import {
  formatAge,
  formatNumber,
  formatRate,
} from "../lib/cli/board/figures.ts";
import { keysOf } from "../lib/cli/board/keyboard.ts";
import { drawFrame } from "../lib/cli/board/frame.ts";
import { toAscii } from "../lib/cli/board/glyphs.ts";
import { History, SPANS } from "../lib/cli/board/history.ts";
import { compareTopics } from "../lib/cli/board/natural.ts";
import { linesOf } from "../lib/cli/board/pretty.ts";
import { Recent } from "../lib/cli/board/recent.ts";
import { lookAt } from "../lib/cli/board/snapshot.ts";
import type { Change, Row } from "../lib/cli/board/topic.ts";
import { View } from "../lib/cli/board/view.ts";
import { metricsText } from "../lib/cli/web/metrics.ts";
import { WireMessage } from "../lib/wire/message.ts";

/** The time at which these tests start, at the beginning of a second. */
const START = 1_800_000_000_000;

function add(board: Board, topic: string, text: string, at = START): void {
  const message = new WireMessage(topic, new TextEncoder().encode(text));
  board.add(message, beginning(message), at);
}

function row(board: Board, topic: string, now: number): Row {
  return board.rows(now).find((it) => it.topic === topic)!;
}

Deno.test("a board knows the last value of a topic, and what came before", () => {
  const board = new Board({ alarms: [alarm.read("a/+>30")!] });
  add(board, "a/t", "20 °C");
  add(board, "a/t", "40 °C", START + 500);
  add(board, "a/t", "31.0 °C", START + 2000);
  add(board, "b", "open");
  assertEquals(row(board, "a/t", START + 4000), {
    topic: "a/t",
    text: "31.0 °C",
    path: "",
    reading: "31.0 °C",
    length: 8,
    retained: false,
    at: START + 2000,
    sequence: 3,
    value: 31,
    state: null,
    unit: "°C",
    decimals: 1,
    min: 20,
    mean: (20 + 40 + 31) / 3,
    max: 40,
    count: 3,
    rate: 0.75,
    staleMs: 10_000,
    values: 1,
    alarm: true,
    rules: ["a/+>30"],
  });
  assertEquals(row(board, "b", START).min, null);
  assertEquals(board.history("a/t", START + 4000), [
    [START / 1000, 30],
    [START / 1000 + 2, 31],
  ]);
  // The next value ends an alarm, even if it is not a number.
  add(board, "a/t", "off", START + 5000);
  assertEquals(row(board, "a/t", START + 5000).alarm, false);
  assertEquals(board.total, 5);
});

Deno.test("a board keeps the history of one minute, and the rate of ten seconds", () => {
  const board = new Board();
  for (let second = 0; second < 200; second++) {
    for (let i = 0; i < 3; i++) {
      add(board, "t", String(second), START + second * 1000);
    }
  }
  const now = START + 199_000;
  const history = board.history("t", now);
  assertEquals([history.length, history[0]![1], history.at(-1)![1]], [
    60,
    140,
    199,
  ]);
  assertEquals(row(board, "t", now).rate, 3);
  assertEquals(row(board, "t", now + 11_000).rate, 0);
  assertEquals(board.history("t", now + 60_000), []);
});

Deno.test("a board does not grow without end", () => {
  const board = new Board();
  for (let i = 0; i < 50_005; i++) add(board, `t/${i}`, "x".repeat(2000));
  assertEquals([board.total, board.unlisted], [50_005, 5]);
  const [first] = board.rows(START);
  assertEquals([first!.text.length, first!.length], [1000, 2000]);
});

Deno.test("figures are short, and no other number", () => {
  const numbers: [...Parameters<typeof formatNumber>, string][] = [
    [0, undefined, undefined, "0"],
    [-3, undefined, undefined, "-3"],
    [4, 1, undefined, "4.0"],
    [1 / 3, undefined, undefined, "0.333333"],
    [1234.567, undefined, undefined, "1234.567"],
    [12345678.9, 1, undefined, "12,345,678.9"],
    [12345678.9, 1, 10, "12345678.9"],
    [12345678.9, 1, 8, "12345679"],
    [12345678.9, 1, 7, "1.23e+7"],
    [12345678901, 0, undefined, "12,345,678,901"],
    [1.7e308, 0, 9, "1.7e+308"],
    [1e-9, 9, undefined, "1e-9"],
    [0.00004, 5, 6, "4e-5"],
    // A mean is no finer than the values.
    [21.286, 0, undefined, "21"],
    [0.33, 0, undefined, "0"],
  ];
  for (const [value, decimals, width, text] of numbers) {
    assertEquals(formatNumber(value, decimals, width), text);
  }
  const rates = [0, 0.25, 9.96, 120.4, 12_345, 2_500_000];
  assertEquals(rates.map(formatRate), [
    "0",
    "0.3",
    "10",
    "120",
    "12k",
    "2.5M",
  ]);
  const ages = [-1, 999, 59_999, 60_000, 7_200_000, 200_000_000];
  assertEquals(ages.map(formatAge), ["0s", "0s", "59s", "1m", "2h", "2d"]);
});

Deno.test("fit() makes any text as wide as requested", () => {
  const cases: [args: Parameters<typeof fit>, expected: string][] = [
    [["ab", 4], "ab  "],
    [["ab", 4, "right"], "  ab"],
    [["abcdef", 4], "abc…"],
    [["abcdef", 4, "left", "start"], "…def"],
    [["日本語", 6], "日本語"],
    [["日本語", 5], "日本…"],
    [["日本語", 4], "日… "],
    [["a\tb\x1b[2J", 8], "a b^[[2J"],
    [["e\u0301\u202e!", 12], "e\u0301<U+202E>!  "],
    [["x".repeat(1_000_000), 3], "xx…"],
    [["x", 0], ""],
  ];
  for (const [args, expected] of cases) assertEquals(fit(...args), expected);
});

Deno.test("sparkline() shows the newest second at the right, and gaps", () => {
  const [minute] = SPANS;
  const ten = { seconds: 10, step: 1 };
  assertEquals(
    sparkline([[40, 0], [59, 7], [60, 3.5]], 60, minute, 60).length,
    60,
  );
  const points: [number, number][] = [[51, 0], [57, 4], [60, 8]];
  assertEquals(sparkline(points, 60, ten, 10), "▁     ▅  █");
  assertEquals(sparkline([[60, 1]], 60, minute, 4), "   ▅");
  assertEquals(sparkline([], 60, minute, 4), "    ");
});

Deno.test("keysOf() finds the keys in the bytes that a terminal sends", () => {
  assertEquals(keysOf("q\x1b[A\x1bOB\x1b[5~é\x7f\r\x1b"), [
    "q",
    "up",
    "down",
    "page up",
    "é",
    "backspace",
    "enter",
    "escape",
  ]);
  assertEquals(keysOf("\x1b[15~"), ["\x1b[15~"]);
});

const STYLE = new RegExp("\x1b\\[[0-9]*m", "g");

/** The drawn text, without its style. */
function draw(
  board: Board,
  view: View,
  columns: number,
  rows: number,
  now = START,
): string[] {
  const size = { columns, rows };
  const snapshot = lookAt(board, new Recent(), now);
  return drawFrame(snapshot, view, size, { color: true })
    .map((line) => line.replaceAll(STYLE, "").trimEnd());
}

Deno.test("the table has a line for each topic, and a mark at alarms", () => {
  const board = new Board({ alarms: [alarm.read("warehouse/a1/#>25")!] });
  add(board, "warehouse/a1/temperature", "25.5 °C");
  add(board, "warehouse/a2/door", "open");
  add(board, "warehouse/a2/note", "\x1b[2J");
  assertEquals(draw(board, new View(), 104, 7, START + 2000), [
    " fifobus   3 topics   3 messages, 1.5/s   1 alarm",
    "  TOPIC▲                    VALUE        RATE/s   MIN  MEAN   MAX  LAST 1m                           AGE",
    "! warehouse/a1/temperature  25.5 °C         0.5  25.5  25.5  25.5                               ▅     2s",
    "  warehouse/a2/door         ● open          0.5                                                 ▅     2s",
    "  warehouse/a2/note         ^[[2J           0.5                                                       2s",
    "",
    " ? keys   q quit   / filter   Enter details   Tab tree   sort: t topic, v value, r rate, a age, ! alarm",
  ]);
  // If there is no room, columns disappear; the topic and its value go last.
  assertEquals(draw(board, new View(), 40, 5, START + 2000).slice(0, 4), [
    " fifobus   3 topics   3 messages, 1.5/s…",
    "  TOPIC▲                VALUE        MIN",
    "! …ouse/a1/temperature  25.5 °C     25.5",
    "  warehouse/a2/door     ● open",
  ]);
});

Deno.test("dashboards show how many messages were missed", () => {
  const board = new Board();
  add(board, "a", "1");
  const message = new WireMessage("a", new TextEncoder().encode("5"));
  board.add(message.after(3), "5", START);
  const [summary] = draw(board, new View(), 100, 6, START + 2000);
  assertEquals(
    summary,
    " fifobus   1 topic   2 messages, 1.0/s   3 messages missed",
  );
  const metrics = metricsText(board.rows(START), () => [], board).split("\n");
  assertEquals(metrics.includes("fifobus_missed_messages_total 3"), true);
});

Deno.test("keys sort, filter and scroll the table", () => {
  const board = new Board();
  for (const [i, name] of ["b", "a", "c"].entries()) {
    add(board, name, String(i), START + i * 1000);
  }
  const view = new View();
  const topics = () =>
    view.select(board.rows(START + 3000), 2).shown.map((it) => it.key);
  assertEquals(topics(), ["a", "b"]);
  view.press("down", 2);
  assertEquals(topics(), ["a", "b"]);
  view.press("down", 2);
  assertEquals(topics(), ["b", "c"]);
  view.press("page down", 2);
  assertEquals(topics(), ["b", "c"]);
  view.press("home", 2);
  view.press("v", 2);
  assertEquals(topics(), ["c", "a"]);
  view.press("v", 2);
  assertEquals(topics(), ["b", "a"]);
  view.press("a", 2);
  assertEquals(topics(), ["c", "a"]);
  for (const key of ["/", "B", "x", "backspace", "enter"]) view.press(key, 2);
  assertEquals(topics(), ["b"]);
  view.press("escape", 2);
  assertEquals([view.press("p", 2), view.isPaused], [false, true]);
  assertEquals(view.press("q", 2), true);
});

Deno.test("figures and charts start anew when a value changes its unit or its name", () => {
  const board = new Board();
  add(board, "u", "21 °C");
  add(board, "u", "70 °F", START + 1000);
  add(board, "z", '{"battery":97,"temperature":21}');
  add(board, "z", '{"temperature":22}', START + 1000);
  add(board, "p", "20");
  add(board, "p", '{"celsius":31}', START + 1000);
  const figures = (topic: string) => {
    const { value, unit, min, mean, max } = row(board, topic, START + 2000);
    return [value, unit, min, mean, max];
  };
  assertEquals(figures("u"), [70, "°F", 70, 70, 70]);
  assertEquals(figures("z"), [22, "temperature", 21, 21.5, 22]);
  assertEquals(figures("p"), [31, "celsius", 31, 31, 31]);
  const second = START / 1000;
  assertEquals(board.history("u", START + 2000), [[second + 1, 70]]);
  assertEquals(
    board.history("z", START + 2000, { path: "battery" }),
    [[second, 97]],
  );
  // A text between two numbers belongs to neither.
  add(board, "u", "unavailable", START + 2000);
  assertEquals(row(board, "u", START + 2000).value, null);
  add(board, "u", "72 °F", START + 3000);
  assertEquals(figures("u"), [72, "°F", 70, 71, 72]);
});

Deno.test("--value chooses the value that leads, in alarms too", () => {
  const changes: Change[] = [];
  const board = new Board({
    alarms: [alarm.read("z/+>50")!, alarm.read("z/+#battery<10")!],
    values: [readMember("z/+#humidity", "")],
    onAlarm: (change) => changes.push(change),
  });
  add(board, "z/a", '{"battery":9,"humidity":60,"temperature":21}');
  assertEquals(row(board, "z/a", START).path, "humidity");
  assertEquals(changes.map(({ path, value }) => [path, value]), [
    ["humidity", "60"],
    ["battery", "9"],
  ]);
  assertEquals(
    board.series("z/a").map(({ path }) => path),
    ["humidity", "temperature", "battery"],
  );
});

Deno.test("a topic is stale after three of its usual pauses", () => {
  const board = new Board();
  const minute = 60_000;
  for (let i = 0; i < 5; i++) add(board, "slow", "1", START + i * 10 * minute);
  for (let i = 0; i < 5; i++) add(board, "fast", "1", START + i * 100);
  add(board, "once", "1");
  const stale = (topic: string) => row(board, topic, START).staleMs;
  assertEquals(stale("slow"), 30 * minute);
  assertEquals(stale("fast"), 10_000);
  assertEquals(stale("once"), 60 * minute);
});

Deno.test("History has the mean of each step, and nothing in a pause", () => {
  const [minute] = SPANS;
  const history = new History();
  const points = (now: number) => history.points(now * 1000, minute);
  history.add(100_000, 1);
  history.add(100_900, 3);
  history.add(105_000, 4);
  assertEquals(points(105), [[100, 2], [105, 4]]);
  assertEquals(points(159), [[100, 2], [105, 4]]);
  assertEquals(points(160), [[105, 4]]);
  history.add(159_000, 5);
  history.add(160_000, 6);
  assertEquals(points(160), [[105, 4], [159, 5], [160, 6]]);
  history.add(500_000, 7);
  assertEquals(points(500), [[500, 7]]);
  // The clock was set back.
  history.add(300_000, 8);
  assertEquals(points(300), [[300, 8]]);
});

Deno.test("charts go back for a minute, a day and between", () => {
  const board = new Board();
  const HOUR = 3_600_000;
  for (let i = 0; i <= 30; i++) add(board, "t", `${i}`, START + i * HOUR);
  const now = START + 30 * HOUR;
  const lengths = SPANS.map((span) => board.history("t", now, { span }).length);
  assertEquals(lengths, [1, 1, 1, 6, 24]);
});

Deno.test("topics are in the order of their numbers, branch by branch", () => {
  const sorted = [
    ...["$SYS", "a", "a/1", "a/2", "a/2/x", "a/02/x", "a/10", "a-1", "a1"],
    ...["a1/t", "a2", "a10", "b"],
  ];
  assertEquals(sorted.toReversed().toSorted(compareTopics), sorted);
  const board = new Board();
  for (const topic of sorted.toReversed()) add(board, topic, "1");
  assertEquals(board.rows(START).map(({ topic }) => topic), sorted);
});

Deno.test("a long topic is cut in its middle, at a slash", () => {
  const topic = "warehouse/hall 7/rack 12/a1/temperature";
  assertEquals(fitTopic(topic, 40).trimEnd(), topic);
  assertEquals(fitTopic(topic, 30), "warehouse/…/a1/temperature    ");
  assertEquals(fitTopic(topic, 24), "warehouse/…/temperature ");
  assertEquals(fitTopic(topic, 10), "…mperature");
});

/** Ten sensors and a switch, as a site has them. */
function site(): Board {
  const board = new Board();
  for (let i = 1; i <= 10; i++) {
    add(board, `warehouse/a${i}/temperature`, `${18 + i}.5 °C`);
  }
  add(board, "warehouse/door", "OPEN");
  return board;
}

Deno.test("a terminal of 80 columns shows ten sensors without a cut", () => {
  const lines = draw(site(), new View(), 80, 24, START + 1000);
  assertEquals(lines[1]!.split(/ +/), [
    ...["", "TOPIC▲", "VALUE", "MIN", "MEAN", "MAX", "LAST", "1m", "AGE"],
  ]);
  assertEquals(lines.slice(2, 13).some((line) => line.includes("…")), false);
  assertEquals(lines[11]!.split(/ +/).slice(1, 4), [
    "warehouse/a10/temperature",
    "28.5",
    "°C",
  ]);
  // The age goes before the largest value does.
  const [, narrow] = draw(site(), new View(), 66, 24, START + 1000);
  assertEquals([narrow!.includes("MAX"), narrow!.includes("AGE")], [
    true,
    false,
  ]);
});

Deno.test("the tree folds by level, and Enter opens a topic", () => {
  const board = site();
  const view = new View();
  const shown = () =>
    draw(board, view, 80, 24, START + 1000).slice(2, 16)
      .map((line) => line.split("  ").filter(Boolean)[0]?.trim())
      .filter(Boolean);
  shown();
  view.press("tab", 20);
  assertEquals(shown().slice(0, 3), [
    "▾ warehouse",
    "a1/temperature",
    "a2/temperature",
  ]);
  view.press("1", 20);
  assertEquals(shown(), ["▸ warehouse"]);
  const [line] = draw(board, view, 80, 24).slice(2);
  assertEquals(line!.includes("11 topics"), true);
  view.press("enter", 20);
  assertEquals(shown().length, 12);
  view.press("down", 20);
  shown();
  // Keys that come before the next frame count, too.
  for (const key of ["up", "down", "enter"]) view.press(key, 20);
  const detail = draw(board, view, 80, 24, START + 1000);
  assertEquals(view.topic, "warehouse/a1/temperature");
  assertEquals(detail[1], " warehouse/a1/temperature");
  assertEquals(detail.some((it) => it.includes("min 19.5")), true);
  assertEquals(detail.some((it) => it.includes("┤")), true);
  view.press("escape", 20);
  assertEquals(shown().length, 12);
  view.press("?", 20);
  assertEquals(draw(board, view, 80, 24)[1], "  KEYS");
});

Deno.test("twenty thousand topics count, and those on the screen are drawn", () => {
  const board = new Board({ alarms: [alarm.read("plant/line199/#>98")!] });
  for (let i = 0; i < 20_000; i++) {
    add(
      board,
      `plant/line${i % 200}/sensor${(i / 200) | 0}`,
      `${(i / 200) | 0}`,
    );
  }
  const view = new View();
  view.press("!", 20);
  const lines = draw(board, view, 100, 10, START + 1000);
  assertEquals(
    lines[0],
    " fifobus   20,000 topics   20,000 messages, 20k/s   1 alarm",
  );
  assertEquals(lines[2]!.startsWith("! plant/line199/sensor99 "), true);
  for (const key of "/line199/sensor1") view.press(key, 20);
  const found = draw(board, view, 100, 20, START + 1000).slice(2, 14);
  assertEquals(found.map((it) => it.split(/ +/)[1]).filter(Boolean), [
    ...["plant/line199/sensor1", "plant/line199/sensor10"],
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `plant/line199/sensor1${i}`),
  ]);
});

Deno.test("messages are shown whole: JSON indented, bytes in hexadecimal", () => {
  const lines = (text: string | number[], width = 30) =>
    linesOf(
      typeof text === "string"
        ? new TextEncoder().encode(text)
        : new Uint8Array(text),
      width,
      100,
    );
  assertEquals(lines('{"a":4.0,"b":[1,2]}'), ['{"a": 4.0, "b": [1, 2]}']);
  assertEquals(
    lines('{"id":12345678901234567890,"b":{"c":[1,2,3]},"d":"x: {y}"}', 28),
    [
      "{",
      '  "id": 12345678901234567890,',
      '  "b": {"c": [1, 2, 3]},',
      '  "d": "x: {y}"',
      "}",
    ].flatMap((it) => it.length > 28 ? [it.slice(0, 28), it.slice(28)] : it),
  );
  assertEquals(lines("a\tb\x1b[2J"), ["a    b^[[2J"]);
  assertEquals(lines("日本語でabc", 7), ["日本語", "でabc"]);
  assertEquals(lines([0x89, 0x50, 0x4e, 0x47, 0, 1]), [
    `00000000  89 50 4e 47 00 01${" ".repeat(32)}.PNG..`,
  ]);
  const message = new WireMessage(
    "t",
    Uint8Array.from({ length: 1678 }, () => 0xfe),
  );
  assertEquals(beginning(message), "binary, 1,678 bytes");
  assertEquals(
    beginning(new WireMessage("t", new TextEncoder().encode("é\x1b\0"))),
    "é\x1b\0",
  );
});

Deno.test("a high terminal shows the last messages of all topics", () => {
  const board = new Board();
  const recent = new Recent();
  for (const [i, topic] of ["a", "b\x1b"].entries()) {
    const message = new WireMessage(topic, new TextEncoder().encode("x\ny"));
    board.add(message, beginning(message), START);
    recent.add(message, START, i + 1);
  }
  const frame = (rows: number) =>
    drawFrame(lookAt(board, recent, START), new View(), { columns: 80, rows }, {
      color: false,
    }).map((line) => line.replaceAll(STYLE, "").trimEnd());
  const high = frame(40);
  assertEquals(high.length, 40);
  const at = high.indexOf("  LAST MESSAGES");
  assertEquals(high.slice(at + 1, at + 3).map((line) => line.slice(12)), [
    "b^[  x y",
    "a  x y",
  ]);
  assertEquals(frame(24).includes("  LAST MESSAGES"), false);
});

Deno.test("the last messages are kept, within limits", () => {
  const recent = new Recent();
  const put = (topic: string, bytes: number, i = 0) =>
    recent.add(new WireMessage(topic, new Uint8Array(bytes)), START, i);
  put("rare", 1);
  recent.pin("rare");
  for (let i = 0; i < 1500; i++) put("busy", 10, i);
  assertEquals(recent.last(5000).length, 1000);
  assertEquals(recent.last(1)[0]!.sequence, 1499);
  assertEquals(recent.pin("rare").length, 1);
  for (let i = 0; i < 10; i++) put("large", 1_000_000);
  assertEquals(recent.last(5000).length, 4);
});

Deno.test("a terminal without UTF-8 gets ASCII of the same width", () => {
  assertEquals(toAscii("● 21 °C ▁█ … ⠀⣿┤"), "* 21 'C _# ~  *+");
});

Deno.test("drawChart() has axes, and leaves out seconds without a number", () => {
  const options = {
    now: 59,
    width: 36,
    height: 5,
    decimals: 0,
    isState: false,
  };
  const points: [number, number][] = [[0, 0], [1, 0], [58, 10], [59, 10]];
  const lines = drawChart(points, { ...options, span: SPANS[0] });
  assertEquals(
    lines.slice(0, 4).map((line) => line.slice(0, 5)),
    [" 10 ┤", "    │", "    │", "  0 ┤"],
  );
  const blank = "\u2800";
  const drawn = lines.slice(0, 4).map((line) =>
    [...line.slice(4)].filter((it) => it !== blank && it !== "┤" && it !== "│")
      .length
  );
  // A line at each end, and nothing between.
  assertEquals(drawn, [1, 0, 0, 1]);
  assertEquals(lines[4], `    └1m ago${" ".repeat(22)}now`);
});
