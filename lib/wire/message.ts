/**
 * Messages on the wire; on the bus, each carries its topic.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import type { Message, MessageProperties } from "../message.ts";
import { concat, type Delimiter } from "./framing.ts";
import { readTag, type Tag } from "./read_tag.ts";

// U+FEFF is a character like any other, even at the start: MQTT 5, section
// 1.5.4.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Publishes an answer to a topic. */
export type SendAnswer = (
  topic: string,
  answer: string | Uint8Array,
) => Promise<void>;

/** What only some messages have. */
interface Extras extends MessageProperties {
  replyTo?: string | undefined;
  answer?: SendAnswer | undefined;
  qos?: Message["qos"];
}

/** A received message: a view of a part of a buffer, without a copy. */
export class WireMessage implements Message {
  readonly topic: string;
  readonly retained: boolean;
  readonly missed: number = 0;
  #buffer: Uint8Array<ArrayBuffer>;
  #start: number;
  #end: number;
  #extras: Extras | undefined;

  /**
   * Creates a message.
   *
   * @param topic The topic it was published to, or the path of its FIFO.
   * @param buffer The buffer that holds it.
   * @param start Where in the buffer it starts.
   * @param end Where in the buffer it ends, without its delimiter.
   * @param retained Whether it is a last value.
   */
  constructor(
    topic: string,
    buffer: Uint8Array<ArrayBuffer>,
    start = 0,
    end: number = buffer.length,
    retained = false,
  ) {
    this.topic = topic;
    this.retained = retained;
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  get text(): string {
    return decoder.decode(this.bytes);
  }

  json(): unknown {
    return JSON.parse(this.text);
  }

  get replyTo(): string | undefined {
    return this.#extras?.replyTo;
  }

  get qos(): Message["qos"] {
    return this.#extras?.qos;
  }

  get properties(): MessageProperties["properties"] {
    return this.#extras?.properties;
  }

  get contentType(): string | undefined {
    return this.#extras?.contentType;
  }

  get expiryMs(): number | undefined {
    return this.#extras?.expiryMs;
  }

  get origins(): MessageProperties["origins"] {
    return this.#extras?.origins;
  }

  async reply(answer: string | Uint8Array): Promise<void> {
    const { replyTo, answer: send } = this.#extras ?? {};
    if (replyTo === undefined || !send) {
      throw new FifobusError(
        "not_a_request",
        `Cannot answer the message to "${this.topic}": it is not a request`,
      );
    }
    await send(replyTo, answer);
  }

  /** What stands before the tab, if that can be a topic. */
  get tag(): Tag | undefined {
    return readTag(this.#buffer, this.#start, this.#end);
  }

  /**
   * Removes the topic from a message that carries it: `topic TAB message`, or
   * `topic US reply-topic TAB message` for a request, and with `US origins` before
   * the tab if it came through bridges. Publishers write messages to a member of
   * the bus in this form.
   *
   * @param answer How {@linkcode reply} answers; without it, reply() throws.
   * @returns The message behind the tab; undefined if there is no tab, or the
   * text before it cannot be a topic.
   */
  untagged(answer?: SendAnswer): WireMessage | undefined {
    const { tag } = this;
    if (!tag) return undefined;
    const message = new WireMessage(
      tag.topic,
      this.#buffer,
      this.#start + tag.length + 1,
      this.#end,
    );
    const { replyTo, origins } = tag;
    if (replyTo !== undefined || origins) {
      message.#extras = { replyTo, answer, origins };
    }
    return message;
  }

  /**
   * Sets what came with the message beside its bytes.
   *
   * @param extras The properties; a request has `replyTo`, and `answer` says how
   * {@linkcode reply} answers.
   * @returns The message.
   */
  with(extras: Extras): WireMessage {
    this.#extras = extras;
    return this;
  }

  /**
   * Makes the message independent of the buffer, most of which is not its own:
   * as long as it is a view, it keeps all that was read with it.
   */
  compact(): void {
    const { bytes, length } = this;
    if (bytes.buffer.byteLength < 2 * length) return;
    this.#buffer = bytes.slice();
    this.#start = 0;
    this.#end = length;
  }

  /**
   * Makes a copy of the message that comes after missed messages.
   *
   * @param missed How many messages were missed before it.
   * @returns The message.
   */
  after(missed: number): WireMessage {
    const { topic, retained } = this;
    const message = new WireMessage(
      ...[topic, this.#buffer, this.#start, this.#end, retained] as const,
    );
    message.#extras = this.#extras;
    return Object.assign(message, { missed });
  }

  /**
   * Counts the memory that messages keep, as views of all that was read.
   *
   * @param messages The messages, in the order in which they came.
   * @returns The number of bytes.
   */
  static bufferBytes(messages: Message[]): number {
    let sum = 0;
    let last: ArrayBuffer | undefined;
    for (const it of messages) {
      const { buffer } = #buffer in it ? it.#buffer : it.bytes;
      if (buffer !== last) sum += buffer.byteLength;
      last = buffer;
    }
    return sum;
  }

  /**
   * Encodes messages for the wire.
   *
   * @param messages The messages, in order.
   * @param delimiter What ends each of them.
   * @returns The bytes. If the messages lie side by side in one buffer, because
   * they arrived together, this is a view of that buffer.
   */
  static frame(
    messages: Message[],
    delimiter: Delimiter,
  ): Uint8Array<ArrayBuffer> {
    const end = delimiter.charCodeAt(0);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < messages.length;) {
      const first = messages[i]!;
      const [buffer, start] = #buffer in first
        ? [first.#buffer, first.#start]
        : [first.bytes, 0];
      let stop = start;
      for (; i < messages.length; i++) {
        const next = messages[i]!;
        if (!(#buffer in next) || next.#buffer !== buffer) break;
        if (next.#start !== stop) break;
        if (buffer[next.#end] !== end) break;
        stop = next.#end + 1;
      }
      if (stop > start) parts.push(buffer.subarray(start, stop));
      else parts.push(messages[i++]!.bytes, Uint8Array.of(end));
    }
    return concat(parts);
  }
}
