/**
 * A message, as a subscriber gets it.
 *
 * @module
 */

/** One message, as it was received. */
export interface Message {
  /** The topic it was published to, or the path of the FIFO it came through. */
  readonly topic: string;
  /** Whether it is a last value, kept since before the subscriber was there. */
  readonly retained: boolean;
  /**
   * How many messages to the same subscription did not arrive just before this
   * one, because this process did not read in time.
   */
  readonly missed: number;
  /** The length in bytes. */
  readonly length: number;
  /** The message byte for byte, without its delimiter. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The message as text; what is not UTF-8 becomes U+FFFD. */
  readonly text: string;
  /** The topic that takes the answers, if the message is a request. */
  readonly replyTo: string | undefined;
  /**
   * Reads the message as JSON.
   *
   * @returns The value.
   * @throws {SyntaxError} If it is not JSON.
   */
  json(): unknown;
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
  reply(answer: string | Uint8Array): Promise<void>;
}
