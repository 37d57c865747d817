/**
 * Messages that wait for their Subscriber.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import type { WireMessage } from "../wire/message.ts";
import { tooLarge } from "../wire/framing.ts";

/** How much may wait before the source has to pause. */
const HIGH_WATER_MARK = { messages: 1000, bytes: 1024 * 1024 };

/** A queue between a source of messages and its Subscriber. */
export class Inbound {
  readonly #maxBytes: number;
  readonly #others: (() => Promise<unknown>) | undefined;
  #messages: WireMessage[] = [];
  #bytes = 0;
  #isEnded = false;
  #error: unknown;
  /** Resolved at a change, if somebody waits for one. */
  #changed: PromiseWithResolvers<void> | undefined;

  /**
   * Creates an empty queue.
   *
   * @param maxBytes How long a message may be; a longer message ends the queue.
   * @param others Waits for those that arrive together with the first of them,
   * if they are added one by one.
   */
  constructor(maxBytes: number, others?: () => Promise<unknown>) {
    this.#maxBytes = maxBytes;
    this.#others = others;
  }

  /** Whether its source should wait. */
  get isFull(): boolean {
    return this.#messages.length >= HIGH_WATER_MARK.messages ||
      this.#bytes >= HIGH_WATER_MARK.bytes;
  }

  /** Whether the queue takes no more messages. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Takes a message. */
  add(message: WireMessage): void {
    const { length, topic } = message;
    if (this.#isEnded) return;
    if (length > this.#maxBytes) {
      const reason = tooLarge(`is ${length}`, this.#maxBytes);
      const text = `Cannot read a message to "${topic}": ${reason}`;
      return this.end(new FifobusError("message_too_large", text));
    }
    this.#messages.push(message);
    this.#bytes += length;
    this.#notify();
  }

  /** Puts messages ahead of all others. */
  addFirst(messages: WireMessage[]): void {
    this.#messages = messages.concat(this.#messages);
    this.#notify();
  }

  /** Whether a message with the same topic and text waits. */
  has({ topic, bytes }: WireMessage): boolean {
    return this.#messages.some((it) =>
      it.topic === topic && it.length === bytes.length &&
      it.bytes.every((byte, i) => byte === bytes[i])
    );
  }

  /** Forgets all waiting messages. */
  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }

  /**
   * Ends the queue behind the waiting messages, with an error if there is one.
   */
  end(error?: unknown): void {
    this.#isEnded = true;
    this.#error ??= error;
    this.#notify();
  }

  /** Waits for messages; undefined after the last. */
  async next(): Promise<WireMessage[] | undefined> {
    while (this.#messages.length === 0) {
      if (this.#error) throw this.#error;
      if (this.#isEnded) return undefined;
      this.#changed ??= Promise.withResolvers();
      await this.#changed.promise;
      await this.#others?.();
    }
    const messages = this.#messages;
    this.clear();
    return messages;
  }

  #notify(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }
}
