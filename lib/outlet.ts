/**
 * The interface between a Publisher and its outlet, which sends its messages.
 *
 * @module
 */
import type { FifobusError } from "./errors.ts";
import type { MessageProperties } from "./message.ts";
import type { WireMessage } from "./wire/message.ts";

/** How messages are sent. */
export interface Sending {
  /** Whether this is a single message, which may share a write with others. */
  single: boolean;
  /** Whether to keep the last one as the topic's last value. */
  retain: boolean;
  /** The topic for the answers, if the messages are requests. */
  replyTo: string | undefined;
  /** The marks of those that have passed the messages on, if there are any. */
  origins?: readonly string[] | undefined;
  /** What the messages have besides their bytes, if they have anything. */
  properties?: MessageProperties | undefined;
}

/** Messages that have their topics with them. */
export interface Keyed {
  /** The messages as `topic TAB message`, each without its delimiter. */
  records: WireMessage[];
  /** The topic of each. */
  topics: string[];
  /**
   * Adds the delimiters. It comes from the caller, so that a publisher of one
   * message does not load the class of messages.
   */
  frame: typeof WireMessage.frame;
}

/** Messages that a subscriber of the bus did not get. */
export interface Dropped {
  /** The name of the subscribing process; it starts with its id and a dash. */
  member: string;
  /** How many messages were dropped. */
  count: number;
  /** Why they were dropped. */
  reason: string;
}

/** Where messages go out: a FIFO, the bus, or a broker. */
export interface Outlet {
  /** Whether a delimiter ends each message on the wire. */
  readonly isFramed: boolean;
  /** How many bytes wait to be written. */
  readonly bufferedBytes: number;
  /** Whether these bytes wait for a reader. */
  readonly isUnread: boolean;
  /** Why it never sends anything again; undefined as long as it may. */
  readonly failure?: FifobusError | undefined;
  /** Whether a message cannot carry the mark of where it comes from. */
  readonly isUnmarked?: boolean;
  /** Makes later waits abortable at once. */
  unpark(): void;
  /**
   * Checks whether the outlet can send messages in this way.
   *
   * @param topic The topic, if it is not the one the outlet was opened for.
   * @param how How to send them.
   * @throws {FifobusError} `bad_address`.
   */
  check(topic: string | undefined, how: Sending): void;
  /**
   * Sends messages.
   *
   * @param topic Their topic.
   * @param messages The messages, each with its delimiter; if the wire is not
   * framed, a single message without a delimiter.
   * @param how How to send them.
   * @returns How many deliveries there were: two messages to three subscribers
   * are six. Undefined if the outlet cannot know.
   */
  send(
    topic: string,
    messages: Uint8Array<ArrayBuffer>,
    how: Sending,
  ): Promise<number | undefined>;
  /**
   * Sends messages that have their topics with them, none of which is to be kept
   * as a last value.
   *
   * @param keyed The messages.
   * @returns How many subscribers got each of them; undefined if the outlet
   * cannot know.
   * @throws {FifobusError} `bad_address`, if the outlet has no topics.
   */
  sendKeyed(keyed: Keyed): Promise<(number | undefined)[]>;
  /**
   * Counts the live subscribers of a topic.
   *
   * @returns Their number; undefined if the outlet cannot know.
   */
  subscribers(topic: string): Promise<number | undefined>;
  /** Closes the outlet after it has sent everything. */
  close(): Promise<void>;
}
