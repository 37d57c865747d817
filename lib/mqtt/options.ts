/**
 * How to speak to an MQTT broker.
 *
 * @module
 */

/** How surely a message arrives, see MQTT 5, section 4.3. */
export type Qos = 0 | 1 | 2;

/** What the broker publishes when a client is gone without a word. */
export interface Will {
  /** Where to. */
  topic: string;
  /** The message. */
  message: string | Uint8Array;
  /**
   * Whether it is kept as the topic's last value.
   *
   * @default {false}
   */
  retain?: boolean | undefined;
}

/** How to speak to an MQTT broker. */
export interface MqttOptions {
  /**
   * How surely messages arrive: at most once, at least once, exactly once.
   *
   * @default {0}
   */
  qos?: Qos | undefined;
  /** Who connects, unless the address says so. */
  user?: string | undefined;
  /** The password of the user, unless the address has it. */
  password?: string | undefined;
  /** The certificates of the authorities that are trusted, as PEM. */
  ca?: string | undefined;
  /** The certificate of this client, as PEM. */
  cert?: string | undefined;
  /** Its private key, as PEM. */
  key?: string | undefined;
  /**
   * Whether any certificate of a broker will do.
   *
   * @default {false}
   */
  insecure?: boolean | undefined;
  /** The name of this client; by default the broker hears a random one. */
  clientId?: string | undefined;
  /**
   * Whether the broker keeps the session while the client is away: its
   * subscriptions, and the messages of QoS 1 and 2. It needs a clientId.
   *
   * @default {false}
   */
  persistent?: boolean | undefined;
  /** What the broker publishes when this client is gone without a word. */
  will?: Will | undefined;
  /**
   * The path of `ws://` and `wss://` on the server.
   *
   * @default {"/mqtt"}
   */
  webSocketPath?: string | undefined;
  /**
   * Is told when the connection is lost, and when it is there again.
   */
  onConnection?: ((change: ConnectionChange) => void) | undefined;
}

/** A change of a connection that is made again and again. */
export interface ConnectionChange {
  /** Whether it is there now. */
  connected: boolean;
  /** The broker: its scheme, host and port. */
  broker: string;
}
