/**
 * Decides whom the server answers, and what a browser may do with the answer.
 *
 * @module
 */

/** The page loads nothing from elsewhere, and never runs text as code. */
const HEADERS: Record<string, string> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|::1)$/i;
const IP_ADDRESS = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/**
 * Tells whether only this machine can reach an address.
 *
 * @param hostname A name or an IP address.
 * @returns Whether it is a loopback address.
 */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** Which requests to answer. */
export interface GuardOptions {
  /** The name or IP address on which the server listens; undefined: a socket. */
  hostname: string | undefined;
  port: number;
  /** The URL under which browsers reach the server, if it has another one. */
  origin: URL | undefined;
  /** The token that a client has to send; undefined: serve every client. */
  token: string | undefined;
  /** Whether connections are encrypted. */
  isEncrypted: boolean;
  /** Whether clients may publish. */
  isWritable: boolean;
}

/** Checks requests. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #cookie: string;

  /**
   * Creates a guard.
   *
   * @param options Which requests to answer.
   */
  constructor(options: GuardOptions) {
    this.#options = options;
    // Browsers send a cookie to all ports of a host.
    this.#cookie = `fifobus-${options.port}`;
  }

  /**
   * Checks a request.
   *
   * @param request The request.
   * @returns The answer that refuses or redirects it; undefined if it is fine.
   */
  async check(request: Request): Promise<Response | undefined> {
    if (!URL.canParse(request.url)) {
      return refusal(400, "the Host header is not a host and a port");
    }
    const url = new URL(request.url);
    if (!this.#isHost(url.hostname)) {
      const text = "this server has another name: use its IP address, or " +
        `sub --origin http://${url.host}`;
      return refusal(421, text);
    }
    return this.#checkMethod(request, url) ??
      await this.#checkToken(request, url);
  }

  #checkMethod(request: Request, url: URL): Response | undefined {
    const { method, headers } = request;
    if (method === "GET" || method === "HEAD") return undefined;
    const { isWritable, origin: known } = this.#options;
    if (!isWritable) {
      const text = "there is nothing to send here without sub --writable";
      return refusal(405, text, { allow: "GET" });
    }
    if (method !== "POST") {
      return refusal(405, "publish by POST", { allow: "GET, POST" });
    }
    // A browser says which site a request comes from.
    const site = headers.get("sec-fetch-site");
    const origin = headers.get("origin");
    const isOwn = origin === null || origin === known?.origin ||
      URL.canParse(origin) && new URL(origin).host === url.host;
    if (isOwn && (site === null || /^(same-origin|none)$/.test(site))) {
      return undefined;
    }
    return refusal(403, "pages of another site cannot publish");
  }

  async #checkToken(request: Request, url: URL): Promise<Response | undefined> {
    const { token, isEncrypted, origin } = this.#options;
    if (token === undefined) return undefined;
    const given = url.searchParams.get("token");
    if (given === null) {
      const known = bearer(request) ?? cookie(request, this.#cookie);
      if (known !== undefined && await isSame(known, token)) return undefined;
    } else if (await isSame(given, token)) {
      // We move the token from the address line and the history to a cookie.
      url.searchParams.delete("token");
      const value = `${this.#cookie}=${encodeURIComponent(token)}`;
      const secure = isEncrypted || origin?.protocol === "https:"
        ? "; Secure"
        : "";
      return refusal(303, "", {
        // Relative, as a proxy may have put a path before ours.
        location: `./${url.pathname.split("/").at(-1)}${url.search}`,
        "set-cookie": `${value}; Path=/; HttpOnly; SameSite=Strict${secure}`,
      });
    }
    return refusal(401, "open the address with ?token= that sub printed", {
      "www-authenticate": "Bearer",
    });
  }

  /**
   * Prevents DNS rebinding: another site can let its own name resolve to our
   * address, and then its page can read what we serve. It cannot do so with an
   * IP address, and it does not have the token.
   */
  #isHost(name: string): boolean {
    const { hostname, origin, token } = this.#options;
    return token !== undefined || hostname === undefined || isLoopback(name) ||
      IP_ADDRESS.test(name) || name === origin?.hostname ||
      name.toLowerCase() === hostname.toLowerCase();
  }
}

/**
 * Makes a response with the headers that make a browser careful.
 *
 * @param body Its body.
 * @param type Its media type.
 * @param init Its status and further headers.
 * @returns The response.
 */
export function respond(
  body: BodyInit | null,
  type: string,
  init: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const { status = 200, headers = {} } = init;
  return new Response(body, {
    status,
    headers: { ...HEADERS, "content-type": type, ...headers },
  });
}

function refusal(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Response {
  return respond(text && `${text}\n`, "text/plain; charset=utf-8", {
    status,
    headers,
  });
}

function bearer(request: Request): string | undefined {
  return /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

function cookie(request: Request, name: string): string | undefined {
  for (const pair of request.headers.get("cookie")?.split(/;\s*/) ?? []) {
    const [key, value = ""] = pair.split("=", 2);
    if (key === name) return decode(value);
  }
  return undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Compares two texts; the time it takes does not reveal where they differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const encoder = new TextEncoder();
  const [one, other] = await Promise.all(
    [a, b].map((it) => crypto.subtle.digest("SHA-256", encoder.encode(it))),
  );
  const bytes = new Uint8Array(other!);
  return new Uint8Array(one!).every((byte, i) => byte === bytes[i]);
}
