/**
 * Where messages go out, and what a Publisher and its outlet say to each other.
 *
 * @module
 */

/** How messages are sent. */
export interface Sending {
  /** Whether it is one message, which may share a write with others. */
  single: boolean;
  /** Whether the last of them is kept as the topic's last value. */
  retain: boolean;
  /** The topic of their answers, if they are requests. */
  replyTo: string | undefined;
}

/** Messages that a subscriber of the bus did not get. */
export interface Dropped {
  /** Names the process that subscribes: its id, and a dash. */
  member: string;
  /** How many messages. */
  count: number;
  /** Why. */
  reason: string;
}

/** Where messages go out: a FIFO, the bus, or a broker. */
export interface Outlet {
  /** Whether a delimiter ends each message on the wire. */
  readonly isFramed: boolean;
  /** How many bytes wait to be written. */
  readonly bufferedBytes: number;
  /** Whether they wait for a reader. */
  readonly isUnread: boolean;
  /** From now on it waits in a way that can be aborted at once. */
  unpark(): void;
  /**
   * Checks what is to be sent.
   *
   * @param topic The topic, if it is another than the outlet was opened for.
   * @param how How it is to be sent.
   * @throws {FifobusError} `bad_address`.
   */
  check(topic: string | undefined, how: Sending): void;
  /**
   * Sends messages.
   *
   * @param topic Their topic.
   * @param messages The messages, each with its delimiter; a single one without,
   * if the wire is not framed.
   * @param how How to send them.
   * @returns How often they were taken: two messages by three subscribers are
   * six. Undefined where that cannot be known.
   */
  send(
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    how: Sending,
  ): Promise<number | undefined>;
  /**
   * Counts the live subscribers of a topic.
   *
   * @returns Their number; undefined where that cannot be known.
   */
  subscribers(topic: string): Promise<number | undefined>;
  /** Ends it, once all is sent. */
  close(): Promise<void>;
}
