/**
 * Splitting bytes into messages.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { WireMessage } from "./message.ts";
import { concat, type Delimiter, tooLarge } from "./framing.ts";
import { markAtEnd, MAX_MARK_LENGTH } from "./marks.ts";

/** What kind of bytes to split. */
export interface SplitterOptions {
  /**
   * Whether the bytes come from a FIFO, where marks are not messages. Elsewhere
   * {@linkcode MessageSplitter.isMarked} says that a mark came.
   *
   * @default {true}
   */
  hasMarks?: boolean;
  /**
   * Whether each message has its topic before it. A record over the limit that
   * has no topic is not a message: its beginning takes its place, and the rest
   * is dropped.
   *
   * @default {false}
   */
  hasTopics?: boolean;
}

/**
 * Splits arriving bytes into messages.
 *
 * TextLineStream alone would keep an endless line in memory; a splitter stops
 * at its limit, and keeps bytes that are not UTF-8.
 */
export class MessageSplitter {
  readonly #topic: string;
  readonly #end: number;
  readonly #maxBytes: number;
  readonly #hasMarks: boolean;
  readonly #hasTopics: boolean;
  #rest: Uint8Array<ArrayBuffer>[] = [];
  #restBytes = 0;
  #count = 0;
  #isSkipping = false;
  /** Whether the skipped bytes were never a message. */
  #isStray = false;
  #isMarked = false;
  #lost = 0;
  #wakes: string[] = [];
  /** How long the next message is, if its publisher has announced it. */
  #announced: number | undefined;
  #unread: Uint8Array<ArrayBuffer> = new Uint8Array();
  #error: FifobusError | undefined;

  /**
   * Creates a splitter.
   *
   * @param topic The topic of the messages: it says where they came from.
   * @param delimiter What ends a message.
   * @param maxBytes How long a message may be, without its delimiter.
   * @param options What kind of bytes to split.
   */
  constructor(
    topic: string,
    delimiter: Delimiter,
    maxBytes: number,
    { hasMarks = true, hasTopics = false }: SplitterOptions = {},
  ) {
    this.#topic = topic;
    this.#end = delimiter.charCodeAt(0);
    this.#maxBytes = maxBytes;
    this.#hasMarks = hasMarks;
    this.#hasTopics = hasTopics;
  }

  /** Whether a message has begun and not ended yet. */
  get isInMessage(): boolean {
    return this.#restBytes > 0 || this.#isSkipping;
  }

  /**
   * Whether a message ended with a mark where marks are not allowed; no message
   * follows it.
   */
  get isMarked(): boolean {
    return this.#isMarked;
  }

  /** Whether the bytes up to the next delimiter are dropped. */
  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /** Set when a message is over the limit: no message follows it. */
  get error(): FifobusError | undefined {
    return this.#error;
  }

