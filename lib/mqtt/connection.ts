/**
 * A connection to an MQTT broker that reconnects when it is lost: MQTT.js, with
 * backoff and readable errors.
 *
 * @module
 */
// This import comes first, because MQTT.js reads the environment at load time.
import "./environment.ts";
import { Buffer } from "node:buffer";
import { createConnection } from "node:net";
import process from "node:process";
import mqtt, {
  type IClientOptions,
  type IConnackPacket,
  type MqttClient,
} from "npm:mqtt@5.15.0";
import constants from "npm:mqtt-packet@9.0.2/constants.js";
import type { MqttAddress } from "../address.ts";
import { tell } from "../callback.ts";
import { delay } from "../delay.ts";
import { FifobusError } from "../errors.ts";
import { checkTopicName } from "../topic.ts";
import { isElsewhere, isFinal, isUnauthorized, reasonFor } from "./codes.ts";
import { Deliveries, type Take } from "./deliveries.ts";
import { cannotConnect, isWrongVersion } from "./failure.ts";
import { gatherReads, gatherWrites } from "./gathering.ts";
import type { ConnectOptions } from "./module.ts";
import type { MqttOptions, Qos } from "./options.ts";
import { toSeconds } from "./properties.ts";
import { serversOf } from "./servers.ts";

/** How long to try all servers once, unless there is less time left. */
const CONNECT_TIMEOUT_MS = 30_000;

/** The pause before the next attempt: at first, and at most. */
const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** The last attempt of a limited time begins this long before its end. */
const LAST_ATTEMPT_MS = 250;

/** A connection that lasts this long was good: the pauses start anew. */
const STABLE_MS = 10_000;

/** How long a broker that has stopped may hold up the end of a connection. */
export const GOODBYE_MS = 3000;

/** How often an idle client pings the broker. */
const KEEPALIVE_SECONDS = 30;

/** A sign of life moves the time of the next ping at most this often. */
const PING_RESCHEDULE_MS = 1000;

/** How long the broker keeps our session if it is not persistent. */
const SESSION_SECONDS = 3600;

/** The longest session expiry, for ever: MQTT 5, section 3.1.2.11.2. */
const FOR_EVER = 0xffff_ffff;

/** Options that MQTT 3.1.1 does not have. */
const NEW_OPTIONS = [
  "sessionExpiryMs",
  "noLocal",
  "retainAsPublished",
  "retainHandling",
] as const;

/**
 * How many messages of QoS 1 and 2 a broker may send before it has the
 * acknowledgements, which a slow reader holds back: as many as wait in a queue.
 */
const RECEIVE_MAXIMUM = 1000;

/** The default if the broker does not say: the number of packet identifiers. */
const MAX_RECEIVE_MAXIMUM = 65_535;

// For an acknowledgement with any other code, MQTT.js stops reading, and says
// nothing: not only mosquitto sends 149, "packet too large".
for (let code = 128; code < 256; code++) {
  for (
    const codes of [
      constants.MQTT5_PUBACK_PUBREC_CODES,
      constants.MQTT5_SUBACK_CODES,
      constants.MQTT5_DISCONNECT_CODES,
    ]
  ) codes[code] ??= "Unknown";
}

/** A connection that was just made. */
interface Made extends Omit<Connection, "ended"> {
  /** Whether the broker has a session of an earlier process. */
  isResumed: boolean;
}

/** The servers of a broker, one of which is in use. */
class Servers {
  readonly #all: string[];
  #index = 0;

  constructor({ broker }: MqttAddress) {
    this.#all = serversOf(broker);
  }

  get current(): string {
    return this.#all[this.#index]!;
  }

  /** How many are left in this round, with the current one. */
  get left(): number {
    return this.#all.length - this.#index;
  }

  /** How long one attempt may take if a round takes as long as it may. */
  get timeoutMs(): number {
    return CONNECT_TIMEOUT_MS / this.#all.length;
  }

  /** Goes on to the next one; tells whether a round is over. */
  next(): boolean {
    this.#index = (this.#index + 1) % this.#all.length;
    return this.#index === 0;
  }

