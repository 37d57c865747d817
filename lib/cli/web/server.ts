/**
 * The dashboard in the browser: `sub --serve`.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import type { Message } from "../../message.ts";
import type { Board } from "../board/board.ts";
import { UsageError } from "../exit_codes.ts";
import type { Listener } from "../options/values.ts";
import { Feed, sortOf, type Wanted } from "./feed.ts";
import { Guard, isLoopback, respond } from "./guard.ts";
import { metricsText } from "./metrics.ts";
import { PAGE } from "./page.ts";

const EVENT_STREAM = "text/event-stream";

/** Refuses further pages: to serve them badly is worse than to refuse them. */
const MAX_PAGES = 100;

/** What to serve, and to which clients. */
export interface WebServerOptions {
  /** The address on which it listens. */
  listener: Listener;
  /** The token that a browser has to send; if empty, we make one up. */
  token: string | undefined;
  /** How many messages a page shows when it opens. */
  history: number;
  /** Tells the user the URL. */
  say(text: string): void;
}

/** A server that shows a board until it is closed. */
export class WebServer {
  /** The URL to open in a browser. */
  readonly url: string;
  readonly #board: Board;
  readonly #feed: Feed;
  readonly #guard: Guard;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stopped = new AbortController();

  private constructor(
    board: Board,
    { listener, token, history }: WebServerOptions,
  ) {
    this.#board = board;
    this.#feed = new Feed(board, history);
    this.#server = Deno.serve({
      ...listener,
      signal: this.#stopped.signal,
      onListen: () => {},
      onError: () => respond("it went wrong\n", "text/plain", { status: 500 }),
    }, (request) => this.#answer(request));
    const { port } = this.#server.addr;
    this.#guard = new Guard({ hostname: listener.hostname, port, token });
    const query = token === undefined
      ? ""
      : `?token=${encodeURIComponent(token)}`;
    this.url = `http://${shown(listener, port)}/${query}`;
  }

  /**
   * Starts to serve.
   *
   * @param board The board to show.
   * @param options What to serve, and to which clients.
   * @returns The server; the caller closes it.
   * @throws {UsageError} If other machines could reach it without a token.
   * @throws {Error} If it cannot listen on that address.
   */
  static start(board: Board, options: WebServerOptions): WebServer {
    const { listener, say } = options;
    const isOpen = !isLoopback(listener.hostname);
    if (isOpen && options.token === undefined) {
      throw new UsageError(
        `--serve on ${listener.hostname} goes with --token: others reach it`,
      );
    }
    const token = options.token === ""
      ? crypto.randomUUID().replaceAll("-", "")
      : options.token;
    const server = listen(
      listener,
      () => new WebServer(board, { ...options, token }),
    );
    say(`serving ${server.url}`);
    if (isOpen) {
      say("other machines reach it, and nothing is encrypted on the way");
    }
    return server;
  }

  /** Adds a message that the board has just counted. */
  add(message: Message, text: string, at: number): void {
    this.#feed.add(message, text, at);
  }

  /** Sends an update to the pages soon. */
  changed(): void {
    this.#feed.changed();
  }

  /** Stops the server. */
  async close(): Promise<void> {
    this.#feed.close();
    this.#stopped.abort();
    await this.#server.finished;
  }

  async #answer(request: Request): Promise<Response> {
    const refusal = await this.#guard.check(request);
    if (refusal) return refusal;
    const { pathname, searchParams } = new URL(request.url);
    const file = PAGE[pathname];
    if (file) return respond(file.text, file.type);
    switch (pathname) {
      case "/events":
        // A HEAD request reads no stream.
        if (request.method === "HEAD") return respond(null, EVENT_STREAM);
        return this.#events({
          lastEventId: request.headers.get("last-event-id") ??
            searchParams.get("since"),
          filter: searchParams.get("filter") ?? "",
          sort: sortOf(searchParams.get("sort")),
        });
      case "/api/topics":
        return respond(this.#topics(), "application/json");
      case "/metrics": {
        const board = this.#board;
        const rows = board.rows(Date.now());
        const text = metricsText(rows, (it) => board.series(it), board);
        return respond(text, "text/plain; version=0.0.4; charset=utf-8");
      }
      default:
        return respond("there is nothing here\n", "text/plain", {
          status: 404,
        });
    }
  }

  #events(wanted: Wanted): Response {
    if (this.#feed.pages >= MAX_PAGES) {
      const text = `${MAX_PAGES} pages are open already\n`;
      return respond(text, "text/plain", { status: 503 });
    }
    return respond(this.#feed.stream(wanted), EVENT_STREAM);
  }

  #topics(): string {
    const now = Date.now();
    const topics = this.#board.rows(now).map((row) => ({
      ...row,
      at: new Date(row.at).toISOString(),
      series: this.#board.series(row.topic),
      history: this.#board.history(row.topic, now),
    }));
    return `${JSON.stringify(topics)}\n`;
  }
}

function listen(listener: Listener, start: () => WebServer): WebServer {
  try {
    return start();
  } catch (error) {
    const { AddrInUse, AddrNotAvailable, NotCapable, PermissionDenied } =
      Deno.errors;
    const reason = error instanceof AddrInUse
      ? "the port is in use; 0 takes one that is free"
      : error instanceof AddrNotAvailable
      ? "that is not an address of this machine"
      : error instanceof PermissionDenied && !(error instanceof NotCapable)
      ? "ports below 1024 are for the superuser"
      : reasonOf(error);
    const where = shown(listener, listener.port);
    throw new Error(`Cannot serve on ${where}: ${reason}`, { cause: error });
  }
}

function shown({ hostname }: Listener, port: number): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
