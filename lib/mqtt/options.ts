/**
 * Options for the connection to an MQTT broker.
 *
 * @module
 */

/** The quality of service of a message, see MQTT 5, section 4.3. */
export type Qos = 0 | 1 | 2;

/** What the broker publishes if a client disappears without disconnecting. */
export interface Will {
  /** The topic to publish to. */
  topic: string;
  /** The message. */
  message: string | Uint8Array;
  /**
   * Whether the broker keeps it as the topic's last value.
   *
   * @default {false}
   */
  retain?: boolean | undefined;
}

/** How to connect to an MQTT broker. */
export interface MqttOptions {
  /**
   * The quality of service: messages arrive at most once (0), at least once (1)
   * or exactly once (2).
   *
   * @default {0}
   */
  qos?: Qos | undefined;
  /** The user name, unless the address has one. */
  user?: string | undefined;
  /** The password, unless the address has one. */
  password?: string | undefined;
  /** The certificates of the trusted authorities, as PEM. */
  ca?: string | undefined;
  /** The certificate of this client, as PEM. */
  cert?: string | undefined;
  /** Its private key, as PEM. */
  key?: string | undefined;
  /**
   * Whether to accept any certificate of a broker.
   *
   * @default {false}
   */
  insecure?: boolean | undefined;
  /** The id of this client; random by default. */
  clientId?: string | undefined;
  /**
   * Whether the broker keeps the session while the client is away: its
   * subscriptions, and the messages of QoS 1 and 2. It needs a clientId.
   *
   * @default {false}
   */
  persistent?: boolean | undefined;
  /**
   * How long the broker keeps a persistent session after the connection has
   * ended, in milliseconds. MQTT counts seconds, and a part of one is rounded
   * up. Like the next three options, it is an error with MQTT 3.1.1.
   *
   * @default {Infinity}
   */
  sessionExpiryMs?: number | undefined;
  /**
   * Whether a Subscriber leaves out what comes from its own connection: its
   * answers to requests.
   *
   * @default {false}
   */
  noLocal?: boolean | undefined;
  /**
   * Whether a Subscriber gets messages as they were published: `retained` is
   * then true of each that is to be kept as the last value, also if it is new.
   *
   * @default {false}
   */
  retainAsPublished?: boolean | undefined;
  /**
   * When the broker sends last values to a Subscriber: at each subscription (0),
   * only at one that the session does not have yet (1), or never (2). It is for
   * Subscribers with `retained: true`.
   *
   * @default {0}
   */
  retainHandling?: 0 | 1 | 2 | undefined;
  /**
   * The version of MQTT. By default it is 5, and 3.1.1 if the broker refuses 5
   * or hangs up at it.
   */
  version?: "3.1.1" | "5" | undefined;
  /** What the broker publishes if this client disappears unexpectedly. */
  will?: Will | undefined;
  /**
   * The path of `ws://` and `wss://` on the server.
   *
   * @default {"/mqtt"}
   */
  webSocketPath?: string | undefined;
  /**
   * Called when the connection is lost, and when it is back.
   */
  onConnection?: ((change: ConnectionChange) => void) | undefined;
}

/** A change of a connection that reconnects when it is lost. */
export interface ConnectionChange {
  /** Whether it is connected now. */
  connected: boolean;
  /** The server of the broker: its scheme, host and port. */
  broker: string;
  /** Why the broker ended the connection, if it said so. */
  reason: string | undefined;
}
