/**
 * Prints messages: unchanged to a pipe, with visible control characters to a
 * terminal.
 *
 * @module
 */
import type { Message } from "../message.ts";
import { WireMessage } from "../wire/message.ts";
import type { Delimiter } from "../wire/framing.ts";
import { jsonWriter } from "./json_line.ts";
import { OutputClosed, type Stdout, writeAll } from "./output.ts";
import { PrintBuffer, type Writer } from "./print_buffer.ts";

/** How to print messages. */
export interface PrintOptions {
  /** What ends a message. */
  delimiter: Delimiter;
  /** Whether the topic and a tab come before each message. */
  topics: boolean;
  /** Whether to print the topic in color. */
  color: boolean;
  /** What to print instead of the message. */
  format: Writer | undefined;
  /** Whether to print JSON; "parsed" embeds a message that is JSON. */
  json: boolean | "parsed";
  /** Whether to print only the bytes of messages: no delimiter, no escapes. */
  raw: boolean;
}

const CYAN = "\x1b[36m";
const DEFAULT_COLOR = "\x1b[39m";

/** Prints messages, all that there are in one write. */
export class Printer {
  readonly #stdout: Stdout;
  readonly #options: PrintOptions;
  readonly #isTerminal: boolean;
  readonly #buffer: PrintBuffer;
  readonly #write: Writer | undefined;
  #sequence = 0;

  /**
   * Creates a printer.
   *
   * @param stdout Standard output.
   * @param options How to print.
   */
  constructor(stdout: Stdout, options: PrintOptions) {
    this.#stdout = stdout;
    this.#options = options;
    this.#isTerminal = stdout.isTerminal();
    this.#buffer = new PrintBuffer(this.#isTerminal);
    this.#write = this.#writer();
  }

  /**
   * Prints messages.
   *
   * @param messages The messages.
   * @param signal Gives up the rest when aborted.
   * @throws {OutputClosed} If nobody reads the output any more, or on abort.
   */
  async print(messages: Message[], signal?: AbortSignal): Promise<void> {
    const write = this.#write;
    if (!write) {
      const bytes = WireMessage.frame(messages, this.#options.delimiter);
      const ends = () => {
        let end = 0;
        return messages.map(({ length }) => end += length + 1);
      };
      return await this.#print(bytes, ends, signal);
    }
    const buffer = this.#buffer;
    buffer.clear();
    const ends: number[] = [];
    const time = new Date();
    for (const message of messages) {
      write({ message, time, sequence: ++this.#sequence }, buffer);
      ends.push(buffer.length);
    }
    await this.#print(buffer.bytes, () => ends, signal);
  }

  async #print(
    bytes: Uint8Array,
    ends: () => number[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await writeAll(this.#stdout, bytes, signal);
    } catch (error) {
      if (!(error instanceof OutputClosed)) throw error;
      const { written } = error;
      error.printed = ends().findIndex((end) => end > written);
      throw error;
    }
  }

  /** The function that writes a message; undefined to print it unchanged. */
  #writer(): Writer | undefined {
    const { color, delimiter, format, json, raw, topics } = this.#options;
    if (raw) return ({ message }, to) => to.add(message.bytes);
    const isTerminal = this.#isTerminal;
    const end = new TextEncoder().encode(isTerminal ? "\n" : delimiter);
    const line = format ??
      (json
        ? jsonWriter(json === "parsed")
        : topics
        ? withTopic(color)
        : isTerminal
        ? ({ message }, to) => to.showBytes(message.bytes)
        : undefined);
    return line && ((arrival, to) => {
      line(arrival, to);
      to.add(end);
    });
  }
}

/** Writes the topic, a tab and the message. */
function withTopic(color: boolean): Writer {
  const encoder = new TextEncoder();
  const before = encoder.encode(color ? CYAN : "");
  const after = encoder.encode(color ? `${DEFAULT_COLOR}\t` : "\t");
  return ({ message }, to) => {
    to.add(before);
    to.showTopic(message.topic);
    to.add(after);
    to.showBytes(message.bytes);
  };
}
