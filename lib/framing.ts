/**
 * Messages to bytes and back: a message is its bytes and one delimiter.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";

/**
 * What ends a message on the wire: a line feed, or a NUL byte, with which a
 * message may hold line feeds.
 */
export type Delimiter = "\n" | "\0";

/** The longest message in bytes, unless told otherwise: 1 MiB. */
export const DEFAULT_MAX_BYTES = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const TAB = 0x09;

/**
 * Stands between the topic of a request and the topic of its answers: US is
 * ASCII's separator of units, and no topic holds a control character.
 */
const UNIT_SEPARATOR = "\x1f";

/**
 * What a subscriber writes to its own FIFO to end a read that is under way: a
 * read(2) that waits cannot be cancelled, and would swallow the next message
 * of another reader. SYN is ASCII's "nothing to send, keep in step". Splitters
 * drop it, wherever it lands, together with the delimiter behind it.
 */
const WAKE = encoder.encode("\x16fifobus wake\x16");

/**
 * What a publisher puts behind a message that it cannot write to its end. CAN
 * is ASCII's "disregard what came before": splitters drop that message.
 */
const TORN = encoder.encode("\x18fifobus torn\x18");

const MARK_LENGTH = WAKE.length;

/**
 * The bytes that end a subscriber's pending read, see {@linkcode WAKE}.
 *
 * @param delimiter What ends a message.
 * @returns The marker and its delimiter.
 */
export function wakeMarker(delimiter: Delimiter): Uint8Array<ArrayBuffer> {
  return concat([WAKE, Uint8Array.of(delimiter.charCodeAt(0))]);
}

/**
 * The bytes that end a torn message, see {@linkcode TORN}.
 *
 * @param delimiter What ends a message.
 * @returns The marker and its delimiter.
 */
