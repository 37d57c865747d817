/**
 * One message as it was received, and the topic that it carries on the bus.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";
import { MAX_TOPIC_BYTES, nameFault } from "./topic.ts";
import { concat, type Delimiter } from "./wire/framing.ts";

const encoder = new TextEncoder();
// U+FEFF is a character as any other, also at the start: MQTT 5, section 1.5.4.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const TAB = 0x09;

/**
 * Stands between the topic of a request and the topic of its answers: US is
 * ASCII's separator of units, and no topic holds a control character.
 */
const UNIT_SEPARATOR = "\x1f";

/** What stands before the tab at most: two topics, and what is between them. */
const MAX_TAG_BYTES = 2 * MAX_TOPIC_BYTES + 1;

/** Publishes an answer to a topic. */
export type SendAnswer = (
  topic: string,
  answer: string | Uint8Array,
) => Promise<void>;

/** One message, as it was received. */
export class Message {
  /** The topic it was published to, or the path of the FIFO it came through. */
  readonly topic: string;
  /** Whether it is a last value, kept since before the subscriber was there. */
  readonly retained: boolean;
  /**
   * How many messages to the same subscription did not arrive just before this
   * one, because this process did not read in time.
   */
  readonly missed: number = 0;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #end: number;
  #request: { replyTo: string; answer: SendAnswer | undefined } | undefined;

  /**
   * Creates a message out of a part of a buffer, which is not copied.
   *
   * @param topic The topic it was published to, or the path of its FIFO.
   * @param buffer The bytes around it.
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

  /** The length in bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The message byte for byte, without its delimiter. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** The message as text; what is not UTF-8 becomes U+FFFD. */
  get text(): string {
    return decoder.decode(this.bytes);
  }

  /** The topic that takes the answers, if the message is a request. */
  get replyTo(): string | undefined {
    return this.#request?.replyTo;
  }

  /**
   * Answers a request. An answer is a message to {@linkcode replyTo}, and as
   * any other it is dropped if nobody is there to take it.
   *
   * @param answer The answer; text goes as UTF-8. It may be as long as the
   * messages that the subscriber takes.
   * @returns When the answer is with who asked.
   * @throws {FifobusError} `not_a_request`; `message_too_large`,
   * `delimiter_in_message`; `bad_address`, if the reply topic is not one;
   * `closed`, if the subscriber is.
   *
   * @example Twice the number
   * ```ts
   * import { request, subscribe } from "@fifobus/fifobus";
   * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
   *
   * async function answerOnce() {
   *   for await (const message of subscribe("example/double")) {
   *     await message.reply(`${2 * Number(message.text)}`);
   *     break;
   *   }
   * }
   *
   * const answered = answerOnce();
   * const answer = await request("example/double", "21", { wait: true });
   * assertEquals(answer.text, "42");
   * await answered;
   * ```
   */
  async reply(answer: string | Uint8Array): Promise<void> {
    if (!this.#request?.answer) {
      throw new FifobusError(
        "not_a_request",
        `Cannot answer the message to "${this.topic}": it is no request`,
      );
    }
    await this.#request.answer(this.#request.replyTo, answer);
  }

