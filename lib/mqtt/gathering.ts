/**
 * Gathering what MQTT.js writes and reads. It makes several writes of each packet,
 * and a broker sends each message by itself: more reads and writes than messages,
 * which take more time than all other work.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers";

/** What is as long as this goes out by itself, without a copy. */
const MAX_GATHERED_BYTES = 64 * 1024;

/**
 * After this many reads in a millisecond, reading pauses for one. A stream from
 * mosquitto has 60, a message and its answer at most 20, which wait for nothing.
 */
const MANY_READS = 32;
const READ_PAUSE_MS = 1;

/** Takes the end of a write. */
type Written = (error?: Error | null) => void;

/**
 * Makes one write of all that is written to a stream in a turn of the event
 * loop.
 *
 * @param stream The stream.
 */
export function gatherWrites(stream: Duplex | Socket): void {
  // Behind another write, a write would wait for the broker's acknowledgement of
  // that segment (Nagle's algorithm), which may take 40 ms. WebSockets do it
  // themselves.
  if ("setNoDelay" in stream) stream.setNoDelay(true);
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

/**
 * Pauses reading from a stream for a moment when reads follow each other closely.
 * Of 500,000 messages from mosquitto, each read has 80 instead of 2.5, and the
 * subscriber takes half of the processor time.
 *
 * @param stream The stream.
 */
export function gatherReads(stream: Duplex): void {
  let since = 0;
  let reads = 0;
  let pause: ReturnType<typeof setTimeout> | undefined;
  stream.on("data", () => {
    const now = performance.now();
    if (now - since > READ_PAUSE_MS) {
      since = now;
      reads = 0;
    }
    if (++reads < MANY_READS) return;
    stream.pause();
    // If MQTT.js has no room, it pauses the stream again at the next read.
    pause = setTimeout(() => stream.resume(), READ_PAUSE_MS);
  });
  stream.once("close", () => clearTimeout(pause));
}
