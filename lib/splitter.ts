/**
 * Bytes to messages.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";
import { concat, type Delimiter, tooLarge } from "./framing.ts";
import { endsWith, MARK_LENGTH, TORN, WAKE } from "./marks.ts";
import { Message } from "./message.ts";

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
