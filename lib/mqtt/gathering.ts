/**
 * Gathering what MQTT.js writes: it makes several writes of each packet, which
 * take more time than all its other work.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers";

/** What is as long as this goes out by itself, without a copy. */
const MAX_GATHERED_BYTES = 64 * 1024;

/** Takes the end of a write. */
type Written = (error?: Error | null) => void;

/**
 * Makes one write of all that is written to a stream in a turn of the event
 * loop.
 *
 * @param stream The stream.
 */
export function gatherWrites(stream: Duplex): void {
  const write = stream.write.bind(stream);
  let room = Buffer.alloc(0);
  let length = 0;
  let ends: Written[] = [];
  const flush = () => {
    if (length === 0) return;
    const bytes = room.subarray(0, length);
    const due = ends;
    room = room.subarray(length);
    length = 0;
    ends = [];
    write(bytes, (error) => {
      for (const end of due) end(error);
    });
  };
  const gather = (part: Uint8Array | string, end?: Written): void => {
    const bytes = typeof part === "string"
      ? Buffer.byteLength(part)
      : part.length;
    if (length + bytes > room.length) {
      flush();
      if (bytes >= MAX_GATHERED_BYTES) {
        write(part, end);
        return;
      }
      room = Buffer.allocUnsafeSlow(MAX_GATHERED_BYTES);
    }
    if (length === 0) setImmediate(flush);
    if (typeof part === "string") room.write(part, length);
    else room.set(part, length);
    length += bytes;
    if (end) ends.push(end);
  };
  // MQTT.js gives texts in UTF-8 alone.
  stream.write = (
    part: Uint8Array | string,
    encodingOrEnd?: string | Written,
    end?: Written,
  ): boolean => {
    gather(part, typeof encodingOrEnd === "function" ? encodingOrEnd : end);
    return !stream.writableNeedDrain;
  };
}