  /** Whether a refusal with this code is the end. */
  refusesForGood(code: unknown): code is number {
    if (typeof code !== "number") return false;
    if (this.#all.length > 1 && isElsewhere(code)) return false;
    return isFinal(code) || isUnauthorized(code);
  }
}

/** A broker ended the connection instead of accepting or refusing it. */
class HungUp extends Error {}

/** How to connect, and how to take messages. */
export interface ConnectionOptions extends ConnectOptions {
  /**
   * Takes one message at a time; the next comes after it calls `done`. Messages
   * that waited in a session come right after the connection is made.
   */
  onMessage?: Take;
}

/**
 * What the broker can take, see MQTT 5, section 3.2.2.3. It ends the connection
 * of a client that sends more; MQTT.js does not look at it.
 */
export interface Limits {
  /** How many messages of QoS 1 and 2 may be in flight. */
  receiveMaximum: number;
  /** The highest QoS of a message. */
  qos: Qos;
  /** Whether it keeps last values. */
  retain: boolean;
  /** The longest packet in bytes. */
  packetBytes: number;
  /** Whether a filter may have wildcards. */
  wildcards: boolean;
  /** Whether subscribers can share a subscription. */
  shared: boolean;
  /** Whether a subscription can have an identifier. */
  identifiers: boolean;
}

/** A connection that was made at least once. */
export interface Connection {
  client: MqttClient;
  /** Whether the broker speaks MQTT 5, needed for requests and origin marks. */
  isMqtt5: boolean;
  /** As of the last connection. */
  limits: Limits;
  /** Settles when the broker has ended the connection for good; says why. */
  ended: Promise<FifobusError>;
}

/**
 * Connects to a broker.
 *
 * @param address The broker.
 * @param options How to connect.
 * @returns The connection; disconnect it after use.
 * @throws {FifobusError} `no_connection`, `not_authorized`; `timed_out`.
 */
export async function connect(
  address: MqttAddress,
  options: ConnectionOptions,
): Promise<Connection> {
  const { timeoutMs, signal } = options;
  checkOptions(address, options.mqtt);
  const deadline = performance.now() + (timeoutMs ?? 0);
  const servers = new Servers(address);
  const { version: wanted } = options.mqtt;
  const first = wanted === "3.1.1" ? 4 : 5;
  let version: 4 | 5 = first;
  /** How the server refused MQTT 5, if it did so without a word. */
  let hungUp: unknown;
  /** Why the servers of this round did not take the connection. */
  let failures: FifobusError[] = [];
  for (let pause = MIN_PAUSE_MS;;) {
    signal?.throwIfAborted();
    // With a longer timeout, the loop makes more attempts.
    const left = timeoutMs === undefined ? servers.timeoutMs : Math.min(
      servers.timeoutMs,
      (deadline - performance.now()) / servers.left,
    );
    try {
      const tryOnce = () =>
        attempt(
          servers.current,
          address,
          options,
          version,
          Math.max(1, left),
        );
      let made = await tryOnce();
      if (made.isResumed && !options.onMessage && !options.mqtt.persistent) {
        // The broker would take a message of QoS 2 for one with the same number
        // that a killed publisher had in flight.
        await disconnect(made, false);
        made = await tryOnce();
      }
      if (!made.isMqtt5) await checkOld(made, address, options.mqtt);
      return keepUp(made, servers, options.mqtt);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FifobusError) throw error;
      const canFallBack = version === 5 && wanted === undefined;
      if (canFallBack && (isWrongVersion(error) || error instanceof HungUp)) {
        hungUp = error instanceof HungUp ? error : undefined;
        version = 4;
        continue;
      }
      const failure = cannotConnect(servers.current, hungUp ?? error);
      // It may just be starting, and the next server may speak MQTT 5.
      version = first;
      hungUp = undefined;
      if (servers.refusesForGood((error as { code?: unknown }).code)) {
        throw failure;
      }
      failures.push(failure);
      if (!servers.next()) continue;
      const all = inOne(failures);
      failures = [];
      if (timeoutMs === undefined) throw all;
      const remaining = deadline - performance.now();
      const isLast = remaining <= LAST_ATTEMPT_MS;
      const wait = isLast
        ? Math.max(0, remaining)
        : Math.min(jitter(pause), remaining - LAST_ATTEMPT_MS);
      await delay(wait, signal);
      if (isLast) {
        const text = `${all.message}, tried for ${timeoutMs} ms`;
        throw new FifobusError("timed_out", text, { cause: all });
      }
      pause = Math.min(2 * pause, MAX_PAUSE_MS);
    }
  }
}

