/**
 * How many messages a member of the bus has missed: the publisher that dropped
 * them counts them, and tells the member before its next message.
 *
 * @module
 */
import type { WireMessage } from "../wire/message.ts";
import { type Delimiter, splitAt } from "../wire/framing.ts";

/**
 * How many topics have their own count. Other topics are counted together, and
 * so are topics that would make the record too long.
 */
const MAX_TOPICS = 16;
const MAX_TOPIC_BYTES = 1000;

const TAB = 0x09;
const UNIT_SEPARATOR = 0x1f;

/**
 * The record has no tab, so it cannot be a message. CAN is ASCII's "disregard
 * what came before".
 */
const START = "\x18fifobus missed ";
const END = "\x18";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Messages that were missed. */
export interface Gap {
  /** How many messages. */
  count: number;
  /** Their topic; undefined if they may be of several topics. */
  topic: string | undefined;
}

/**
 * Reads a publisher's record of missed messages.
 *
 * @param record A record that has no tab.
 * @returns What it says; undefined if the record is something else.
 */
export function parseGap(record: WireMessage): Gap | undefined {
  const text = decoder.decode(record.bytes);
  if (!text.startsWith(START) || !text.endsWith(END)) return undefined;
  const what = text.slice(START.length, -END.length);
  const [, count, topic] = /^([0-9]{1,15})(?: (.+))?$/.exec(what) ?? [];
  return count === undefined ? undefined : { count: Number(count), topic };
}

/** Counts the messages that one member has missed, by topic. */
export class Missed {
  readonly #delimiter: Delimiter;
  /** All other topics are counted under the empty topic, which is not valid. */
  readonly #counts = new Map<string, number>();

  /**
   * Starts counting at zero.
   *
   * @param delimiter What ends a record for the member.
   */
  constructor(delimiter: Delimiter) {
    this.#delimiter = delimiter;
  }

  /**
   * Counts messages.
   *
   * @param messages The messages with their topics.
   * @param delimiter What ends each of them.
   * @returns How many messages there are.
   */
  add(messages: Uint8Array<ArrayBuffer>, delimiter: Delimiter): number {
    let count = 0;
    for (const message of splitAt(messages, delimiter)) {
      count++;
      const tab = message.indexOf(TAB);
      const tag = message.subarray(0, tab);
      const unit = tag.indexOf(UNIT_SEPARATOR);
      const bytes = unit < 0 ? tag : tag.subarray(0, unit);
      let topic = bytes.length > MAX_TOPIC_BYTES ? "" : decoder.decode(bytes);
      const isNew = !this.#counts.has(topic);
      if (isNew && this.#counts.size >= MAX_TOPICS) topic = "";
      this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1);
    }
    return count;
  }

  /**
   * Tells the member how many it missed, and forgets these counts.
   *
   * @param write Writes one record.
   */
  async tell(
    write: (record: Uint8Array<ArrayBuffer>) => Promise<void>,
  ): Promise<void> {
    for (const [topic, count] of this.#counts) {
      const what = topic === "" ? `${count}` : `${count} ${topic}`;
      const text = START + what + END + this.#delimiter;
      // More may be missed while it is written.
      this.#counts.delete(topic);
      try {
        await write(encoder.encode(text));
      } catch (error) {
        this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + count);
        throw error;
      }
    }
  }
}
