/**
 * The error that a caller of this library may want to catch, and texts for the
 * errors of the system.
 *
 * @module
 */

/**
 * Why a {@linkcode FifobusError} was thrown.
 *
 * - `bad_address`: this version does not understand the address.
 * - `no_connection`: the broker cannot be reached, or refuses the connection.
 * - `not_authorized`: the broker does not accept the user, or the topic.
 * - `no_fifos`: this system, Windows, has no FIFOs.
 * - `not_a_fifo`: something else has the path, or the FIFO cannot be made.
 * - `no_reader`: nobody reads or subscribes, and the caller chose not to wait.
 * - `timed_out`: nobody took the message, or answered it, in the given time.
 * - `message_too_large`: a message, sent or received, is over the limit.
 * - `delimiter_in_message`: a message holds the byte that would end it.
 * - `too_many_readers`: this process already reads as many FIFOs as it can.
 * - `unsafe_bus`: the path of the bus is not a folder, or others could change
 *   the folder.
 * - `system_error`: the system refused something that the bus needs, for
 *   example because a disk is full; `cause` is its error.
 * - `not_retained`: a message cannot be kept as the last value of its topic;
 *   the subscribers did get it.
 * - `not_a_request`: the message to answer does not ask for an answer.
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
  | "system_error"
  | "not_retained"
  | "not_a_request"
  | "closed";

/** The longest time of a timer, 25 days, in milliseconds; longer is for ever. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Checks options that are numbers.
 *
 * @param options The options, by name; values that are not numbers are ignored.
 * @throws {RangeError} If a number is less than 0, or NaN.
 */
export function checkNumbers(options: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== "number" || value >= 0) continue;
    throw new RangeError(`Cannot use ${name} ${value}: it is not 0 or more`);
  }
}

/**
 * The error that fifobus throws when it cannot do what you asked. The text
 * names the address and the reason; {@linkcode FifobusError.code} is for
 * programs.
 *
 * @example Tell one reason from another
 * ```ts
 * import { FifobusError, publish } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * try {
 *   await publish("/tmp", "a folder is not a FIFO");
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

/** The system's names and texts for its errors, and a plain reason for each. */
const SYSTEM_ERRORS: [code: string, text: string, reason: string][] = [
  ["ENOENT", "No such file or directory", "it is not there"],
  ["EACCES", "Permission denied", "permission denied"],
  ["EPERM", "Operation not permitted", "the system does not permit it"],
  ["EEXIST", "File exists", "something else is there already"],
  ["EISDIR", "Is a directory", "it is a folder"],
  ["ENOTDIR", "Not a directory", "a part of the path is not a folder"],
  ["ENOSPC", "No space left on device", "the disk is full"],
  ["EDQUOT", "Disk quota exceeded", "the disk quota is used up"],
  ["EFBIG", "File too large", "the file would be too large"],
  ["EROFS", "Read-only file system", "the file system is read-only"],
  ["ENOLCK", "No locks available", "its file system has no locks"],
  ["EOPNOTSUPP", "Operation not supported", "its file system cannot do that"],
  ["ELOOP", "Too many levels of symbolic links", "its link cannot be followed"],
  ["ENAMETOOLONG", "File name too long", "its name is too long"],
  ["EMFILE", "Too many open files", "too many files are open: ulimit -n"],
  [
    "ENFILE",
    "Too many open files in system",
    "the system has too many files open",
  ],
  ["ENOMEM", "Cannot allocate memory", "there is not enough memory"],
  ["E2BIG", "Argument list too long", "arguments and environment are too long"],
  ["EBUSY", "Device or resource busy", "it is in use"],
  ["EAGAIN", "Resource temporarily unavailable", "it is busy"],
  ["EIO", "Input/output error", "the device failed"],
];

/** The suffix that Deno and Node.js add: the call, and the files. */
const CALL = /(?:: |, )([a-z]+) '([^]*?)'(?: -> '[^]*')?$/;

/** Verbs for the calls in that suffix. */
const ACTIONS: Record<string, string> = {
  lstat: "look at",
  stat: "look at",
  mkdir: "make",
  readdir: "read",
  readfile: "read",
  writefile: "write",
};

/**
 * Says what an error means.
 *
 * @param error The error, or the system's text for an error.
 * @returns The reason; for an error of the system, without the file's name.
 */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return systemReason(error) ?? text;
}

/**
 * Says what went wrong, and with which file, if the system names it.
 *
 * @param error The error.
 * @returns The text for people.
 */
export function inWords(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const reason = systemReason(error);
  if (reason === undefined) return text;
  const [, call, path] = CALL.exec(text) ?? [];
  if (call === undefined) return `Cannot go on: ${reason}`;
  return `Cannot ${ACTIONS[call] ?? call} "${path}": ${reason}`;
}

/**
 * Turns an error of the system into a {@linkcode FifobusError}.
 *
 * @param error The error.
 * @returns A {@linkcode FifobusError}; other errors stay as they are.
 */
export function withoutSystemErrors(error: unknown): unknown {
  if (systemReason(error) === undefined) return error;
  return new FifobusError("system_error", inWords(error), { cause: error });
}

/** The reason for an error of the system; undefined for other errors. */
function systemReason(error: unknown): string | undefined {
  if (error instanceof FifobusError) return undefined;
  const text = error instanceof Error ? error.message : String(error);
  const { code } = Object(error) as { code?: unknown };
  const [, , reason] = SYSTEM_ERRORS.find((it) => code === it[0]) ??
    SYSTEM_ERRORS.findLast((it) => text.startsWith(it[1])) ?? [];
  if (reason !== undefined) return reason;
  // Deno knows more errors than this table names.
  const [, known] = /^(.*) \(os error \d+\)/.exec(text) ?? [];
  return known?.replace(/^./, (letter) => letter.toLowerCase());
}
