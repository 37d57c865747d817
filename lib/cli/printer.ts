/**
 * Prints messages: unchanged to a pipe, with visible control characters to a
 * terminal.
 *
 * @module
 */
import { load } from "../load.ts";
import type { Message } from "../message.ts";
import { WireMessage } from "../wire/message.ts";
import type { Delimiter } from "../wire/framing.ts";
import { jsonWriter } from "./json_line.ts";
import type { LineRules } from "./line_rules.ts";
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
  /** Whether messages may come from a broker: they hold any bytes. */
  mayHoldAny: boolean;
}

const CYAN = "\x1b[36m";
const DEFAULT_COLOR = "\x1b[39m";

/** Prints messages, all that there are in one write. */
export class Printer {
  readonly #stdout: Stdout;
  readonly #options: PrintOptions;
  readonly #isTerminal: boolean;
  readonly #buffer: PrintBuffer;
  readonly #rules: LineRules | undefined;
  readonly #write: Writer | undefined;
  #sequence = 0;

  /**
   * Creates a printer.
   *
   * @param stdout Standard output.
   * @param options How to print.
   * @param rules Which messages to leave out; by default, none.
   */
  constructor(stdout: Stdout, options: PrintOptions, rules?: LineRules) {
    this.#stdout = stdout;
    this.#options = options;
    this.#isTerminal = stdout.isTerminal();
    this.#buffer = new PrintBuffer(this.#isTerminal);
    this.#rules = rules;
    this.#write = this.#writer();
  }

  /**
   * Creates a printer that leaves out what a line cannot hold.
   *
   * @param stdout Standard output.
   * @param options How to print.
   * @param say Tells the user of messages that are left out.
   * @returns The printer.
   */
  static async open(
    stdout: Stdout,
    options: PrintOptions,
    say: (text: string) => void,
  ): Promise<Printer> {
    const { delimiter, format, json, mayHoldAny, raw, topics } = options;
    const isLine = !format && !json && !raw && !stdout.isTerminal();
    if (!isLine || !mayHoldAny) return new Printer(stdout, options);
    // Loaded here, because FIFOs and the bus carry no such messages.
    const { LineRules } = await load<typeof import("./line_rules.ts")>(
      import.meta.resolve("./line_rules.ts"),
    );
    return new Printer(stdout, options, new LineRules(delimiter, topics, say));
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

  /** Reports how many messages were left out, if that was not said yet. */
  finish(): void {
    this.#rules?.report();
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
    const rules = this.#rules;
    const end = new TextEncoder().encode(isTerminal ? "\n" : delimiter);
    const line = format ??
      (json
        ? jsonWriter(json === "parsed")
        : topics
        ? withTopic(color)
        : isTerminal || rules
        ? ({ message }, to) => to.showBytes(message.bytes)
        : undefined);
    return line && ((arrival, to) => {
      if (rules && !rules.fits(arrival.message)) return;
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
