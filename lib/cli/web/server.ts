/**
 * The dashboard in the browser: `sub --serve`.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import { load } from "../../load.ts";
import type { Message } from "../../message.ts";
import { isTopicFilter } from "../../topic.ts";
import type { Board } from "../board/board.ts";
import { Recent } from "../board/recent.ts";
import { UsageError } from "../exit_codes.ts";
import type { Listener } from "../options/values.ts";
import { Api, type ApiOptions, decoded, plain } from "./api.ts";
import { Clients } from "./clients.ts";
import { Feed, sortOf } from "./feed.ts";
import { serveFile, toFolder } from "./files.ts";
import { Guard, isLoopback, respond } from "./guard.ts";
import { Listening, shownListener } from "./listening.ts";
import { Messages } from "./messages.ts";
import { metricsText } from "./metrics.ts";
import { PAGE } from "./page.ts";
import { Places } from "./places.ts";

/** A proxy must not collect events. */
const STREAM = { headers: { "x-accel-buffering": "no" } };

/** What to serve, and to which clients. */
export interface WebServerOptions extends ApiOptions {
  /** The address on which it listens. */
  listener: Listener;
  /** The permissions of a socket in the file system. */
  mode: number;
  /** A certificate and its key in PEM, to encrypt. */
  tls: { cert: string; key: string } | undefined;
  /** The URL under which browsers reach it, if it has another one. */
  origin: URL | undefined;
  /** The token that a browser has to send; if empty, we make one up. */
  token: string | undefined;
  /** How many messages a page shows when it opens. */
  history: number;
  /** A folder to serve beside the page. */
  www: string | undefined;
  /** Tells the user the URL. */
  say(text: string): void;
}

/** A server that shows a board until it is closed. */
export class WebServer {
  /** The URL to open in a browser. */
  readonly url: string;
  readonly #board: Board;
  readonly #api: Api;
  readonly #folder: string | undefined;
  readonly #clients = new Clients();
  readonly #places = new Places();
  readonly #recent = new Recent();
  readonly #feed: Feed;
  readonly #messages: Messages;
  readonly #guard: Guard;
  readonly #listening: Listening;

