/**
 * Prints messages: unchanged to a pipe, with visible control characters to a
 * terminal.
 *
 * @module
 */
import type { Message } from "../message.ts";
import { tagged, WireMessage } from "../wire/message.ts";
import { concat, type Delimiter } from "../wire/framing.ts";
import { OutputClosed, type Stdout, visible, writeAll } from "./output.ts";
import { type Arrival, type Format, type Piece, toJson } from "./format.ts";

/** How to print messages. */
export interface PrintOptions {
  /** What ends a message. */
  delimiter: Delimiter;
  /** Whether the topic and a tab come before each message. */
  topics: boolean;
  /** Whether to print the topic in color. */
  color: boolean;
  /** What to print instead of the message. */
  format: Format | undefined;
  /** Whether to print JSON; "parsed" embeds a message that is JSON. */
  json: boolean | "parsed";
  /** Whether to print only the bytes of messages: no delimiter, no escapes. */
  raw: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const CYAN = "\x1b[36m";
const DEFAULT_COLOR = "\x1b[39m";

/** Prints messages, all that there are in one write. */
export class Printer {
  readonly #stdout: Stdout;
  readonly #options: PrintOptions;
  readonly #isTerminal: boolean;
  readonly #write: ((arrival: Arrival) => Piece[]) | undefined;
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
    const { delimiter, raw, topics } = this.#options;
    const write = this.#write;
    if (!write) {
      const printed = topics ? messages.map(tagged) : messages;
      const bytes = WireMessage.frame(printed, delimiter);
      const sizes = () => printed.map((it) => it.length + 1);
      return await this.#print(bytes, sizes, signal);
    }
    const time = new Date();
    const parts = messages.map((message) => {
      const arrival = { message, time, sequence: ++this.#sequence };
      const pieces = raw ? write(arrival) : [...write(arrival), this.#end];
      return concat(
        pieces.map((it) =>
          typeof it === "string" ? encoder.encode(it) : new Uint8Array(it)
        ),
      );
    });
    const sizes = () => parts.map((it) => it.length);
    await this.#print(concat(parts), sizes, signal);
  }

  async #print(
    bytes: Uint8Array,
    sizes: () => number[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await writeAll(this.#stdout, bytes, signal);
    } catch (error) {
      if (!(error instanceof OutputClosed)) throw error;
      let left = error.written;
      error.printed = sizes().findIndex((size) => (left -= size) < 0);
      throw error;
    }
  }

  get #end(): string {
    return this.#isTerminal ? "\n" : this.#options.delimiter;
  }

  /** The function that writes a message; undefined to print it unchanged. */
  #writer(): ((arrival: Arrival) => Piece[]) | undefined {
    const { color, format, json, raw, topics } = this.#options;
    const isTerminal = this.#isTerminal;
    const show = isTerminal ? shown : (piece: Piece) => piece;
    if (raw) return ({ message }) => [message.bytes];
    if (format) return (arrival) => format(arrival, show);
    if (json) return (arrival) => [toJson(arrival, json === "parsed")];
    if (!isTerminal && !(color && topics)) return undefined;
    const [before, after] = color ? [CYAN, DEFAULT_COLOR] : ["", ""];
    return ({ message }) => {
      const tag = topics ? [before, show(message.topic), after, "\t"] : [];
      return [...tag, show(message.bytes)];
    };
  }
}

function shown(piece: Piece): string {
  return visible(typeof piece === "string" ? piece : decoder.decode(piece));
}
