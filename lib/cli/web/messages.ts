/**
 * The messages as a stream of events for programs: `/events`.
 *
 * @module
 */
import { matchesTopic } from "../../topic.ts";
import type { Board } from "../board/board.ts";
import type { Arrived, Recent } from "../board/recent.ts";
import type { Client, Clients } from "./clients.ts";

/** After this time without a message an event says how far the stream is. */
const HEARTBEAT_MS = 5000;

/** The most messages that are sent at once. */
const MAX_MESSAGES = 200;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Sends each message as an event. */
export class Messages {
  readonly #board: Board;
  readonly #recent: Recent;
  readonly #clients: Clients;
  readonly #run: string;

  /**
   * Creates the stream.
   *
   * @param board Counts the messages.
   * @param recent The last of them.
   * @param clients The open streams.
   * @param run Identifies this run of the program.
   */
  constructor(board: Board, recent: Recent, clients: Clients, run: string) {
    this.#board = board;
    this.#recent = recent;
    this.#clients = clients;
    this.#run = run;
  }

  /**
   * Sends messages from now on, or all that are kept behind an event.
   *
   * @param filters The topics; all if there is none.
   * @param lastEventId The last event that the client got.
   * @param leave Is called when the client has left.
   * @returns The events.
   */
  stream(
    filters: string[],
    lastEventId: string | null,
    leave: () => void,
  ): ReadableStream<Uint8Array> {
    const isWanted = ({ topic }: Arrived) =>
      filters.length === 0 || filters.some((it) => matchesTopic(it, topic));
    let sequence = this.#start(lastEventId);
    // The first text has the headers sent.
    let text = `retry: 1000\n${this.#id(sequence)}\n`;
    const take = () => {
      const kept = this.#recent.since(sequence);
      const missed = this.#board.total - sequence - kept.length;
      if (missed > 0) text += `event: gap\ndata: {"messages":${missed}}\n\n`;
      const wanted = kept.filter(isWanted);
      const told = wanted.slice(0, MAX_MESSAGES);
      for (const arrived of told) {
        text += this.#id(arrived.sequence) + `data: ${jsonOf(arrived)}\n\n`;
      }
      sequence = told.length < wanted.length
        ? told.at(-1)!.sequence
        : this.#board.total;
    };
    return this.#clients.stream(async (client: Client) => {
      if (text === "") take();
      const end = Date.now() + HEARTBEAT_MS;
      while (text === "" && !client.isEnded && Date.now() < end) {
        await client.waitForNews(end - Date.now());
        take();
      }
      const sent = text === "" ? `${this.#id(sequence)}\n` : text;
      text = "";
      return sent;
    }, leave);
  }

  #id(sequence: number): string {
    return `id: ${this.#run}.${sequence}\n`;
  }

  #start(lastEventId: string | null): number {
    if (lastEventId === null) return this.#board.total;
    const [run, last] = lastEventId.split(".");
    // Another run of the program began to count at zero.
    if (run !== this.#run) return 0;
    return Math.min(Number(last) || 0, this.#board.total);
  }
}

/**
 * A message as JSON, with the names that `sub --json` has.
 *
 * @param arrived The message.
 * @returns The JSON, on one line.
 */
export function jsonOf(
  { topic, bytes, retained, missed, at, sequence }: Arrived,
): string {
  return JSON.stringify({
    topic,
    time: new Date(at).toISOString(),
    sequence,
    retained,
    ...missed > 0 && { missed },
    length: bytes.length,
    ...textOf(bytes),
  });
}

function textOf(bytes: Uint8Array): { message: string } | { base64: string } {
  try {
    return { message: strict.decode(bytes) };
  } catch {
    return { base64: bytes.toBase64() };
  }
}