/** Makes one error of those of all servers. */
function inOne(failures: FifobusError[]): FifobusError {
  if (failures.length === 1) return failures[0]!;
  const { code } = failures[0]!;
  const text = failures.map(({ message }) => message).join("; ");
  return new FifobusError(code, text, { cause: failures });
}

/** Checks what MQTT.js would take, and fail with later or not at all. */
function checkOptions({ broker }: MqttAddress, options: MqttOptions): void {
  if (options.will) checkTopicName(options.will.topic);
  sessionSeconds(options);
  for (const name of ["ca", "cert", "key"] as const) {
    const text = options[name];
    const what = name === "key" ? "PRIVATE KEY" : "CERTIFICATE";
    if (text === undefined || text.includes(`${what}-----`)) continue;
    throw new FifobusError(
      "no_connection",
      `Cannot connect to ${broker}: there is no ${what.toLowerCase()} in PEM ` +
        `in { ${name} }`,
    );
  }
}

/** Refuses a connection with MQTT 3.1.1 that cannot do what is wanted. */
async function checkOld(
  made: Made,
  { broker }: MqttAddress,
  options: MqttOptions,
): Promise<void> {
  const name = NEW_OPTIONS.find((name) => options[name] !== undefined);
  if (name === undefined) return;
  await disconnect(made, false);
  const text = `{ ${name} } needs MQTT 5, this connection has MQTT 3.1.1`;
  throw new FifobusError(
    "no_connection",
    `Cannot connect to ${broker}: ${text}`,
  );
}

/** 0.5 to 1.5 times the pause, so that not all clients reconnect at once. */
function jitter(pauseMs: number): number {
  return pauseMs * (0.5 + Math.random());
}

