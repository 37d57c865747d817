/**
 * Writes figures about topics for Prometheus: see
 * {@link https://prometheus.io/docs/instrumenting/exposition_formats/ its text format}.
 *
 * @module
 */
import type { Row } from "../board/board.ts";

/** A metric: its description, and its value for a topic. */
interface Metric {
  name: string;
  type: "counter" | "gauge";
  help: string;
  /** Returns the value for a topic; null if it has none. */
  of(row: Row): number | null;
}

const METRICS: Metric[] = [
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
    help: "The number in the last message of the topic.",
    of: ({ value }) => value,
  },
  {
    name: "fifobus_alarm",
    type: "gauge",
    help: "Whether an alarm holds for it.",
    of: ({ alarm }) => Number(alarm),
  },
];

/**
 * Writes all metrics.
 *
 * @param rows The topics.
 * @param counts How many messages belong to unlisted topics, and how many were
 * lost.
 * @returns The text.
 */
export function metricsText(
  rows: Row[],
  { unlisted, missed }: { unlisted: number; missed: number },
): string {
  const lines = METRICS.flatMap(({ name, type, help, of }) => [
    ...head(name, type, help),
    ...rows.flatMap((row) => {
      const value = of(row);
      return value === null ? [] : [`${name}${labels(row)} ${value}`];
    }),
  ]);
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

function labels({ topic }: Row): string {
  const escaped = topic.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
  return `{topic="${escaped}"}`;
}
