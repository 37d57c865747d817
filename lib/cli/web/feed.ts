/**
 * Sends updates to the pages as server-sent events: see
 * {@link https://html.spec.whatwg.org/multipage/server-sent-events.html the standard}.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import type { Board } from "../board/board.ts";
import { MAX_TEXT } from "../board/content.ts";
import type { Point } from "../board/history.ts";
import type { SeriesRow } from "../board/series.ts";
import type { Row } from "../board/topic.ts";
import { COMPARE, type Sort } from "../board/view.ts";
import type { Clients } from "./clients.ts";

/** At most ten events a second for a page, and at least one. */
const MIN_EVENT_MS = 100;
const MAX_EVENT_MS = 1000;

/** To make events takes at most a quarter of the time. */
const PAUSE_PER_EVENT = 3;

/** The most messages that an event lists; further ones are only counted. */
const MAX_LISTED = 200;

/** The most topics that a page shows; those with alarms come first. */
const MAX_TOPICS = 1000;

/** The most values that a page shows of a topic, beside the leading one. */
const MAX_OTHERS = 8;

/** After this time without a message, the rate of a topic is 0. */
const RATE_MS = 11_000;

/** A message in the list of a page. */
export interface Entry {
  sequence: number;
  topic: string;
  /** The message, or its first 1000 characters. */
  text: string;
  /** Its length in bytes. */
  length: number;
  retained: boolean;
  /** When it arrived, in milliseconds since 1970. */
  at: number;
}

/** What a page wants to see. */
export interface Wanted {
  /** The last event that it got, if it comes back. */
  lastEventId: string | null;
  /** The text that a topic has to contain. */
  filter: string;
  /** Which topics come first, if it cannot show all. */
  sort: Sort;
}

/** A topic on a page. */
interface Shown extends Row {
  /** Its other values. */
  others: SeriesRow[];
  /** The new points of its chart. */
  points: Point[];
}

/** The changes since the last event that a page got. */
export interface Update {
  /** Identifies this run of the program: another run counts from 0 again. */
  run: string;
  now: number;
  total: number;
  /** How many messages were lost because we did not read them in time. */
  missed: number;
  /** The number of all topics, and of those that match the filter. */
  known: number;
  matching: number;
  /** Messages a second, and how many topics have an alarm, of all topics. */
  rate: number;
  alarms: number;
  /** The topics that have changed. */
  topics: Shown[];
  /** The topics that are no longer shown, as others come before them. */
  gone: string[];
  /** The new messages, the oldest first. */
  messages: Entry[];
  /** How many earlier messages are not listed. */
  skipped: number;
  /** How many messages the page may keep. */
  history: number;
  /** Whether the page may publish. */
  isWritable: boolean;
}

/** How far a page has been told. */
interface Cursor {
  sequence: number;
  /** The time of its last event, in milliseconds since 1970. */
  at: number;
  /** The topics that it shows, and which of them have an alarm. */
  shown: Map<string, boolean>;
}

/**
 * Reads how a page sorts its topics.
 *
 * @param text The name of the order.
 * @returns The order; by topic if there is none of that name.
 */
export function sortOf(text: string | null): Sort {
  const sorts = Object.keys(COMPARE) as Sort[];
  return sorts.find((sort) => sort === text) ?? "topic";
}

