/**
 * The table behind the dashboards, and how the terminal shows it.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { alarm } from "../lib/cli/alarm.ts";
import { beginning, Board, type Row } from "../lib/cli/board/board.ts";
import { fit, sparkline } from "../lib/cli/board/cells.ts";
import {
  formatAge,
  formatNumber,
  formatRate,
} from "../lib/cli/board/figures.ts";
import { keysOf } from "../lib/cli/board/keyboard.ts";
import { readNumber } from "../lib/cli/board/reading.ts";
import { drawTable, type Snapshot } from "../lib/cli/board/table.ts";
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

Deno.test("readNumber() finds the number of a measurement, and its unit", () => {
  const cases: [text: string, value?: number, unit?: string][] = [
    ["21.5", 21.5, ""],
    [" -3 ", -3, ""],
    ["+.5e3", 500, ""],
    ["21.5 °C", 21.5, "°C"],
    ["40%", 40, "%"],
    ['{"value": 1, "unit": "bar"}', 1, "bar"],
    ['{"celsius": 21.5}', 21.5, "celsius"],
    ['{"name": "a", "celsius": 21.5, "unit": "K"}', 21.5, "K"],
    ['{"at": "now"}'],
    ["{21.5}"],
    [""],
    ["NaN"],
    ["Infinity"],
    ["1e999"],
    ["door 3 open"],
    ["2026-11-24"],
    ["0x10"],
    ["[21.5]"],
  ];
  for (const [text, value, unit] of cases) {
    const reading = value === undefined ? undefined : { value, unit };
    assertEquals(readNumber(text), reading, text);
  }
});

Deno.test("a board knows the last value of a topic, and what came before", () => {
  const board = new Board([alarm.read("a/+>30")!]);
  add(board, "a/t", "20");
  add(board, "a/t", "40 °C", START + 500);
  add(board, "a/t", "31 °C", START + 2000);
  add(board, "b", "open");
  assertEquals(row(board, "a/t", START + 4000), {
    topic: "a/t",
    text: "31 °C",
    length: 6,
    retained: false,
    at: START + 2000,
    sequence: 3,
    value: 31,
    unit: "°C",
    min: 20,
    mean: (20 + 40 + 31) / 3,
    max: 40,
    count: 3,
    rate: 0.75,
    alarm: true,
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
  for (let i = 0; i < 10_005; i++) add(board, `t/${i}`, "x".repeat(2000));
  assertEquals([board.total, board.unlisted], [10_005, 5]);
  const [first] = board.rows(START);
  assertEquals([first!.text.length, first!.length], [1000, 2000]);
});

Deno.test("alarm rules are read with their filter and comparison", () => {
  const cases: [text: string, rule?: [string, string, number]][] = [
    ["warehouse/+/t>30", ["warehouse/+/t", ">", 30]],
    ["# <= -1.5", ["#", "<=", -1.5]],
    ["a!=0", ["a", "!=", 0]],
    ["a=.5", ["a", "=", 0.5]],
    ["a>b"],
    ["a==5"],
    ["a=>5"],
    ["a>>5"],
    [">3"],
    ["a/#/b>3"],
    ["a"],
  ];
  for (const [text, rule] of cases) {
    const read = alarm.read(text);
    const { filter, comparison, limit } = read ?? {};
    assertEquals(read && [filter, comparison, limit], rule, text);
  }
});

Deno.test("figures are short", () => {
  const numbers = [0, -3, 21.5, 1 / 3, 1234.567, 123456.7, 12345678, 1e-9];
  assertEquals(numbers.map(formatNumber), [
    "0",
    "-3",
    "21.5",
    "0.33333",
    "1234.6",
    "123457",
    "1.235e+7",
    "1e-9",
  ]);
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
  assertEquals(sparkline([[40, 0], [59, 7], [60, 3.5]], 60, 60, 60).length, 60);
  const points: [number, number][] = [[51, 0], [57, 4], [60, 8]];
  assertEquals(sparkline(points, 60, 10, 10), "▁     ▅  █");
  assertEquals(sparkline([[60, 1]], 60, 60, 4), "   ▅");
  assertEquals(sparkline([], 60, 60, 4), "    ");
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

/** A snapshot of a board. */
function look(board: Board, now: number): Snapshot {
  return {
    now,
    total: board.total,
    unlisted: board.unlisted,
    missed: board.missed,
    rows: board.rows(now),
    history: (topic) => board.history(topic, now),
  };
}

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
  return drawTable(look(board, now), view, size, { color: true })
    .map((line) => line.replaceAll(STYLE, "").trimEnd());
}

Deno.test("the table has a line for each topic, and a mark at alarms", () => {
  const board = new Board([alarm.read("warehouse/a1/#>25")!]);
  add(board, "warehouse/a1/temperature", "25.5 °C");
  add(board, "warehouse/a2/door", "open\x1b[2J");
  assertEquals(draw(board, new View(), 100, 6, START + 2000), [
    " fifobus   2 topics   2 messages, 1.0/s   1 alarm",
    " TOPIC▲                                VALUE   RATE/s      MIN     MEAN      MAX  LAST MINUTE    AGE",
    "!warehouse/a1/temperature            25.5 °C      0.5     25.5     25.5     25.5             ▅    2s",
    " warehouse/a2/door                 open^[[2J      0.5                                             2s",
    "",
    " q quit   / filter   p pause   sort: t topic, v value, r rate, a age   ↑↓ scroll",
  ]);
  // If there is no room, columns disappear; the topic and its value go last.
  assertEquals(draw(board, new View(), 40, 5, START + 2000), [
    " fifobus   2 topics   2 messages, 1.0/s…",
    " TOPIC▲                      VALUE   AGE",
    "!…house/a1/temperature     25.5 °C    2s",
    " warehouse/a2/door       open^[[2J    2s",
    " q quit   / filter   p pause   sort: t …",
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
  const metrics = metricsText(board.rows(START), board).split("\n");
  assertEquals(metrics.includes("fifobus_missed_messages_total 3"), true);
});

Deno.test("keys sort, filter and scroll the table", () => {
  const board = new Board();
  for (const [i, name] of ["b", "a", "c"].entries()) {
    add(board, name, String(i), START + i * 1000);
  }
  const view = new View();
  const topics = () =>
    view.select(board.rows(START + 3000), 2).shown.map((it) => it.topic);
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
