/**
 * Turning framed bytes into a stream of texts.
 *
 * @module
 */
import { TextDelimiterStream } from "jsr:@std/streams@1.1.2/text-delimiter-stream";
import { TextLineStream } from "jsr:@std/streams@1.1.2/text-line-stream";
import type { Delimiter } from "./framing.ts";

/**
 * Decodes a stream of framed bytes into the text of each message. With line
 * feeds, TextLineStream also removes a carriage return before the line feed.
 *
 * @param bytes The bytes, in chunks of any size.
 * @param delimiter What ends a message.
 * @returns One string for each message.
 */
export function textStream(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  delimiter: Delimiter,
): ReadableStream<string> {
  const framing: TransformStream<string, string> = delimiter === "\n"
    ? new TextLineStream()
    : new TextDelimiterStream(delimiter);
  const decoder = new TextDecoderStream("utf-8", { ignoreBOM: true });
  return bytes.pipeThrough(decoder).pipeThrough(framing);
}
