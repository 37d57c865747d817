/**
 * Addresses: one argument says where messages go or come from.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";

/** A FIFO in the file system. */
export interface FifoAddress {
  kind: "fifo";
  path: string;
}

/** A topic of the bus, or a filter. */
export interface TopicAddress {
  kind: "topic";
  topic: string;
}

/** A topic of an MQTT broker, or a filter. */
export interface MqttAddress {
  kind: "mqtt";
  /**
   * Its scheme, hosts and ports, without secrets: `mqtt://host:1883`, or
   * `mqtt://host:1883,other:1884` for several servers.
   */
  broker: string;
  /** The user and the password in the address. */
  user: string | undefined;
  password: string | undefined;
  /** The topic; empty if the address has none. */
  topic: string;
}

/** Where a message goes. */
export type Address = FifoAddress | TopicAddress | MqttAddress;

const FIFO_SCHEME = "fifo:";
const TOPIC_SCHEME = "topic:";

/** The schemes of MQTT, with their ports. */
const MQTT_PORTS: Record<string, number> = {
  mqtt: 1883,
  mqtts: 8883,
  ws: 80,
  wss: 443,
};

/** Other programs' names for these schemes. */
const OTHER_NAMES: Record<string, string> = {
  tcp: "mqtt",
  ssl: "mqtts",
  tls: "mqtts",
  http: "ws",
  https: "wss",
};

/** What was meant to be the start of the address of a broker. */
const CUT_SCHEME = /^mqtts?(:(?!\/\/)|\/\/)/i;

/** The start of any URL. */
const SCHEME = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//;

/**
 * Reads an address:
 *
 * - A path that starts with `/`, `./` or `../`, or any path after `fifo:`, is a
 *   FIFO.
 * - `mqtt://`, `mqtts://`, `ws://` and `wss://` name a broker, with commas
 *   between several hosts; the text after the first slash is the topic,
 *   unchanged.
 * - Text after `topic:`, and any other text except other URLs, and cut ones such
 *   as `mqtt:host/topic`, is a topic name or filter of the bus.
 *
 * It does not check topics.
 *
 * @param text The address as a user writes it.
 * @returns The parsed address.
 * @throws {FifobusError} `bad_address`, if the text is none of these.
 */
export function parseAddress(text: string): Address {
  if (text.startsWith(TOPIC_SCHEME)) {
    return { kind: "topic", topic: text.slice(TOPIC_SCHEME.length) };
  }
  const isFifo = text.startsWith(FIFO_SCHEME);
  if (isFifo || /^\.{0,2}\//.test(text)) {
    const path = isFifo ? text.slice(FIFO_SCHEME.length) : text;
    if (path === "") throw bad(text, "it is empty");
    if (path.includes("\0")) throw bad(text, "a path cannot hold a NUL");
    return { kind: "fifo", path };
  }
  const [, scheme] = SCHEME.exec(text) ?? [];
  if (CUT_SCHEME.test(text)) {
    const reason =
      "a broker is written mqtt://HOST/TOPIC. A topic of that name " +
      "is written with topic: before it";
    throw bad(text, reason);
  }
  if (scheme === undefined) return { kind: "topic", topic: text };
  if (!Object.hasOwn(MQTT_PORTS, scheme)) throw unknownScheme(text, scheme);
  return mqttAddress(text, scheme);
}

/**
 * Tells whether an address names a broker.
 *
 * @param text The address as a user writes it.
 * @returns Whether it names a broker.
 * @throws {FifobusError} `bad_address`, if it is not an address.
 */
export function isMqtt(text: string): boolean {
  return parseAddress(text).kind === "mqtt";
}

/**
 * Writes an address for people to read, without its user and password.
 *
 * @param address The address.
 * @returns Its text.
 */
export function shownAddress(address: Address): string {
  if (address.kind === "fifo") return address.path;
  if (address.kind === "topic") return address.topic;
  return `${address.broker}/${address.topic}`;
}

