/**
 * A message, as a subscriber gets it.
 *
 * @module
 */

/**
 * What a message through a broker can have besides its bytes: properties of
 * {@link https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901109 MQTT 5, section 3.3.2.3}.
 */
export interface MessageProperties {
  /**
   * The user properties: names and values of your own, each at most 65,535 bytes
   * of UTF-8. A name that comes several times has an array of values.
   */
  readonly properties?: Readonly<Record<string, string | string[]>> | undefined;
  /** What the message is, for example `application/json`. */
  readonly contentType?: string | undefined;
  /**
   * How long the broker keeps the message for subscribers that have not got it
   * yet, in milliseconds. MQTT counts seconds, and a part of one is rounded up.
   * By default it does not expire. A subscriber gets what was left of the time
   * when the broker sent the message.
   */
  readonly expiryMs?: number | undefined;
  /**
   * The marks of the Publishers that have passed the message on, the `origin` of
   * each. A bridge publishes a message with those that it had, and its own.
   */
  readonly origins?: readonly string[] | undefined;
}

/** One received message. */
export interface Message extends MessageProperties {
  /** The topic it was published to, or the path of the FIFO it came through. */
  readonly topic: string;
  /** Whether it is a last value, retained from before the subscription. */
  readonly retained: boolean;
  /**
   * How many messages to the same subscription were lost just before this one,
   * because this process did not read in time.
   */
  readonly missed: number;
  /** The length in bytes. */
  readonly length: number;
  /** The message byte for byte, without its delimiter. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The message as text; bytes that are not UTF-8 become U+FFFD. */
  readonly text: string;
  /** The topic that answers go to, if the message is a request. */
  readonly replyTo: string | undefined;
  /** The quality of service of its delivery; undefined if no broker sent it. */
  readonly qos: 0 | 1 | 2 | undefined;
  /**
   * Reads the message as JSON.
   *
   * @returns The value.
   * @throws {SyntaxError} If it is not valid JSON.
   */
  json(): unknown;
  /**
   * Answers a request. An answer is a message to {@linkcode replyTo}; like any
   * other message, it is dropped if nobody subscribes to that topic.
   *
   * @param answer The answer; text is sent as UTF-8. The subscriber's limit for
   * the length of messages applies to it, too.
   * @returns When the answer was sent, or dropped.
   * @throws {FifobusError} `not_a_request`; `message_too_large`,
   * `delimiter_in_message`; `bad_address`, if the reply topic is not a valid
   * topic; `closed`, if the subscriber is closed.
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
  reply(answer: string | Uint8Array): Promise<void>;
}
