/**
 * Where a message goes: one argument says it.
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
  /** Its scheme, host and port, and nothing secret: `mqtt://host:1883`. */
  broker: string;
  /** What the address says of who connects. */
  user: string | undefined;
  password: string | undefined;
  /** The topic; empty if the address has none. */
  topic: string;
}

/** Where a message goes. */
export type Address = FifoAddress | TopicAddress | MqttAddress;

const FIFO_SCHEME = "fifo:";

/** The schemes of MQTT, with their ports. */
const MQTT_PORTS: Record<string, number> = {
  mqtt: 1883,
  mqtts: 8883,
  ws: 80,
  wss: 443,
};

/**
 * Reads an address: a path that starts with `/`, `./` or `../`, or any path
 * after `fifo:`, is a FIFO; `mqtt://`, `mqtts://`, `ws://` and `wss://` stand for
 * a broker, with the topic behind the first slash as it is; everything else is a
 * topic name or filter of the bus. Topics are not checked here.
 *
 * @param text The address as a user writes it.
 * @returns Where that is.
 * @throws {FifobusError} `bad_address`, if it is none of these.
 */
export function parseAddress(text: string): Address {
  const broker = /^(mqtts?|wss?):\/\/([^/]*)\/?(.*)$/s.exec(text);
  if (broker) return mqttAddress(broker[1]!, broker[2]!, broker[3]!);
  const isFifo = text.startsWith(FIFO_SCHEME) || /^\.{0,2}\//.test(text);
  if (!isFifo) return { kind: "topic", topic: text };
  const path = text.startsWith(FIFO_SCHEME)
    ? text.slice(FIFO_SCHEME.length)
    : text;
  if (path === "") throw bad(text, "it is empty");
  if (path.includes("\0")) throw bad(text, "a path cannot hold a NUL");
  return { kind: "fifo", path };
}

/**
 * Tells whether an address is one of a broker.
 *
 * @param text The address as a user writes it.
 * @returns Whether it is.
 * @throws {FifobusError} `bad_address`, if it is no address.
 */
export function isMqtt(text: string): boolean {
  return parseAddress(text).kind === "mqtt";
}

function mqttAddress(
  scheme: string,
  authority: string,
  topic: string,
): MqttAddress {
  // Nothing of what could be a password is in an error.
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const shown = `${scheme}://${host}/${topic}`;
  let url: URL;
  let user: string, password: string;
  try {
    url = new URL(`http://${authority}`);
    [user, password] = [url.username, url.password].map(decodeURIComponent) as [
      string,
      string,
    ];
  } catch {
    throw bad(shown, "what is between // and / is no host, or no port");
  }
  if (!url.hostname) throw bad(shown, "there is no host");
  // URL leaves out the port that is the default of http.
  const port = /:80$/.test(host) ? 80 : url.port || MQTT_PORTS[scheme]!;
  return {
    kind: "mqtt",
    broker: `${scheme}://${url.hostname}:${port}`,
    user: user || undefined,
    password: password || undefined,
    topic,
  };
}

function bad(text: string, reason: string): FifobusError {
  const message = `Cannot use the address ${JSON.stringify(text)}: ${reason}`;
  return new FifobusError("bad_address", message);
}