export function tornMarker(delimiter: Delimiter): Uint8Array<ArrayBuffer> {
  return concat([TORN, Uint8Array.of(delimiter.charCodeAt(0))]);
}

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
   * @returns The message behind the tab; undefined if there is no tab.
   */
  untagged(answer?: SendAnswer): Message | undefined {
    const tab = this.#buffer.indexOf(TAB, this.#start);
    if (tab < 0 || tab >= this.#end) return undefined;
    const tag = decodeTag(this.#buffer.subarray(this.#start, tab));
    const message = new Message(tag.topic, this.#buffer, tab + 1, this.#end);
    const { replyTo } = tag;
    if (replyTo !== undefined) message.#request = { replyTo, answer };
    return message;
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

let lastTag: Tag = { bytes: new Uint8Array(0), topic: "", replyTo: undefined };

/** Decodes a tag; most often it is the same as that of the message before. */
function decodeTag(bytes: Uint8Array<ArrayBuffer>): Tag {
  const last = lastTag.bytes;
  let same = bytes.length === last.length;
  for (let i = 0; same && i < last.length; i++) same = bytes[i] === last[i];
  if (same) return lastTag;
  const text = decoder.decode(bytes);
  const at = text.indexOf(UNIT_SEPARATOR);
  const topic = at < 0 ? text : text.slice(0, at);
  const replyTo = at < 0 ? undefined : text.slice(at + 1);
  return lastTag = { bytes: bytes.slice(), topic, replyTo };
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

/**
 * Ends messages by another delimiter.
 *
 * @param messages The messages, each with the delimiter it has now.
 * @param from What ends a message now.
 * @param to What is to end it.
 * @returns The messages, and how many were left out, as they hold what would
 * have to end them.
 */
export function reframe(
  messages: Uint8Array<ArrayBuffer>,
  from: Delimiter,
  to: Delimiter,
): { messages: Uint8Array<ArrayBuffer>; dropped: number } {
  const [before, after] = [from.charCodeAt(0), to.charCodeAt(0)];
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let dropped = 0;
  for (let start = 0; start < messages.length;) {
    const end = messages.indexOf(before, start);
    const message = messages.subarray(start, end);
    if (message.includes(after)) dropped++;
    else parts.push(message, Uint8Array.of(after));
    start = end + 1;
  }
  return { messages: concat(parts), dropped };
}

/**
 * Joins bytes.
 *
 * @param parts The bytes, in order.
 * @returns All of them; if there is one part, that part.
 */
export function concat(
  parts: Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!;
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * Writes one message as it goes over the wire.
 *
 * @param address Where it goes to, for the error that says so.
 * @param message The message; text goes as UTF-8.
 * @param delimiter What ends it.
 * @param maxBytes How long it may be, without its delimiter.
 * @returns The message and its delimiter.
 * @throws {FifobusError} `message_too_large` or `delimiter_in_message`.
 */
export function encodeMessage(
  address: string,
  message: string | Uint8Array,
  delimiter: Delimiter,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const end = delimiter.charCodeAt(0);
  const framed = typeof message === "string"
    ? encoder.encode(message + delimiter)
    : concat([new Uint8Array(message), Uint8Array.of(end)]);
  const length = framed.length - 1;
  if (length > maxBytes) {
    throw new FifobusError(
      "message_too_large",
      `Cannot publish to "${address}": ${tooLarge(`is ${length}`, maxBytes)}`,
    );
  }
  const at = framed.indexOf(end);
  if (at === length) return framed;
  const reason = delimiter === "\n"
    ? "a line feed, which would end it there; NUL as the delimiter allows it"
    : "a NUL, which would end it there; a line feed as the delimiter allows it";
  throw new FifobusError(
    "delimiter_in_message",
    `Cannot publish to "${address}": byte ${at} of the message is ${reason}`,
  );
}

function tooLarge(found: string, maxBytes: number): string {
  return `the message ${found} bytes, the limit is ${maxBytes}`;
}

/**
 * Cuts what arrives into messages.
 *
 * TextLineStream alone would keep an endless line in memory; a splitter stops
 * at its limit, and keeps bytes that are not UTF-8.
 */
export class MessageSplitter {
  readonly #topic: string;
  readonly #delimiter: Delimiter;
  readonly #end: number;
  readonly #maxBytes: number;
  #rest: Uint8Array<ArrayBuffer>[] = [];
  #restBytes = 0;
  #count = 0;
  #wakes = 0;
  #error: FifobusError | undefined;

  /**
   * Creates a splitter.
   *
   * @param topic What the messages say of where they came from.
   * @param delimiter What ends a message.
   * @param maxBytes How long a message may be, without its delimiter.
   */
  constructor(topic: string, delimiter: Delimiter, maxBytes: number) {
    this.#topic = topic;
    this.#delimiter = delimiter;
    this.#end = delimiter.charCodeAt(0);
    this.#maxBytes = maxBytes;
  }

  /** How many wake markers have come by. */
  get wakes(): number {
    return this.#wakes;
  }

  /** Whether a message has begun, and its end is still to come. */
  get isInMessage(): boolean {
    return this.#restBytes > 0;
  }

  /** Set once a message is over the limit: nothing after it is a message. */
  get error(): FifobusError | undefined {
    return this.#error;
  }

  /**
   * Takes what has arrived.
   *
   * @param chunk The bytes, which belong to the messages from now on.
   * @returns The messages that are complete now, in order.
   */
  push(chunk: Uint8Array<ArrayBuffer>): Message[] {
    const messages: Message[] = [];
    let start = 0;
    let end;
    while (!this.#error && (end = chunk.indexOf(this.#end, start)) >= 0) {
      if (this.#restBytes === 0) this.#take(chunk, start, end, messages);
      else {
        this.#keep(chunk.subarray(start, end + 1));
        const record = this.#takeRest();
        this.#take(record, 0, record.length - 1, messages);
      }
      start = end + 1;
    }
    // A copy, so that a few bytes do not keep a whole chunk in memory.
    if (start < chunk.length) this.#keep(chunk.slice(start));
    return messages;
  }

  /**
   * Ends the input.
   *
   * @returns What came after the last delimiter, if anything did.
   */
  flush(): Message[] {
    const rest = this.#takeRest();
    return rest.length > 0 ? [new Message(this.#topic, rest)] : [];
  }

  #take(
    buffer: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    messages: Message[],
  ): void {
    if (endsWith(buffer, start, end, WAKE)) {
      this.#wakes++;
      // It may have landed between two halves of somebody's message.
      this.#keep(buffer.slice(start, end - MARK_LENGTH));
    } else if (endsWith(buffer, start, end, TORN)) {
      return;
    } else if (end - start > this.#maxBytes) {
      this.#fail(`is ${end - start}`);
    } else {
      this.#count++;
      messages.push(new Message(this.#topic, buffer, start, end));
    }
  }

  #keep(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#error || bytes.length === 0) return;
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    // A marker and a delimiter may be among these bytes.
    if (this.#restBytes <= this.#maxBytes + MARK_LENGTH + 1) return;
    this.#fail(`has no end after ${this.#restBytes}`);
    this.#takeRest();
  }

  #fail(found: string): void {
    const text = tooLarge(found, this.#maxBytes);
    this.#error ??= new FifobusError(
      "message_too_large",
      `Cannot read message ${this.#count + 1} of ${this.#topic}: ${text}`,
    );
  }

  #takeRest(): Uint8Array<ArrayBuffer> {
    const rest = concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return rest;
  }
}

/** Looks at the last byte first: that is all it costs a plain message. */
function endsWith(
  buffer: Uint8Array,
  start: number,
  end: number,
  mark: Uint8Array,
): boolean {
  if (end - start < MARK_LENGTH || buffer[end - 1] !== mark[0]) return false;
  const from = end - MARK_LENGTH;
  return mark.every((byte, i) => buffer[from + i] === byte);
}
