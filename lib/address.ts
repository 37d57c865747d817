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
  /** Its scheme, host and port, without secrets: `mqtt://host:1883`. */
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

/** The start of any URL. */
const SCHEME = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//;

/**
 * Reads an address:
 *
 * - A path that starts with `/`, `./` or `../`, or any path after `fifo:`, is a
 *   FIFO.
 * - `mqtt://`, `mqtts://`, `ws://` and `wss://` name a broker; the text after
 *   the first slash is the topic, unchanged.
 * - Text after `topic:`, and any other text except other URLs, is a topic name
 *   or filter of the bus.
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
  const parts = readAuthority(authority!);
  // A slash in the password that is not escaped: without this check, the user
  // would become the host, and the rest of the address the topic.
  const isCut = /^[^@]*@([\w.-]+|\[[\da-f:]+\]):[0-9]+(\/|$)/i.test(topic!) &&
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
  const { hostname, port, user, password } = parts;
  return {
    kind: "mqtt",
    broker: `${scheme}://${hostname}:${port || MQTT_PORTS[scheme]!}`,
    user: user || undefined,
    password: password || undefined,
    topic: topic!,
  };
}

/** Reads `user:password@host:port`; undefined if it is something else. */
function readAuthority(authority: string) {
  try {
    const url = new URL(`http://${authority}`);
    const { hostname, pathname, search, hash } = url;
    if (!hostname || pathname + search + hash !== "/") return undefined;
    // URL leaves out the port that is the default of http.
    const port = /:80$/.test(authority) ? "80" : url.port;
    const user = decodeURIComponent(url.username);
    const password = decodeURIComponent(url.password);
    return { hostname, port, user, password };
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
  const shown = SCHEME.test(text) ? text.replace(/:\/\/.*@/s, "://…@") : text;
  const message = `Cannot use the address ${JSON.stringify(shown)}: ${reason}`;
  return new FifobusError("bad_address", message);
}