function mqttAddress(text: string, scheme: string): MqttAddress {
  const [, authority, topic] = /^\w+:\/\/([^/]*)\/?(.*)$/s.exec(text)!;
  if (/\[[^\]@]*%/.test(authority!)) {
    const reason = "an IPv6 address with a zone cannot be used; take the " +
      "broker's name, or an address of it that is not link-local";
    throw bad(text, reason);
  }
  const parts = readAuthority(authority!, MQTT_PORTS[scheme]!);
  // A slash in the password that is not escaped: without this check, the user
  // would become the host, and the rest of the address the topic.
  const isCut =
    /^[^@]*@([\w.,-]+|\[[\da-f:]+\]):[0-9]+([,/]|$)/i.test(topic!) &&
    !authority!.includes("@");
  if (!parts || isCut) {
    const reason = "what is between // and / is not a host, or not a port";
    const advice = "in a user name and a password, /, ?, #, @ and % are " +
      "written %2F, %3F, %23, %40 and %25";
    const other = isCut ? "; before a topic like that, write //@HOST/" : "";
    throw bad(
      text,
      text.includes("@") ? `${reason}; ${advice}${other}` : reason,
    );
  }
  const { hosts, user, password } = parts;
  return {
    kind: "mqtt",
    broker: `${scheme}://${hosts}`,
    user: user || undefined,
    password: password || undefined,
    topic: topic!,
  };
}

/**
 * Reads `user:password@host:port,host:port`; undefined if it is something else.
 */
function readAuthority(authority: string, defaultPort: number) {
  const at = authority.lastIndexOf("@") + 1;
  const userinfo = authority.slice(0, at);
  // The user of a second host would become part of the first one's password.
  if (/@.*,.*@/.test(userinfo)) return undefined;
  const urls = authority.slice(at).split(",").map((text) => {
    const url = URL.parse(`http://${userinfo}${text}`);
    const isHost = url && url.pathname + url.search + url.hash === "/";
    // URL leaves out the port that is the default of http.
    if (isHost) url.port ||= /:80$/.test(text) ? "80" : `${defaultPort}`;
    return isHost ? url : undefined;
  });
  try {
    return {
      hosts: urls.map((url) => `${url!.hostname}:${url!.port || "80"}`).join(),
      user: decodeURIComponent(urls[0]!.username),
      password: decodeURIComponent(urls[0]!.password),
    };
  } catch {
    return undefined;
  }
}

function unknownScheme(text: string, scheme: string): FifobusError {
  const typed = scheme.toLowerCase();
  const known = Object.keys(MQTT_PORTS);
  const meant = Object.hasOwn(OTHER_NAMES, typed)
    ? OTHER_NAMES[typed]
    : known.find((it) => typed === it) ?? known.find((it) => isNear(typed, it));
  const hint = meant
    ? `did you mean ${meant}://?`
    : "brokers are mqtt://, mqtts://, ws:// and wss://.";
  const reason = `${scheme}:// is not known, ${hint} A topic of that name is ` +
    "written with topic: before it";
  return bad(text, reason);
}

/** Tells whether two words differ by one letter: added, removed or changed. */
function isNear(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length);
  const longer = Math.max(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start++;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) {
    end++;
  }
  return longer - start - end <= 1;
}

/** The error leaves out anything that could be a password. */
function bad(text: string, reason: string): FifobusError {
  const isBroker = SCHEME.test(text) || CUT_SCHEME.test(text);
  const shown = isBroker ? text.replace(/^([\w+.-]+:?\/*).*@/s, "$1…@") : text;
  const message = `Cannot use the address ${JSON.stringify(shown)}: ${reason}`;
  return new FifobusError("bad_address", message);
}

/**
 * Says where the folder of the bus is, even if it does not exist yet.
 *
 * @returns The path of its folder.
 */
export function folderPath(): string {
  const own = Deno.env.get("FIFOBUS_DIR");
  if (own) return own;
  const runtime = Deno.env.get("XDG_RUNTIME_DIR") || runtimeFolder();
  return runtime ? `${runtime}/fifobus` : `/tmp/fifobus-${Deno.uid()}`;
}

/**
 * Finds the user's runtime folder if XDG_RUNTIME_DIR is not set: otherwise
 * programs started by cron, ssh and sudo would not use the desktop's bus.
 */
function runtimeFolder(): string | undefined {
  const path = `/run/user/${Deno.uid()}`;
  // Do not prompt for a permission just for this.
  const isAllowed = (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
  if (!isAllowed) return undefined;
  try {
    const info = Deno.lstatSync(path);
    return info.isDirectory && info.uid === Deno.uid() ? path : undefined;
  } catch {
    return undefined;
  }
}