function attempt(
  server: string,
  address: MqttAddress,
  { mqtt: options, signal, onMessage }: ConnectionOptions,
  protocolVersion: 4 | 5,
  timeoutMs: number,
): Promise<Made> {
  const { promise, resolve, reject } = Promise.withResolvers<Made>();
  const deliveries = onMessage && new Deliveries(onMessage);
  const client = makeClient({
    ...clientOptions(server, address, options, protocolVersion, timeoutMs),
    ...deliveries && { incomingStore: deliveries },
    ...protocolVersion === 5 && {
      properties: {
        sessionExpiryInterval: sessionSeconds(options),
        ...onMessage && { receiveMaximum: RECEIVE_MAXIMUM },
      },
    },
  });
  client.on("connect", () => gatherWrites(client.stream));
  if (deliveries) {
    deliveries.attach(client);
    client.on("connect", () => gatherReads(client.stream));
  }
  rarelyReschedulePing(client);
  const settle = (action: () => void) => {
    signal?.removeEventListener("abort", onAbort);
    client.off("connect", onConnect).off("error", onError).off(
      "close",
      onClose,
    );
    action();
  };
  const fail = (error: unknown) =>
    settle(() => {
      // Ignore later errors.
      client.on("error", () => {});
      client.end(true);
      reject(error);
    });
  const onAbort = () => fail(signal!.reason);
  const onError = (error: unknown) => fail(error);
  const onClose = () => {
    const isSecret = /^(mqtts|wss):/.test(server);
    // Deno 2.6 gives no better reason, nor does a broker that requires a
    // certificate.
    const reason = isSecret
      ? "; perhaps a certificate is not trusted: see { ca } and { cert }"
      : "";
    const text = `the broker ended the connection before it began${reason}`;
    fail(new HungUp(text));
  };
  const onConnect = (packet: IConnackPacket) => {
    const isMqtt5 = protocolVersion === 5;
    const limits = limitsOf(packet, isMqtt5);
    const isResumed = packet.sessionPresent;
    settle(() => resolve({ client, isMqtt5, limits, isResumed }));
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  client.on("connect", onConnect).on("error", onError).on("close", onClose);
  return promise;
}

/**
 * Makes a client. For a plain connection, it does without mqtt.connect(), which
 * loads TLS, WebSockets and proxies first: a tenth of the time of a start.
 */
function makeClient(options: IClientOptions): MqttClient {
  const { protocol, cert } = options;
  const isPlain = protocol === "mqtt" && cert === undefined &&
    process.env.MQTTJS_SOCKS_PROXY === undefined;
  if (!isPlain) return mqtt.connect(options);
  const client = new mqtt.MqttClient(
    // The server may be another one by then.
    ({ options: { host, port } }) => createConnection({ host, port: port! }),
    options,
  );
  // As mqtt.connect() does: nobody may be there to take an error.
  return client.on("error", () => {});
}

/**
 * Moves the time of the next ping at most once a second: MQTT.js makes a new
 * timer for each acknowledgement.
 */
function rarelyReschedulePing(client: MqttClient): void {
  const reschedule = client.reschedulePing.bind(client);
  let lastMs = 0;
  client.reschedulePing = (force) => {
    const nowMs = Date.now();
    if (!force && Math.abs(nowMs - lastMs) < PING_RESCHEDULE_MS) return;
    lastMs = nowMs;
    reschedule(force);
  };
}

function limitsOf(
  { properties = {} }: IConnackPacket,
  isMqtt5: boolean,
): Limits {
  return {
    receiveMaximum: properties.receiveMaximum ?? MAX_RECEIVE_MAXIMUM,
    qos: (properties.maximumQoS ?? 2) as Qos,
    retain: properties.retainAvailable ?? true,
    packetBytes: properties.maximumPacketSize ?? Infinity,
    wildcards: properties.wildcardSubscriptionAvailable ?? true,
    shared: properties.sharedSubscriptionAvailable ?? true,
    identifiers: properties.subscriptionIdentifiersAvailable ?? isMqtt5,
  };
}

function clientOptions(
  server: string,
  address: MqttAddress,
  options: MqttOptions,
  protocolVersion: 4 | 5,
  connectTimeout: number,
): IClientOptions {
  const user = address.user ?? options.user;
  const password = address.password ?? options.password;
  const { will, persistent = false } = options;
  return {
    ...target(server),
    path: (options.webSocketPath ?? "/mqtt").replace(/^(?!\/)/, "/"),
    protocolVersion,
    clientId: options.clientId || `fifobus-${crypto.randomUUID().slice(0, 12)}`,
    ...user !== undefined && { username: user },
    ...password !== undefined && { password },
    ...options.ca !== undefined && { ca: options.ca },
    ...options.cert !== undefined && { cert: options.cert },
    ...options.key !== undefined && { key: options.key },
    rejectUnauthorized: !options.insecure,
    keepalive: KEEPALIVE_SECONDS,
    // The source does, as it has to know what the broker says.
    resubscribe: false,
    connectTimeout,
    reconnectPeriod: 0,
    // Otherwise it makes texts that nobody sees, several for each packet.
    log: () => {},
    // The session outlives the connection: if the connection breaks, messages
    // of QoS 1 and 2 in flight are neither lost nor sent twice.
    clean: protocolVersion === 4 && !persistent,
    ...will && {
      will: {
        topic: will.topic,
        payload: Buffer.from(will.message),
        qos: options.qos ?? 0,
        retain: will.retain ?? false,
      },
    },
  };
}

/** Where MQTT.js connects to. */
function target(server: string) {
  const { hostname, port, protocol } = new URL(server);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    // No URL: MQTT.js would put it into errors, with the password.
    protocol: protocol.slice(0, -1) as "mqtt",
    host,
    // What it makes of `host`, and keeps.
    hostname: host,
    port: Number(port || (protocol === "ws:" ? 80 : 443)),
  };
}