  /**
   * Takes the topic off a message that carries it: `topic TAB message`, or
   * `topic US reply-topic TAB message` for a request, as it is written to a
   * member of the bus.
   *
   * @param answer How {@linkcode reply} answers; without it, it cannot.
   * @returns The message behind the tab; undefined if there is no tab, or what
   * stands before it cannot be a topic.
   */
  untagged(answer?: SendAnswer): Message | undefined {
    const length = this.bytes.indexOf(TAB);
    if (length < 0) return undefined;
    const tab = this.#start + length;
    const tag = decodeTag(this.#buffer.subarray(this.#start, tab));
    if (!tag) return undefined;
    const message = new Message(tag.topic, this.#buffer, tab + 1, this.#end);
    const { replyTo } = tag;
    if (replyTo !== undefined) message.#request = { replyTo, answer };
    return message;
  }

  /**
   * Makes a request of the message.
   *
   * @param replyTo The topic that takes the answers.
   * @param answer How {@linkcode reply} answers.
   * @returns The message.
   */
  withReply(replyTo: string, answer: SendAnswer): Message {
    this.#request = { replyTo, answer };
    return this;
  }

  /**
   * Makes the same message, that comes after others which did not arrive.
   *
   * @param missed How many.
   * @returns The message.
   */
  after(missed: number): Message {
    const { topic, retained } = this;
    const message = new Message(
      ...[topic, this.#buffer, this.#start, this.#end, retained] as const,
    );
    message.#request = this.#request;
    return Object.assign(message, { missed });
  }

  /**
   * Puts the topic before the message, as {@linkcode untagged} takes it off.
   *
   * @returns A message that is `topic TAB message`.
   */
  tagged(): Message {
    const tag = encoder.encode(`${this.topic}\t`);
    return new Message(this.topic, concat([tag, this.bytes]));
  }

  /**
   * Writes messages as they go over the wire.
   *
   * @param messages The messages, in order.
   * @param delimiter What ends each of them.
   * @returns The bytes; where the messages lie side by side in one buffer, as
   * they do when they arrived together, a view of it.
   *
   * @example Back to bytes
   * ```ts
   * import { Message } from "@fifobus/fifobus";
   * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
   *
   * const message = new Message("/tmp/p", new TextEncoder().encode("21.5"));
   * const bytes = Message.frame([message, message], "\n");
   * assertEquals(new TextDecoder().decode(bytes), "21.5\n21.5\n");
   * ```
   */
  static frame(
    messages: Message[],
    delimiter: Delimiter,
  ): Uint8Array<ArrayBuffer> {
    const end = delimiter.charCodeAt(0);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < messages.length;) {
      const buffer = messages[i]!.#buffer;
      const start = messages[i]!.#start;
      let stop = start;
      for (; i < messages.length; i++) {
        const next = messages[i]!;
        if (next.#buffer !== buffer || next.#start !== stop) break;
        if (buffer[next.#end] !== end) break;
        stop = next.#end + 1;
      }
      if (stop > start) parts.push(buffer.subarray(start, stop));
      else parts.push(messages[i++]!.bytes, Uint8Array.of(end));
    }
    return concat(parts);
  }
}

/** What stands before the tab. */
interface Tag {
  bytes: Uint8Array<ArrayBuffer>;
  topic: string;
  replyTo: string | undefined;
}

let lastTag: Tag | undefined;

/** Decodes a tag; most often it is the same as that of the message before. */
function decodeTag(bytes: Uint8Array<ArrayBuffer>): Tag | undefined {
  const last = lastTag?.bytes;
  let same = bytes.length === last?.length;
  for (let i = 0; same && i < bytes.length; i++) same = bytes[i] === last![i];
  if (same) return lastTag;
  const tag = parseTag(bytes);
  if (tag) lastTag = tag;
  return tag;
}

function parseTag(bytes: Uint8Array<ArrayBuffer>): Tag | undefined {
  if (bytes.length > MAX_TAG_BYTES) return undefined;
  let text;
  try {
    text = strict.decode(bytes);
  } catch {
    return undefined;
  }
  const at = text.indexOf(UNIT_SEPARATOR);
  const topic = at < 0 ? text : text.slice(0, at);
  const replyTo = at < 0 ? undefined : text.slice(at + 1);
  const topics = replyTo === undefined ? [topic] : [topic, replyTo];
  if (topics.some((it) => nameFault(it) !== undefined)) return undefined;
  return { bytes: bytes.slice(), topic, replyTo };
}

/**
 * Puts the topic before each message, as a member of the bus reads it.
 *
 * @param topic The topic.
 * @param messages The messages, each with its delimiter.
 * @param delimiter What ends each of them.
 * @param replyTo The topic of their answers, if they are requests.
 * @returns `topic TAB message` for each, or `topic US reply-topic TAB message`,
 * with the delimiter.
 */
export function tagMessages(
  topic: string,
  messages: Uint8Array<ArrayBuffer>,
  delimiter: Delimiter,
  replyTo?: string,
): Uint8Array<ArrayBuffer> {
  const request = replyTo === undefined ? "" : UNIT_SEPARATOR + replyTo;
  const tag = encoder.encode(`${topic}${request}\t`);
  const end = delimiter.charCodeAt(0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < messages.length;) {
    const next = messages.indexOf(end, start) + 1 || messages.length;
    parts.push(tag, messages.subarray(start, next));
    start = next;
  }
  return concat(parts);
}
