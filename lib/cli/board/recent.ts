/**
 * The last messages, whole.
 *
 * @module
 */
import type { Message } from "../../message.ts";

/** A message that has arrived. */
export interface Arrived {
  topic: string;
  bytes: Uint8Array<ArrayBuffer>;
  retained: boolean;
  /** How many messages were lost before it, as they were not read in time. */
  missed: number;
  /** When it arrived, in milliseconds since 1970. */
  at: number;
  /** Its number, counted over the messages of all topics. */
  sequence: number;
}

/** How many messages to keep, and how many bytes of them. */
const MAX_MESSAGES = 1000;
const MAX_BYTES = 4 * 1024 * 1024;

/** How many messages of a topic that somebody looks at. */
const MAX_PINNED = 50;

/** How many such topics; the one not looked at for longest goes. */
const MAX_PINNED_TOPICS = 8;

/** Keeps the last messages of all topics. */
export class Recent {
  /** A ring buffer. */
  readonly #ring: (Arrived | undefined)[] = new Array(MAX_MESSAGES);
  #next = 0;
  #oldest = 0;
  #bytes = 0;
  /** By topic; the one looked at last is the last. */
  readonly #pinned = new Map<string, Arrived[]>();

  /** Keeps a message; the oldest ones go. */
  add(message: Message, at: number, sequence: number): void {
    const { topic, retained, missed } = message;
    // A copy, as the bytes may be a small part of all that was read at once.
    const bytes = message.bytes.slice();
    const arrived = { topic, bytes, retained, missed, at, sequence };
    const pinned = this.#pinned.get(topic);
    if (pinned) {
      pinned.push(arrived);
      let size = pinned.reduce((sum, { bytes }) => sum + bytes.length, 0);
      while (
        pinned.length > MAX_PINNED || size > MAX_BYTES && pinned.length > 1
      ) size -= pinned.shift()!.bytes.length;
    }
    if (message.length > MAX_BYTES) return;
    this.#bytes += message.length;
    while (
      this.#next - this.#oldest >= MAX_MESSAGES || this.#bytes > MAX_BYTES
    ) this.#drop();
    this.#ring[this.#next++ % MAX_MESSAGES] = arrived;
  }

  /**
   * Returns the last messages.
   *
   * @param most How many.
   * @param isWanted Which topics; all if undefined.
   * @returns The messages, the newest first.
   */
  last(most: number, isWanted?: (topic: string) => boolean): Arrived[] {
    const found: Arrived[] = [];
    for (let i = this.#next - 1; i >= this.#oldest; i--) {
      if (found.length >= most) break;
      const arrived = this.#ring[i % MAX_MESSAGES]!;
      if (!isWanted || isWanted(arrived.topic)) found.push(arrived);
    }
    return found;
  }

  /**
   * Returns the messages behind one that is known.
   *
   * @param sequence The number of the known message.
   * @returns The messages that are still kept, the oldest first.
   */
  since(sequence: number): Arrived[] {
    const found: Arrived[] = [];
    for (let i = this.#next - 1; i >= this.#oldest; i--) {
      const arrived = this.#ring[i % MAX_MESSAGES]!;
      if (arrived.sequence <= sequence) break;
      found.push(arrived);
    }
    return found.reverse();
  }

  /**
   * Keeps the messages of one topic from now on, whatever else arrives.
   *
   * @param topic The topic.
   * @returns Its last messages, the newest first.
   */
  pin(topic: string): Arrived[] {
    const messages = this.#pinned.get(topic) ??
      this.last(MAX_PINNED, (it) => it === topic).reverse();
    this.#pinned.delete(topic);
    this.#pinned.set(topic, messages);
    if (this.#pinned.size > MAX_PINNED_TOPICS) {
      const [oldest] = this.#pinned.keys();
      this.#pinned.delete(oldest!);
    }
    return messages.toReversed();
  }

  #drop(): void {
    const index = this.#oldest++ % MAX_MESSAGES;
    this.#bytes -= this.#ring[index]!.bytes.length;
    this.#ring[index] = undefined;
  }
}
