/**
 * Numbers in words.
 *
 * @module
 */

/** Writes a number of messages in words. */
export function count(messages: number): string {
  return messages === 1 ? "1 message" : `${messages} messages`;
}
