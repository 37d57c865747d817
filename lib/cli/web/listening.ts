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

/** How often we look whether we still listen. */
const LOOK_MS = 2000;

/** How often we tell that we do not. */
const TELL_MS = 60_000;

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
    const again = "path" in listener
      ? listener
      : { hostname: listener.hostname, port: this.port };
    let toldAt = -Infinity;
    for (let current: typeof server | undefined = server; current;) {
      const looking = new AbortController();
      // What it says when another one listens, nobody hears.
      current.finished.catch(() => {});
      try {
        const deaf = deafness(again, current.addr, looking.signal);
        await Promise.race([current.finished, deaf]);
        return;
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        const now = performance.now();
        if (now - toldAt > TELL_MS) {
          say(`no further connections for now: ${reasonOf(error)}`);
          toldAt = now;
        }
      } finally {
        looking.abort();
      }
      current = await this.#serveAgain(again);
    }
  }

  /** Listens as soon as it can; undefined at the end. */
  async #serveAgain(
    listener: Listener,
  ): Promise<Deno.HttpServer<Deno.Addr> | undefined> {
    const { signal } = this.#stopped;
    while (true) {
      await delay(PAUSE_MS, signal).catch(() => {});
      if (signal.aborted) return undefined;
      try {
        return this.#serve(listener);
      } catch {
        // There is no descriptor yet.
      }
    }
  }
}

/**
 * Fails when nobody listens any more. Before Deno 2.8 a server does not tell
 * that, as long as it has a connection.
 */
async function deafness(
  listener: Listener,
  addr: Deno.Addr,
  signal: AbortSignal,
): Promise<void> {
  while (true) {
    await delay(LOOK_MS, signal).catch(() => {});
    if (signal.aborted) return;
    if (await isFree(listener, addr)) throw new Error("nobody listens");
  }
}

/** Tells whether nobody listens at an address. */
async function isFree(listener: Listener, addr: Deno.Addr): Promise<boolean> {
  if ("path" in listener) {
    try {
      (await Deno.connect({ transport: "unix", path: listener.path })).close();
      return false;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused;
    }
  }
  const { hostname, port } = addr as Deno.NetAddr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const asked = { name: "net", host: `${host}:${port}` } as const;
  // A name may be allowed, and not its address: nobody has to be asked for that.
  if (Deno.permissions.querySync(asked).state !== "granted") return false;
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch {
    return false;
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
