/**
 * The error that a caller of this library may want to catch.
 *
 * @module
 */

/**
 * Why a {@linkcode FifobusError} was thrown.
 *
 * - `bad_address`: the address is not one that this version understands.
 * - `no_connection`: the broker cannot be reached, or refuses the connection.
 * - `not_authorized`: the broker does not accept who connects, or the topic.
 * - `no_fifos`: this system has none: Windows.
 * - `not_a_fifo`: the path is taken by something else, or cannot be made.
 * - `no_reader`: nobody reads or subscribes, and the caller chose not to wait.
 * - `timed_out`: nobody took the message, or answered it, within the time given.
 * - `message_too_large`: a message is over the limit, sent or received.
 * - `delimiter_in_message`: a message holds the byte that would end it.
 * - `too_many_readers`: this process already reads as many FIFOs as it can.
 * - `unsafe_bus`: the folder of the bus is not one, or others could change it.
 * - `not_a_request`: the message to be answered asks for no answer.
 * - `closed`: the publisher, or the subscriber that was to answer, was closed
 *   before the message was published.
 */
export type FifobusErrorCode =
  | "bad_address"
  | "no_connection"
  | "not_authorized"
  | "no_fifos"
  | "not_a_fifo"
  | "no_reader"
  | "timed_out"
  | "message_too_large"
  | "delimiter_in_message"
  | "too_many_readers"
  | "unsafe_bus"
  | "not_a_request"
  | "closed";

/**
 * Checks options that are numbers.
 *
 * @param options The options, by name; what is not a number is left out.
 * @throws {RangeError} If one is less than 0, or NaN.
 */
export function checkNumbers(options: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== "number" || value >= 0) continue;
    throw new RangeError(`Cannot use ${name} ${value}: it is not 0 or more`);
  }
}

/**
 * What fifobus throws when it cannot do what was asked. The text names the
 * address and the reason; {@linkcode FifobusError.code} is for programs.
 *
 * @example Tell one reason from another
 * ```ts
 * import { FifobusError, publish } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * try {
 *   await publish("/tmp", "a folder is no FIFO");
 * } catch (error) {
 *   assertEquals(error instanceof FifobusError && error.code, "not_a_fifo");
 * }
 * ```
 */
export class FifobusError extends Error {
  /** Why, for a program to act on. */
  readonly code: FifobusErrorCode;

  /**
   * Creates an error.
   *
   * @param code Why, for a program to act on.
   * @param message Why, for a person to read.
   * @param options As of `Error`.
   */
  constructor(code: FifobusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FifobusError";
    this.code = code;
  }
}
