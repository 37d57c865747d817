/**
 * Who is served, and what a browser may do with it.
 *
 * @module
 */

/** The page loads nothing from elsewhere, and makes no code of text. */
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
 * Tells whether an address is one of this machine that no other one reaches.
 *
 * @param hostname A name or an IP address.
 * @returns Whether it is.
 */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** Whom to serve. */
export interface GuardOptions {
  /** Where the server listens. */
  hostname: string;
  port: number;
  /** What a browser or program has to know; all are served without it. */
  token: string | undefined;
}

/** Decides about requests. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #cookie: string;

  /**
   * Creates a guard.
   *
   * @param options Whom to serve.
   */
  constructor(options: GuardOptions) {
    this.#options = options;
    // Browsers send a cookie to all ports of a host.
    this.#cookie = `fifobus-${options.port}`;
  }

  /**
   * Looks at a request.
   *
   * @param request The request.
   * @returns What to answer instead; undefined if it is fine.
   */
  async check(request: Request): Promise<Response | undefined> {
    const url = new URL(request.url);
    if (!this.#isHost(url.hostname)) {
      const text = "this server has another name: use its IP address";
      return refusal(421, text);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refusal(405, "there is nothing to send here", { allow: "GET" });
    }
    const { token } = this.#options;
    if (token === undefined) return undefined;
    const given = url.searchParams.get("token");
    if (given === null) {
      const known = bearer(request) ?? cookie(request, this.#cookie);
      if (known !== undefined && await isSame(known, token)) return undefined;
    } else if (await isSame(given, token)) {
      // It goes into a cookie, and out of the address line and the history.
      url.searchParams.delete("token");
      const value = `${this.#cookie}=${encodeURIComponent(token)}`;
      return refusal(303, "", {
        location: url.pathname + url.search,
        "set-cookie": `${value}; Path=/; HttpOnly; SameSite=Strict`,
      });
    }
    return refusal(401, "open the address with ?token= that sub printed", {
      "www-authenticate": "Bearer",
    });
  }

  /**
   * A page of another site can have its own name mean our address, and read
   * what we serve: DNS rebinding. It cannot have an IP address mean it.
   */
  #isHost(hostname: string): boolean {
    return isLoopback(hostname) || IP_ADDRESS.test(hostname) ||
      hostname.toLowerCase() === this.#options.hostname.toLowerCase();
  }
}

/**
 * Makes a response that a browser is careful with.
 *
 * @param body What it says.
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

/** Compares in a time that says nothing about where they differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const encoder = new TextEncoder();
  const [one, other] = await Promise.all(
    [a, b].map((it) => crypto.subtle.digest("SHA-256", encoder.encode(it))),
  );
  const bytes = new Uint8Array(other!);
  return new Uint8Array(one!).every((byte, i) => byte === bytes[i]);
}
