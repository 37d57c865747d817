/**
 * Writes figures about topics for Prometheus: see
 * {@link https://prometheus.io/docs/instrumenting/exposition_formats/ its text format}.
 *
 * @module
 */
import type { SeriesRow } from "../board/series.ts";
import type { Row } from "../board/topic.ts";

/** A metric: its description, and its value. */
interface Metric<T> {
  name: string;
  type: "counter" | "gauge";
  help: string;
  /** Returns the value; null if there is none. */
  of(row: T): number | null;
}

/** A value of a topic. */
type Member = SeriesRow & { topic: string };

/** The metrics of a topic. */
const METRICS: Metric<Row>[] = [
  {
    name: "fifobus_messages_total",
    type: "counter",
    help: "Messages of the topic.",
    of: ({ count }) => count,
  },
  {
    name: "fifobus_last_message_timestamp_seconds",
    type: "gauge",
    help: "When the last message of the topic arrived.",
    of: ({ at }) => at / 1000,
  },
  {
    name: "fifobus_last_value",
    type: "gauge",
    help: "The last number of the topic; of several, the leading one.",
    of: ({ value }) => value,
  },
  {
    name: "fifobus_alarm",
    type: "gauge",
    help: "Whether an alarm is raised for the topic.",
    of: ({ alarm }) => Number(alarm),
  },
];

/** The metrics of a value in messages that are JSON objects. */
const VALUE_METRICS: Metric<Member>[] = [
  {
    name: "fifobus_last_member",
    type: "gauge",
    help: "The last number at a path of the topic's JSON messages.",
    of: ({ value }) => value,
  },
];

/** The metrics of a state, of any message. */
const STATE_METRICS: Metric<Member>[] = [
  {
    name: "fifobus_last_state",
    type: "gauge",
    help: "1 for a last state such as ON, open or true, 0 for its opposite.",
    of: ({ state }) => state === null ? null : Number(state),
  },
];

/**
 * Writes all metrics.
 *
 * @param rows The topics.
 * @param seriesOf Returns the values of a topic.
 * @param counts How many messages belong to unlisted topics, and how many were
 * lost.
 * @returns The text.
 */
export function metricsText(
  rows: Row[],
  seriesOf: (topic: string) => SeriesRow[],
  { unlisted, missed }: { unlisted: number; missed: number },
): string {
  const all = rows.flatMap(({ topic }) =>
    seriesOf(topic).map((series) => ({ topic, ...series }))
  );
  const members = all.filter(({ path }) => path !== "");
  const lines = [
    ...METRICS.flatMap((metric) => samples(metric, rows, topicLabel)),
    ...VALUE_METRICS.flatMap((metric) => samples(metric, members, bothLabels)),
    ...STATE_METRICS.flatMap((metric) => samples(metric, all, bothLabels)),
  ];
  const totals = [
    ["unlisted", unlisted, "Messages of topics that are not listed."],
    ["missed", missed, "Messages that were not read in time."],
  ] as const;
  for (const [what, count, help] of totals) {
    const name = `fifobus_${what}_messages_total`;
    lines.push(...head(name, "counter", help), `${name} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function samples<T>(
  { name, type, help, of }: Metric<T>,
  rows: T[],
  labels: (row: T) => string,
): string[] {
  const lines = rows.flatMap((row) => {
    const value = of(row);
    return value === null ? [] : [`${name}{${labels(row)}} ${value}`];
  });
  return [...head(name, type, help), ...lines];
}

function topicLabel({ topic }: { topic: string }): string {
  return `topic="${escaped(topic)}"`;
}

function bothLabels(row: { topic: string; path: string }): string {
  return `${topicLabel(row)},path="${escaped(row.path)}"`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
