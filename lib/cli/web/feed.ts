/**
 * Sends updates to the pages as server-sent events: see
 * {@link https://html.spec.whatwg.org/multipage/server-sent-events.html the standard}.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { type Board, MAX_TEXT, type Point, type Row } from "../board/board.ts";

/** At most ten events a second for a page, and at least one. */
const MIN_EVENT_MS = 100;
const MAX_EVENT_MS = 1000;

/** The most messages that an event lists; further ones are only counted. */
const MAX_LISTED = 200;

/** The most topics that a page shows. */
const MAX_TOPICS = 1000;

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

/** The changes since the last event that a page got. */
export interface Update {
  /** Identifies this run of the program: another run counts from 0 again. */
  run: string;
  now: number;
  total: number;
  /** How many messages were lost because we did not read them in time. */
  missed: number;
  /** How many topics the page does not show. */
  hidden: number;
  /** The topics that have changed, with the new points of their charts. */
  topics: (Row & { points: Point[] })[];
  /** The new messages, the oldest first. */
  messages: Entry[];
  /** How many earlier messages are not listed. */
  skipped: number;
  /** How many messages the page may keep. */
  history: number;
}

/** An open page. It waits for one thing at a time. */
class Page {
  /** Whether the browser has left, or the feed has ended. */
  isEnded = false;
  #isIdle = false;
  #wake = () => {};

  async wait(milliseconds: number): Promise<void> {
    if (this.isEnded || milliseconds <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  async waitForNews(milliseconds: number): Promise<void> {
    this.#isIdle = true;
    await this.wait(milliseconds);
    this.#isIdle = false;
  }

  changed(): void {
    if (this.#isIdle) this.#wake();
  }

  end(): void {
    this.isEnded = true;
    this.#wake();
  }
}

/** How far a page has been told. */
interface Cursor {
  sequence: number;
  /** The time of its last event, in milliseconds since 1970. */
  at: number;
}

/** Sends updates to the pages. Slow pages get fewer updates. */
export class Feed {
  readonly #board: Board;
  readonly #history: number;
  readonly #run: string = crypto.randomUUID().slice(0, 8);
  readonly #entries: Entry[] = [];
  readonly #pages = new Set<Page>();
  #known: { total: number; second: number; rows: Row[] } = {
    total: 0,
    second: 0,
    rows: [],
  };

  /**
   * Creates a feed.
   *
   * @param board The table of topics.
   * @param history How many messages to keep for pages that open later.
   */
  constructor(board: Board, history: number) {
    this.#board = board;
    this.#history = history;
  }

  /** The number of open pages. */
  get pages(): number {
    return this.#pages.size;
  }

  /** Keeps a message that the board has just counted. */
  add({ topic, length, retained }: Message, text: string, at: number): void {
    const { total: sequence } = this.#board;
    const shown = text.slice(0, MAX_TEXT);
    this.#entries.push({ sequence, topic, text: shown, length, retained, at });
    // We keep up to twice as many, so that not each message moves the others.
    if (this.#entries.length >= 2 * this.#history) {
      this.#entries.splice(0, this.#entries.length - this.#history);
    }
  }

  /** Sends an update to the pages soon. */
  changed(): void {
    for (const page of this.#pages) page.changed();
  }

  /**
   * Sends a page the current state, and then the changes. It makes no event
   * before the page has taken the one before, so a page that stands still costs
   * nothing.
   *
   * @param lastEventId The last event that the page got, if it comes back.
   * @returns The events.
   */
  stream(lastEventId: string | null): ReadableStream<Uint8Array> {
    let cursor = this.#resume(lastEventId);
    const page = new Page();
    this.#pages.add(page);
    const encoder = new TextEncoder();
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await page.wait(MIN_EVENT_MS - (Date.now() - cursor.at));
        if (this.#board.total === cursor.sequence) {
          await page.waitForNews(MAX_EVENT_MS - (Date.now() - cursor.at));
        }
        if (page.isEnded) return controller.close();
        const update = this.#update(cursor);
        cursor = { sequence: update.total, at: update.now };
        const id = `${update.run}.${update.total}`;
        const event = `id: ${id}\ndata: ${JSON.stringify(update)}\n\n`;
        controller.enqueue(encoder.encode(event));
      },
      cancel: () => {
        page.end();
        this.#pages.delete(page);
      },
    }, { highWaterMark: 0 });
  }

  /** Ends all streams. */
  close(): void {
    for (const page of this.#pages) page.end();
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
    const [run, sequence] = lastEventId?.split(".") ?? [];
    const known = run === this.#run ? Number(sequence) || 0 : 0;
    return { sequence: Math.min(known, this.#board.total), at: 0 };
  }

  #update({ sequence, at }: Cursor): Update {
    const board = this.#board;
    const now = Date.now();
    const isFirst = at === 0;
    const rows = this.#rowsAt(now);
    const isNewSecond = Math.floor(now / 1000) > Math.floor(at / 1000);
    const isOld = (row: Row) =>
      row.sequence <= sequence && !(isNewSecond && now - row.at < RATE_MS);
    const topics = rows.slice(0, MAX_TOPICS)
      .filter((row) => isFirst || !isOld(row))
      .map((row) => {
        // More numbers may have arrived in the second of the last event.
        const since = Math.floor(at / 1000);
        return { ...row, points: board.history(row.topic, now, since) };
      });
    const entries = this.#entries.slice(-this.#history);
    const unknown = entries.filter((entry) => entry.sequence > sequence);
    const messages = isFirst ? unknown : unknown.slice(-MAX_LISTED);
    return {
      run: this.#run,
      now,
      total: board.total,
      missed: board.missed,
      hidden: Math.max(0, rows.length - MAX_TOPICS),
      topics,
      messages,
      skipped: board.total - sequence - messages.length,
      history: this.#history,
    };
  }
}
