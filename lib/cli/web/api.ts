/**
 * What programs ask of `sub --serve`: topics, their past, and to publish.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import { nameFault } from "../../topic.ts";
import type { Board } from "../board/board.ts";
import { SPANS } from "../board/history.ts";
import type { Recent } from "../board/recent.ts";
import type { Row } from "../board/topic.ts";
import { respond } from "./guard.ts";
import { jsonOf } from "./messages.ts";

/** How long a client may take to send a message. */
const MAX_BODY_MS = 30_000;

const NO_TOPIC = "there is no such topic\n";
const SPAN_NAMES = SPANS.map(({ name }) => name).join(", ");

/** Publishes a message from a page or a program. */
export type Publish = (
  topic: string,
  message: Uint8Array,
  retain: boolean,
) => Promise<number | undefined>;

/** How to publish. */
export interface ApiOptions {
  /** The longest message that may be published. */
  maxBytes: number;
  /** Publishes what clients send; undefined if they may not. */
  publish: Publish | undefined;
}

/** Answers programs. */
export class Api {
  readonly #board: Board;
  readonly #recent: Recent;
  readonly #options: ApiOptions;

  /**
   * Creates the API.
   *
   * @param board The table of topics.
   * @param recent The last messages.
   * @param options How to publish.
   */
  constructor(board: Board, recent: Recent, options: ApiOptions) {
    this.#board = board;
    this.#recent = recent;
    this.#options = options;
  }

  /** All topics. */
  topics(): Response {
    const now = Date.now();
    const topics = this.#board.rows(now).map((row) => ({
      ...row,
      at: new Date(row.at).toISOString(),
      series: this.#board.series(row.topic),
      history: this.#board.history(row.topic, now),
    }));
    return json(topics);
  }

  /**
   * Answers what is asked by a path: `NAME`, or `NAME/history`.
   *
   * @param rest The path behind `/api/topics/`.
   * @param query What else is asked.
   * @returns The answer, JSON.
   */
  byPath(rest: string, query: URLSearchParams): Response {
    const [, name, isPast] = /^(.*?)(\/history)?$/s.exec(rest)!;
    const topic = decoded(name!);
    return isPast ? this.history(topic, query) : this.topic(topic, query);
  }

  /**
   * All that is known of a topic.
   *
   * @param topic The topic; undefined if it was not UTF-8.
   * @param query What else is asked.
   * @returns The answer, JSON.
   */
  topic(topic: string | undefined, query: URLSearchParams): Response {
    const row = this.#row(topic);
    if (!row) return plain(NO_TOPIC, 404);
    const since = Number(query.get("since") ?? 0);
    if (Number.isNaN(since)) return plain("since is a number\n", 400);
    const messages = this.#recent.pin(row.topic)
      .filter(({ sequence }) => sequence > since)
      .map((it) => JSON.parse(jsonOf(it)));
    const series = this.#board.series(row.topic);
    const limits = this.#board.limits(row.topic);
    const at = new Date(row.at).toISOString();
    return json({ ...row, at, series, limits, messages });
  }

  /**
   * The past of a value of a topic.
   *
   * @param topic The topic; undefined if it was not UTF-8.
   * @param query Which value, and how much of its past.
   * @returns The answer, JSON.
   */
  history(topic: string | undefined, query: URLSearchParams): Response {
    const row = this.#row(topic);
    if (!row) return plain(NO_TOPIC, 404);
    const wanted = query.get("span") ?? SPANS[0].name;
    const span = SPANS.find(({ name }) => name === wanted);
    if (!span) return plain(`span is ${SPAN_NAMES}\n`, 400);
    const board = this.#board;
    const now = Date.now();
    const path = query.get("path") ?? row.path;
    const found = board.series(row.topic).find((it) => it.path === path);
    const points = board.history(row.topic, now, { path, span });
    const { unit, decimals, state, value } = found ??
      { unit: "", decimals: 0, state: null, value: null };
    return json({
      topic: row.topic,
      path,
      unit,
      decimals,
      isState: state !== null,
      value: value ?? (state === null ? null : Number(state)),
      now: now / 1000,
      seconds: span.seconds,
      step: span.step,
      points,
    });
  }

  #row(topic: string | undefined): Row | undefined {
    return topic === undefined ? undefined : this.#board.row(topic, Date.now());
  }

  /**
   * Publishes what a client sends.
   *
   * @param request The request.
   * @param topic The topic; undefined if it was not UTF-8.
   * @param maxMs How long the client may take to send it.
   * @returns How many subscribers got it, as JSON.
   */
  async publish(
    request: Request,
    topic: string | undefined,
    maxMs = MAX_BODY_MS,
  ): Promise<Response> {
    const { publish, maxBytes } = this.#options;
    const fault = topic === undefined ? "it is not UTF-8" : nameFault(topic);
    if (fault !== undefined) return plain(`the topic: ${fault}\n`, 400);
    let bytes: Uint8Array | undefined;
    try {
      bytes = await bodyOf(request, maxBytes, AbortSignal.timeout(maxMs));
    } catch {
      // The client is too slow, or it has left.
      return last(`at most ${maxMs / 1000} seconds\n`, 408);
    }
    if (!bytes) return last(`at most ${maxBytes} bytes\n`, 413);
    const retain = new URL(request.url).searchParams.has("retain");
    try {
      const subscribers = await publish!(topic!, bytes, retain);
      return json({ subscribers });
    } catch (error) {
      return plain(`${reasonOf(error)}\n`, 400);
    }
  }
}

/** Reads what a client sends; undefined if it is too long. */
async function bodyOf(
  { body }: Request,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const timely = body?.pipeThrough(new TransformStream(), { signal });
  for await (const part of timely ?? []) {
    length += part.length;
    if (length > maxBytes) return undefined;
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/**
 * Decodes a part of a path.
 *
 * @param text The part, percent-encoded.
 * @returns What it means; undefined if that is not UTF-8.
 */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function json(value: unknown): Response {
  return respond(`${JSON.stringify(value)}\n`, "application/json");
}

/**
 * Answers in words.
 *
 * @param text The words, a line.
 * @param status The status.
 * @returns The response.
 */
export function plain(text: string, status: number): Response {
  return respond(text, "text/plain; charset=utf-8", { status });
}

/**
 * Answers in words, and ends the connection.
 *
 * @param text The words, a line.
 * @param status The status.
 * @returns The response.
 */
export function last(text: string, status: number): Response {
  const response = plain(text, status);
  response.headers.set("connection", "close");
  return response;
}
