/**
 * The bytes that `sub` prints, collected for one write.
 *
 * @module
 */
import { TopicCache } from "../bus/topic_cache.ts";
import type { Message } from "../message.ts";
import { visible } from "./output.ts";

/** Room for a chunk of short messages and what is printed with them. */
const FIRST_BYTES = 256 * 1024;

/** A larger buffer is not kept for the next messages. */
const MAX_KEPT_BYTES = 1024 * 1024;

/** A message that is about to be printed. */
export interface Arrival {
  /** The message. */
  message: Message;
  /** 1 for the first one, and so on. */
  sequence: number;
  /** The time of arrival; the same object for messages that came together. */
  time: Date;
}

/** Writes a message, or a part of what is printed for it. */
export type Writer = (arrival: Arrival, to: PrintBuffer) => void;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Collects bytes in one array that is used again. A string and an array for
 * each message would take ten times as long as its bytes.
 */
export class PrintBuffer {
  readonly #isTerminal: boolean;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  readonly #topic = rememberedTopics((topic) => this.#shown(topic));
  /** How many bytes there are. */
  length = 0;

  /**
   * Creates an empty buffer.
   *
   * @param isTerminal Whether to make control characters visible in what
   * {@linkcode show}, {@linkcode showTopic} and {@linkcode showBytes} add.
   */
  constructor(isTerminal: boolean) {
    this.#isTerminal = isTerminal;
  }

  /** All bytes, until {@linkcode clear}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  /** Forgets all bytes. */
  clear(): void {
    this.length = 0;
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = new Uint8Array();
  }

  /**
   * Makes room.
   *
   * @param count For how many bytes behind {@linkcode length}.
   * @returns The array, to write into; then set {@linkcode length}.
   */
  reserve(count: number): Uint8Array {
    const needed = this.length + count;
    if (needed > this.#bytes.length) {
      const size = Math.max(FIRST_BYTES, needed, 2 * this.#bytes.length);
      const bytes = new Uint8Array(size);
      bytes.set(this.bytes);
      this.#bytes = bytes;
    }
    return this.#bytes;
  }

  /** Adds bytes unchanged. */
  add(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Adds text unchanged. */
  addText(text: string): void {
    // A UTF-16 unit has at most three bytes.
    const room = this.reserve(3 * text.length).subarray(this.length);
    this.length += encoder.encodeInto(text, room).written;
  }

  /** Adds a number: 0, 1, 2 and so on. */
  addNumber(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    const bytes = this.reserve(digits);
    for (let at = this.length += digits; digits > 0; digits--) {
      bytes[--at] = 0x30 + value % 10;
      value = Math.floor(value / 10);
    }
  }

  /** Adds text from elsewhere: on a terminal, it moves no cursor. */
  show(text: string): void {
    this.addText(this.#shown(text));
  }

  /** Adds a topic, which is often the same as the last one. */
  showTopic(topic: string): void {
    this.add(this.#topic(topic));
  }

  /** Adds bytes from elsewhere: on a terminal, they move no cursor. */
  showBytes(bytes: Uint8Array): void {
    if (this.#isTerminal) this.show(decoder.decode(bytes));
    else this.add(bytes);
  }

  #shown(text: string): string {
    return this.#isTerminal ? visible(text) : text;
  }
}

/**
 * Encodes text, and remembers the last one: the time is the same for many
 * messages.
 *
 * @param text Returns the text for a key.
 * @returns Its bytes, for the same key.
 */
export function remembered<Key>(
  text: (key: Key) => string,
): (key: Key) => Uint8Array {
  let last: { key: Key; bytes: Uint8Array } | undefined;
  return (key) => {
    if (last?.key !== key) last = { key, bytes: encoder.encode(text(key)) };
    return last.bytes;
  };
}

/**
 * Encodes text, and remembers it for many topics, which come again in any order.
 *
 * @param text Returns the text for a topic.
 * @returns Its bytes, for the same topic.
 */
export function rememberedTopics(
  text: (topic: string) => string,
): (topic: string) => Uint8Array {
  const known = new TopicCache<Uint8Array>();
  const encode = (topic: string) => encoder.encode(text(topic));
  return (topic) => known.get(topic, encode);
}
