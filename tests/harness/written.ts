/**
 * What the writers of `sub` write.
 *
 * @module
 */
import {
  type Arrival,
  PrintBuffer,
  type Writer,
} from "../../lib/cli/print_buffer.ts";

/**
 * Writes one message.
 *
 * @param write The writer.
 * @param arrival The message.
 * @returns The bytes, as for a pipe.
 */
export function written(
  write: Writer,
  arrival: Arrival,
): Uint8Array<ArrayBuffer> {
  const buffer = new PrintBuffer(false);
  write(arrival, buffer);
  return buffer.bytes;
}