/** Sends updates to the pages. Slow pages get fewer updates. */
export class Feed {
  readonly #board: Board;
  readonly #clients: Clients;
  readonly #options: Pick<Update, "history" | "run" | "isWritable">;
  readonly #entries: Entry[] = [];
  #pauseMs = 0;
  #known: { total: number; second: number; rows: Row[] } = {
    total: 0,
    second: 0,
    rows: [],
  };

  /**
   * Creates a feed.
   *
   * @param board The table of topics.
   * @param clients The open streams.
   * @param options How many messages to keep for pages that open later, what
   * identifies this run of the program, and whether pages may publish.
   */
  constructor(
    board: Board,
    clients: Clients,
    options: Pick<Update, "history" | "run" | "isWritable">,
  ) {
    this.#board = board;
    this.#clients = clients;
    this.#options = options;
  }

  /** Keeps a message that the board has just counted. */
  add({ topic, length, retained }: Message, text: string, at: number): void {
    const { total: sequence } = this.#board;
    const { history } = this.#options;
    const shown = text.slice(0, MAX_TEXT);
    this.#entries.push({ sequence, topic, text: shown, length, retained, at });
    // We keep up to twice as many, so that not each message moves the others.
    if (this.#entries.length >= 2 * history) {
      this.#entries.splice(0, this.#entries.length - history);
    }
  }

  /**
   * Sends a page the current state, and then the changes.
   *
   * @param wanted What the page wants to see.
   * @param leave Is called when the page has left.
   * @returns The events.
   */
  stream(wanted: Wanted, leave: () => void): ReadableStream<Uint8Array> {
    const filter = wanted.filter.toLowerCase();
    let cursor = this.#resume(wanted.lastEventId);
    return this.#clients.stream(async (client) => {
      const pause = Math.max(MIN_EVENT_MS, this.#pauseMs);
      await client.wait(pause - (Date.now() - cursor.at));
      if (this.#board.total === cursor.sequence) {
        await client.waitForNews(MAX_EVENT_MS - (Date.now() - cursor.at));
      }
      if (client.isEnded) return "";
      const started = performance.now();
      const update = this.#update(cursor, filter, wanted.sort);
      const { shown } = cursor;
      cursor = { sequence: update.total, at: update.now, shown };
      const id = `${update.run}.${update.total}`;
      const event = `id: ${id}\ndata: ${JSON.stringify(update)}\n\n`;
      this.#pauseMs = Math.min(
        MAX_EVENT_MS,
        PAUSE_PER_EVENT * (performance.now() - started),
      );
      return event;
    }, leave);
  }

  /** Reads the rows once for all pages, which get them at the same time. */
  #rowsAt(now: number): Row[] {
    const { total } = this.#board;
    const second = Math.floor(now / 1000);
    if (this.#known.total !== total || this.#known.second !== second) {
      this.#known = { total, second, rows: this.#board.rows(now) };
    }
    return this.#known.rows;
  }

  #resume(lastEventId: string | null): Cursor {
    const [run, last] = lastEventId?.split(".") ?? [];
    const known = run === this.#options.run ? Number(last) || 0 : 0;
    const sequence = Math.min(known, this.#board.total);
    return { sequence, at: 0, shown: new Map() };
  }

  #update(
    { sequence, at, shown }: Cursor,
    filter: string,
    sort: Sort,
  ): Update {
    const board = this.#board;
    const now = Date.now();
    const isFirst = at === 0;
    const rows = this.#rowsAt(now);
    const isNewSecond = Math.floor(now / 1000) > Math.floor(at / 1000);
    const isOld = (row: Row) =>
      row.sequence <= sequence && shown.get(row.topic) === row.alarm &&
      !(isNewSecond && now - row.at < RATE_MS);
    const isWanted = ({ topic }: { topic: string }) =>
      filter === "" || topic.toLowerCase().includes(filter);
    const matching = filter === "" ? rows : rows.filter(isWanted);
    const chosen = choose(matching, sort);
    const topics = chosen
      .filter((row) => isFirst || !isOld(row))
      .map((row) => {
        // More numbers may have arrived in the second of the last event; a
        // topic that was not shown has to send all of its points.
        const since = shown.has(row.topic) ? Math.floor(at / 1000) : 0;
        const points = board.history(row.topic, now, { since });
        const others = row.values < 2 ? [] : board.series(row.topic)
          .filter(({ path }) => path !== row.path && path !== "");
        return { ...row, points, others: others.slice(0, MAX_OTHERS) };
      });
    const gone = new Set(shown.keys());
    for (const { topic } of chosen) gone.delete(topic);
    shown.clear();
    for (const { topic, alarm } of chosen) shown.set(topic, alarm);
    const entries = this.#entries.slice(-this.#options.history);
    const unknown = entries.filter((entry) => entry.sequence > sequence);
    const wanted = filter === "" ? unknown : unknown.filter(isWanted);
    const messages = isFirst ? wanted : wanted.slice(-MAX_LISTED);
    return {
      ...this.#options,
      now,
      total: board.total,
      missed: board.missed,
      known: board.topics,
      matching: matching.length,
      rate: board.rate(now),
      alarms: board.alarms,
      topics,
      gone: [...gone],
      messages,
      // Nobody counts how many of those match.
      skipped: filter === "" ? board.total - sequence - messages.length : 0,
    };
  }
}

/** The topics that a page shows: all, or else those with alarms first. */
function choose(rows: Row[], sort: Sort): Row[] {
  if (rows.length <= MAX_TOPICS) return rows;
  const alarmed = rows.filter(({ alarm }) => alarm);
  const others = rows.filter(({ alarm }) => !alarm);
  return [...alarmed, ...others.sort(COMPARE[sort])].slice(0, MAX_TOPICS);
}
