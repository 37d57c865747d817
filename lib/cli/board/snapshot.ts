/**
 * The state of a board at some time, as the terminal shows it.
 *
 * @module
 */
import type { Board } from "./board.ts";
import type { Point, Span } from "./history.ts";
import type { Arrived, Recent } from "./recent.ts";
import type { SeriesRow } from "./series.ts";
import type { Row } from "./topic.ts";

/** The state of the board at some time. */
export interface Snapshot {
  /** The time, in milliseconds since 1970. */
  now: number;
  /** The number of messages, and how many belong to unlisted topics. */
  total: number;
  unlisted: number;
  /** How many messages were lost. */
  missed: number;
  /** Messages a second. */
  rate: number;
  /** How many topics have an alarm. */
  alarms: number;
  /** All topics, in their natural order. */
  rows: Row[];
  /** The values of a topic. */
  series(topic: string): SeriesRow[];
  /** The past of a value; of the leading one without a path. */
  history(topic: string, span: Span, path?: string): Point[];
  /** The last messages of all topics. */
  recent(most: number, isWanted?: (topic: string) => boolean): Arrived[];
  /** The last messages of one topic, of which more are kept from now on. */
  pinned(topic: string): Arrived[];
}

/**
 * Looks at a board.
 *
 * @param board The board.
 * @param recent The last messages.
 * @param now The time, in milliseconds since 1970.
 * @returns Its state; pasts and messages are those of the time they are read.
 */
export function lookAt(board: Board, recent: Recent, now: number): Snapshot {
  return {
    now,
    total: board.total,
    unlisted: board.unlisted,
    missed: board.missed,
    rate: board.rate(now),
    alarms: board.alarms,
    rows: board.rows(now),
    series: (topic) => board.series(topic),
    history: (topic, span, path) => board.history(topic, now, { path, span }),
    recent: (most, isWanted) => recent.last(most, isWanted),
    pinned: (topic) => recent.pin(topic),
  };
}

/** The same, but nothing that arrives later changes it. */
export function freeze(snapshot: Snapshot, span: Span): Snapshot {
  const histories = new Map<string, Point[]>();
  const values = new Map<string, SeriesRow[]>();
  for (const { topic } of snapshot.rows) {
    const series = snapshot.series(topic);
    values.set(topic, series);
    for (const { path } of series) {
      const points = snapshot.history(topic, span, path);
      histories.set(`${topic}#${path}`, points);
    }
  }
  const messages = snapshot.recent(Infinity);
  return {
    ...snapshot,
    series: (topic) => values.get(topic) ?? [],
    history: (topic, _, path = values.get(topic)?.[0]?.path ?? "") =>
      histories.get(`${topic}#${path}`) ?? [],
    recent: (most, isWanted) =>
      messages.filter(({ topic }) => isWanted?.(topic) ?? true).slice(0, most),
    pinned: (topic) => messages.filter((it) => it.topic === topic),
  };
}