  /**
   * Takes bytes that have arrived.
   *
   * @param chunk The bytes; from now on, they belong to the messages.
   * @returns The messages that are complete now, in order.
   */
  push(chunk: Uint8Array<ArrayBuffer>): WireMessage[] {
    const messages: WireMessage[] = [];
    let start = 0;
    let end;
    while (
      !this.#error && !this.#isMarked &&
      (end = chunk.indexOf(this.#end, start)) >= 0
    ) {
      if (this.#restBytes === 0) this.#take(chunk, start, end, messages);
      else {
        this.#keep(chunk.subarray(start, end + 1), messages);
        const record = this.takeRest();
        // If nothing is left of the record, it was too long, and is gone.
        if (record.length > 0) {
          this.#take(record, 0, record.length - 1, messages);
        }
      }
      start = end + 1;
    }
    // A copy, so that a few bytes do not keep a whole chunk in memory.
    const tail = chunk.slice(start);
    if (this.#error) this.#unread = tail;
    else if (tail.length > 0) this.#keep(tail, messages);
    return messages;
  }

  /**
   * Takes out the bytes behind a message that was over the limit.
   *
   * @returns Its bytes; {@linkcode isInMessage} says whether they begin within
   * that message.
   */
  takeUnread(): Uint8Array<ArrayBuffer> {
    const unread = this.#unread;
    this.#unread = new Uint8Array();
    return unread;
  }

  /**
   * Ends the input.
   *
   * @returns The bytes after the last delimiter, if any, as a message.
   */
  flush(): WireMessage[] {
    const rest = this.takeRest();
    this.#isMarked = !this.#hasMarks &&
      markAtEnd(rest, 0, rest.length) !== undefined;
    if (this.#isMarked) return [];
    return rest.length > 0 ? [new WireMessage(this.#topic, rest)] : [];
  }

  /**
   * Takes out the beginning of a message.
   *
   * @returns Its bytes; empty if no message has begun.
   */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return rest;
  }

  /**
   * Forgets any message that has begun: unrelated bytes follow.
   *
   * @param count How many messages came before these bytes, for errors.
   */
  reset(count: number): void {
    this.takeRest();
    this.#count = count;
    this.#isSkipping = this.#isStray = false;
    this.#announced = undefined;
    this.#error = undefined;
    this.#unread = new Uint8Array();
  }

  /** Drops the bytes up to the next delimiter: the end of a message. */
  dropRest(): void {
    this.#isSkipping = true;
  }

  /** Takes out how many messages have lost a part since the last call. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Takes out the tokens of the wake markers that came since the last call. */
  takeWakes(): string[] {
    return this.#wakes.splice(0);
  }

  #take(
    buffer: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    messages: WireMessage[],
  ): void {
    const mark = markAtEnd(buffer, start, end);
    if (mark && !this.#hasMarks) this.#isMarked = true;
    else if (mark?.token !== undefined) {
      this.#wakes.push(mark.token);
      // The marker may have landed between two halves of another message.
      this.#keep(buffer.slice(start, end - mark.length), messages);
    } else if (mark || this.#isSkipping || this.#isJoined(end - start)) {
      // A publisher that could not complete a message reports that, or tries
      // again. Two publishers may have put their marks behind one message.
      const isLost = mark
        ? mark.isKilled && end - start > mark.length
        : !this.#isStray;
      // Without a mark between them, a part and the message behind it are lost.
      if (isLost) this.#lost += mark || this.#isSkipping ? 1 : 2;
      this.#isSkipping = this.#isStray = false;
      this.#announced = mark?.next;
    } else if (end - start > this.#maxBytes) {
      const record = buffer.subarray(start, end);
      this.#refuse(`is ${end - start}`, record, messages);
    } else {
      this.#announced = undefined;
      this.#count++;
      messages.push(new WireMessage(this.#topic, buffer, start, end));
    }
  }

  /** Whether another message continues at the place where a publisher died. */
  #isJoined(length: number): boolean {
    return this.#announced !== undefined && this.#announced !== length;
  }

  #keep(bytes: Uint8Array<ArrayBuffer>, messages: WireMessage[]): void {
    if (this.#error || bytes.length === 0) return;
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    // A marker and a delimiter may be among these bytes.
    const slack = MAX_MARK_LENGTH + 1;
    if (this.#isSkipping && this.#restBytes > slack) {
      const end = this.takeRest().slice(-slack);
      this.#rest = [end];
      this.#restBytes = end.length;
    } else if (this.#restBytes > this.#maxBytes + slack) {
      const found = `has no end after ${this.#restBytes}`;
      const isStray = this.#refuse(found, this.takeRest(), messages);
      this.#isSkipping = bytes.at(-1) !== this.#end;
      this.#isStray = isStray && this.#isSkipping;
    }
  }

  /** Handles a record that is too long; true if it is only a stray record. */
  #refuse(
    found: string,
    record: Uint8Array<ArrayBuffer>,
    messages: WireMessage[],
  ): boolean {
    const beginning = new WireMessage(this.#topic, record);
    if (this.#hasTopics && !beginning.untagged()) {
      messages.push(beginning);
      return true;
    }
    const text = tooLarge(found, this.#maxBytes);
    this.#error ??= new FifobusError(
      "message_too_large",
      `Cannot read message ${this.#count + 1} of ${this.#topic}: ${text}`,
    );
    return false;
  }
}