  private constructor(
    board: Board,
    options: WebServerOptions,
    folder: string | undefined,
    listening: Listening,
  ) {
    const { listener, token, history, origin, tls, publish } = options;
    this.#board = board;
    this.#folder = folder;
    this.#listening = listening;
    const run = crypto.randomUUID().slice(0, 8);
    const [recent, clients] = [this.#recent, this.#clients];
    this.#api = new Api(board, recent, options);
    const isWritable = publish !== undefined;
    this.#feed = new Feed(board, clients, { history, run, isWritable });
    this.#messages = new Messages(board, recent, clients, run);
    this.#guard = new Guard({
      hostname: "path" in listener ? undefined : listener.hostname,
      port: listening.port,
      origin,
      token,
      isEncrypted: tls !== undefined,
      isWritable,
    });
    const base = origin
      ? origin.href
      : "path" in listener
      ? shownListener(listener)
      : `http${tls ? "s" : ""}://${shownListener(listener, listening.port)}/`;
    this.url = token === undefined
      ? base
      : `${base}?token=${encodeURIComponent(token)}`;
  }

  /**
   * Starts to serve.
   *
   * @param board The board to show.
   * @param options What to serve, and to which clients.
   * @returns The server; the caller closes it.
   * @throws {UsageError} If other machines could reach it without a token.
   * @throws {Error} If it cannot listen on that address, or serve the folder.
   */
  static async start(
    board: Board,
    options: WebServerOptions,
  ): Promise<WebServer> {
    const { listener, say, www, tls, origin, mode } = options;
    const isOpen = !("path" in listener) && !isLoopback(listener.hostname);
    if (isOpen && options.token === undefined) {
      throw new UsageError(
        `--serve on ${listener.hostname} goes with --token: others reach it`,
      );
    }
    const token = options.token === ""
      ? crypto.randomUUID().replaceAll("-", "")
      : options.token;
    const folder = www === undefined ? undefined : await folderOf(www);
    // No request is answered before this function returns to the event loop.
    const listening = await Listening.open({
      listener,
      tls,
      mode,
      say,
      answer: (request, address) => server.#answer(request, address),
      onError: () => respond("it went wrong\n", "text/plain", { status: 500 }),
    });
    const server = new WebServer(
      board,
      { ...options, token },
      folder,
      listening,
    );
    say(`serving ${server.url}`);
    if (isOpen && !tls && !origin) {
      say("other machines reach it, and nothing is encrypted on the way");
    }
    return server;
  }

  /** Adds a message that the board has just counted. */
  add(message: Message, text: string, at: number): void {
    this.#feed.add(message, text, at);
    this.#recent.add(message, at, this.#board.total);
  }

  /** Sends an update to the pages soon. */
  changed(): void {
    this.#clients.changed();
  }

  /** Stops the server. */
  async close(): Promise<void> {
    this.#clients.close();
    await this.#listening.close();
  }

  async #answer(request: Request, address: string): Promise<Response> {
    const refusal = this.#places.lack() ?? await this.#guard.check(request);
    if (refusal) return refusal;
    const { pathname, searchParams } = new URL(request.url);
    const name = (start: string) =>
      pathname.startsWith(start) ? pathname.slice(start.length) : undefined;
    const [topic, file] = [name("/api/topics/"), name("/www/")];
    // A proxy may change a path, not what stands behind it.
    const asked = searchParams.get("topic") ?? undefined;
    if (request.method === "POST") {
      const target = pathname === "/topics" ? asked : name("/topics/");
      if (target === undefined) return plain("publish to topics/NAME\n", 404);
      const leave = this.#places.take(address);
      if (leave instanceof Response) return leave;
      try {
        return await this.#api.publish(
          request,
          pathname === "/topics" ? target : decoded(target),
        );
      } finally {
        leave();
      }
    }
    if (topic !== undefined) return this.#api.byPath(topic, searchParams);
    if (this.#folder !== undefined) {
      if (pathname === "/www") return toFolder("www");
      if (file !== undefined) return await serveFile(this.#folder, file);
    }
    const part = PAGE[pathname];
    if (part) return respond(part.text, part.type);
    const lastEventId = request.headers.get("last-event-id") ??
      searchParams.get("since");
    switch (pathname) {
      case "/uplot.js":
      case "/uplot.css":
        return await chartPart(pathname);
      case "/updates":
        return this.#stream(request, address, (leave) =>
          this.#feed.stream({
            lastEventId,
            filter: searchParams.get("filter") ?? "",
            sort: sortOf(searchParams.get("sort")),
          }, leave));
      case "/events": {
        const filters = searchParams.getAll("filter");
        const wrong = filters.find((it) => !isTopicFilter(it));
        if (wrong !== undefined) {
          return plain(`"${wrong}" is not a topic filter\n`, 400);
        }
        return this.#stream(
          request,
          address,
          (leave) => this.#messages.stream(filters, lastEventId, leave),
        );
      }
      case "/api/topics":
        return asked === undefined
          ? this.#api.topics()
          : this.#api.topic(asked, searchParams);
      case "/api/history":
        return this.#api.history(asked, searchParams);
      case "/metrics": {
        const board = this.#board;
        const rows = board.rows(Date.now());
        const text = metricsText(rows, (it) => board.series(it), board);
        return respond(text, "text/plain; version=0.0.4; charset=utf-8");
      }
      default:
        return plain("there is nothing here\n", 404);
    }
  }

  #stream(
    request: Request,
    address: string,
    open: (leave: () => void) => ReadableStream<Uint8Array>,
  ): Response {
    const type = "text/event-stream";
    // A HEAD request reads no stream.
    if (request.method === "HEAD") return respond(null, type, STREAM);
    const leave = this.#places.take(address);
    if (leave instanceof Response) return leave;
    return respond(open(leave), type, STREAM);
  }
}

/** The parts that draw charts: few runs need them. */
async function chartPart(path: string): Promise<Response> {
  const { UPLOT_SCRIPT, UPLOT_STYLE } = await load<
    typeof import("./uplot.ts")
  >(import.meta.resolve("./uplot.ts"));
  return path.endsWith(".js")
    ? respond(UPLOT_SCRIPT, "text/javascript; charset=utf-8")
    : respond(UPLOT_STYLE, "text/css; charset=utf-8");
}

async function folderOf(www: string): Promise<string> {
  try {
    const folder = await Deno.realPath(www);
    if ((await Deno.stat(folder)).isDirectory) return folder;
  } catch (error) {
    const reason = reasonOf(error);
    throw new Error(`Cannot serve --www "${www}": ${reason}`, { cause: error });
  }
  throw new Error(`Cannot serve --www "${www}": it is not a folder`);
}
