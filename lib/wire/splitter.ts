/**
 * Bytes to messages.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { WireMessage } from "./message.ts";
import { concat, type Delimiter, tooLarge } from "./framing.ts";
import { markAtEnd, MAX_MARK_LENGTH } from "./marks.ts";

/** What the bytes are. */
export interface SplitterOptions {
  /**
   * Whether they are from a FIFO, where marks are not messages; elsewhere
   * {@linkcode MessageSplitter.isMarked} says that one came.
   *
   * @default {true}
   */
  hasMarks?: boolean;
  /**
   * Whether each message has its topic before it. What is over the limit
   * without one is not a message: its beginning stands for it, and the rest is
   * dropped.
   *
   * @default {false}
   */
  hasTopics?: boolean;
}

/**
 * Cuts what arrives into messages.
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
  /** Whether what is skipped was never a message. */
  #isStray = false;
  #isMarked = false;
  #lost = 0;
  #wakes: string[] = [];
  /** How long the next message is, where its publisher has said so. */
  #announced: number | undefined;
  #unread: Uint8Array<ArrayBuffer> = new Uint8Array();
  #error: FifobusError | undefined;

  /**
   * Creates a splitter.
   *
   * @param topic What the messages say of where they came from.
   * @param delimiter What ends a message.
   * @param maxBytes How long a message may be, without its delimiter.
   * @param options What the bytes are.
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

  /** Whether a message has begun, and its end is still to come. */
  get isInMessage(): boolean {
    return this.#restBytes > 0 || this.#isSkipping;
  }

  /**
   * Whether a message ended with a mark that can be none: it is the last one.
   */
  get isMarked(): boolean {
    return this.#isMarked;
  }

  /** Whether what comes up to the next delimiter is dropped. */
  get isSkipping(): boolean {
    return this.#isSkipping;
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
        // It was too long, and is gone, if there is nothing left of it.
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
   * Takes out what followed a message that was over the limit.
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
   * @returns What came after the last delimiter, if anything did.
   */
  flush(): WireMessage[] {
    const rest = this.takeRest();
    this.#isMarked = !this.#hasMarks &&
      markAtEnd(rest, 0, rest.length) !== undefined;
    if (this.#isMarked) return [];
    return rest.length > 0 ? [new WireMessage(this.#topic, rest)] : [];
  }

  /**
   * Takes the beginning of a message out.
   *
   * @returns Its bytes; none if no message has begun.
   */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return rest;
  }

  /**
   * Forgets all that was begun: other bytes follow.
   *
   * @param count How many messages came before them, for errors.
   */
  reset(count: number): void {
    this.takeRest();
    this.#count = count;
    this.#isSkipping = this.#isStray = false;
    this.#announced = undefined;
    this.#error = undefined;
    this.#unread = new Uint8Array();
  }

  /** Drops what comes up to the next delimiter: the end of a message. */
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
      // It may have landed between two halves of somebody's message.
      this.#keep(buffer.slice(start, end - mark.length), messages);
    } else if (mark || this.#isSkipping || this.#isJoined(end - start)) {
      // A publisher that could not write to its end says so, or has another
      // try. Two may have put their marks behind one message.
      const isLost = mark
        ? mark.isKilled && end - start > mark.length
        : !this.#isStray;
      if (isLost) this.#lost++;
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

  /** Whether another message goes on where a publisher was killed. */
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

  /**
   * Passes over a record that is too long, or fails; tells whether it passed.
   */
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
