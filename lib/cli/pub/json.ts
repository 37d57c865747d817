/**
 * Checks messages that have to be JSON: `pub --json`.
 *
 * @module
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Checks that a message is JSON.
 *
 * @param message The message.
 * @param what The name of the message in the error.
 * @throws {Error} If the message is not JSON.
 */
export function checkJson(message: string | Uint8Array, what: string): void {
  try {
    JSON.parse(typeof message === "string" ? message : decoder.decode(message));
  } catch (error) {
    const reason = error instanceof SyntaxError
      ? error.message
      : "it is not UTF-8";
    throw new Error(`Cannot publish ${what}: it is not JSON: ${reason}`);
  }
}
