/**
 * Listens for requests, also after the process ran out of descriptors.
 *
 * @module
 */
import { delay } from "../../delay.ts";
import { reasonOf } from "../../errors.ts";
import type { Listener } from "../options/values.ts";

/** How long to wait before we listen again. */
const PAUSE_MS = 500;

/** Where to listen, and who answers. */
export interface ListeningOptions {
  listener: Listener;
  /** A certificate and its key in PEM, to encrypt. */
  tls: { cert: string; key: string } | undefined;
  /** The permissions of a socket in the file system. */
  mode: number;
  /** Answers a request of a client at an IP address, or at the socket. */
  answer(request: Request, address: string): Promise<Response>;
  /** Answers a request that went wrong. */
  onError(): Response;
  /** Tells the user something. */
  say(text: string): void;
}

/** A server that listens until it is closed. */
export class Listening {
  /** The port, if it has one. */
  readonly port: number;
  readonly #options: ListeningOptions;
  readonly #stopped = new AbortController();
  readonly #ended: Promise<void>;

  private constructor(options: ListeningOptions) {
    this.#options = options;
    const server = this.#serve(options.listener);
    const { addr } = server;
    this.port = "port" in addr ? addr.port : 0;
    this.#ended = this.#goOn(server);
  }

  /**
   * Starts to listen.
   *
   * @param options Where to listen, and who answers.
   * @returns The server; the caller closes it.
   * @throws {Error} If it cannot listen there.
   */
  static async open(options: ListeningOptions): Promise<Listening> {
    const { listener } = options;
    try {
      if ("path" in listener) await removeDeadSocket(listener.path);
      return new Listening(options);
    } catch (error) {
      const where = shownListener(listener);
      throw new Error(`Cannot serve on ${where}: ${whyNot(error, listener)}`, {
        cause: error,
      });
    }
  }

  /** Stops to listen, and ends the connections. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#ended;
    const { listener } = this.#options;
    if ("path" in listener) await Deno.remove(listener.path).catch(() => {});
  }

  #serve(listener: Listener): Deno.HttpServer<Deno.Addr> {
    const { tls, mode, answer, onError } = this.#options;
    const signal = this.#stopped.signal;
    const common = { signal, onListen: () => {}, onError };
    if ("path" in listener) {
      return serveSocket(listener.path, mode, common, answer);
    }
    return Deno.serve(
      { ...listener, ...tls, ...common },
      (request, { remoteAddr }) => answer(request, remoteAddr.hostname),
    );
  }

  /** Deno stops to listen when it cannot accept a connection. */
  async #goOn(server: Deno.HttpServer<Deno.Addr>): Promise<void> {
    const { listener, say } = this.#options;
    let isTold = false;
    const again = "path" in listener
      ? listener
      : { hostname: listener.hostname, port: this.port };
    for (let current: typeof server | undefined = server;;) {
      try {
        await current?.finished;
        return;
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        if (!isTold) say(`no further connections for now: ${reasonOf(error)}`);
        isTold = true;
      }
      await delay(PAUSE_MS, this.#stopped.signal).catch(() => {});
      if (this.#stopped.signal.aborted) return;
      try {
        current = this.#serve(again);
        isTold = false;
      } catch {
        current = undefined;
      }
    }
  }
}

/**
 * Listens on a socket in the file system. It gets its name when its permissions
 * are set, so nobody else gets in before.
 */
function serveSocket(
  path: string,
  mode: number,
  options: { signal: AbortSignal; onListen(): void; onError(): Response },
  answer: ListeningOptions["answer"],
): Deno.HttpServer<Deno.Addr> {
  const slash = path.lastIndexOf("/");
  const dir = slash < 0 ? "." : path.slice(0, slash) || "/";
  const hidden = Deno.makeTempDirSync({ dir, prefix: ".serve-" });
  try {
    const server = Deno.serve(
      { path: `${hidden}/s`, ...options },
      // All of them are users of this machine, or a proxy.
      (request) => answer(request, "localhost"),
    );
    Deno.chmodSync(`${hidden}/s`, mode);
    Deno.renameSync(`${hidden}/s`, path);
    return server;
  } finally {
    Deno.removeSync(hidden, { recursive: true });
  }
}

/** Removes a socket that a killed process left. */
async function removeDeadSocket(path: string): Promise<void> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new Deno.errors.AlreadyExists();
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return Deno.removeSync(path);
  }
  throw new Deno.errors.AddrInUse();
}

function whyNot(error: unknown, listener: Listener): string {
  const { AddrInUse, AddrNotAvailable, NotCapable, PermissionDenied } =
    Deno.errors;
  const isSocket = "path" in listener;
  if (error instanceof AddrInUse) {
    return isSocket
      ? "another process serves there"
      : "the port is in use; 0 takes one that is free";
  }
  if (error instanceof Deno.errors.AlreadyExists) {
    return "there is a file of that name";
  }
  if (error instanceof AddrNotAvailable) {
    return "that is not an address of this machine";
  }
  const isDenied = error instanceof PermissionDenied &&
    !(error instanceof NotCapable);
  return isDenied && !isSocket
    ? "ports below 1024 are for the superuser"
    : reasonOf(error);
}

/**
 * Writes where a server listens.
 *
 * @param listener Where.
 * @param port The port, if it is another.
 * @returns `HOST:PORT` or `unix:PATH`.
 */
export function shownListener(
  listener: Listener,
  port = "port" in listener ? listener.port : 0,
): string {
  if ("path" in listener) return `unix:${listener.path}`;
  const { hostname } = listener;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