/** How long the broker keeps the session while there is no connection. */
function sessionSeconds(
  { persistent, sessionExpiryMs = Infinity }: MqttOptions,
): number {
  if (!persistent) return SESSION_SECONDS;
  if (sessionExpiryMs === Infinity) return FOR_EVER;
  return toSeconds("sessionExpiryMs", sessionExpiryMs);
}

/**
 * Reconnects whenever the connection is lost, unless the broker has said that it
 * would not help.
 */
function keepUp(
  made: Made,
  servers: Servers,
  { onConnection, clientId }: MqttOptions,
): Connection {
  const { client } = made;
  let pause = MIN_PAUSE_MS;
  let connected = true;
  let connectedAt = performance.now();
  let reason: string | undefined;
  const ended = Promise.withResolvers<FifobusError>();
  const connection = { ...made, ended: ended.promise };
  const end = (code: number) => {
    client.end(true);
    ended.resolve(
      new FifobusError(
        isUnauthorized(code) ? "not_authorized" : "no_connection",
        `The broker ${servers.current} has ended the connection: ${
          reasonFor(code)
        }`,
      ),
    );
  };
  client.options.reconnectPeriod = jitter(pause);
  client.options.connectTimeout = servers.timeoutMs;
  client.on("disconnect", ({ reasonCode = 0 }) => {
    reason = reasonFor(reasonCode);
    if (servers.refusesForGood(reasonCode)) end(reasonCode);
  });
  client.on("error", (error) => {
    // A refused attempt to connect again.
    const { code } = error as { code?: unknown };
    if (servers.refusesForGood(code)) return end(code);
    // After a packet that it cannot read, MQTT.js reads no more.
    if (client.connected) client.stream.destroy();
  });
  client.on("connect", (packet) => {
    connection.limits = limitsOf(packet, made.isMqtt5);
    reason = undefined;
    connectedAt = performance.now();
    if (connected) return;
    connected = true;
    tell(onConnection, { connected, broker: servers.current, reason });
  });
  client.on("close", () => {
    const isStable = performance.now() - connectedAt >= STABLE_MS;
    // Not every broker says that another client has taken the session.
    if (!isStable && clientId !== undefined) {
      reason ??= `perhaps another client uses the client id "${clientId}"`;
    }
    const broker = servers.current;
    const isRoundOver = servers.next();
    // It keeps the name that a certificate has to be for.
    delete client.options.servername;
    Object.assign(client.options, target(servers.current));
    if (connected && isStable) pause = MIN_PAUSE_MS;
    else if (isRoundOver) pause = Math.min(2 * pause, MAX_PAUSE_MS);
    client.options.reconnectPeriod = jitter(pause);
    if (client.disconnecting || !connected) return;
    connected = false;
    tell(onConnection, { connected, broker, reason });
  });
  return connection;
}

/**
 * Ends a connection. A session that is not persistent ends with it.
 *
 * @param connection The connection.
 * @param persistent Whether the broker should keep the session.
 * @returns When the connection has ended.
 */
export async function disconnect(
  { client, isMqtt5 }: Pick<Connection, "client" | "isMqtt5">,
  persistent: boolean,
): Promise<void> {
  const properties = { sessionExpiryInterval: 0 };
  const isSilent = !client.connected;
  // Otherwise it would wait for the answers to subscriptions.
  for (const [id, { volatile }] of Object.entries(client.outgoing)) {
    if (volatile) client.removeOutgoingMessage(Number(id));
  }
  // What still comes is read and dropped: a connection that closes with unread
  // bytes is reset, and the broker may not see the DISCONNECT, and publish the
  // will.
  client.on("packetsend", ({ cmd }) => {
    if (cmd === "disconnect") client.stream.unpipe().resume();
  });
  const ended = client.endAsync(
    isSilent,
    isMqtt5 && !persistent ? { properties } : {},
  );
  const patience = new AbortController();
  const isOver = delay(GOODBYE_MS, patience.signal).then(
    () => client.stream.destroy(),
    () => {},
  );
  await Promise.race([ended, isOver]);
  patience.abort();
}
