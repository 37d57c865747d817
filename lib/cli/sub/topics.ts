/**
 * Tells which topics are in use, after listening for some time: `sub --topics`.
 *
 * @module
 */
import { format as formatBytes } from "jsr:@std/fmt@1.0.10/bytes";
import { parseAddress } from "../../address.ts";
import { DEFAULT_BUS_MODE, openBus } from "../../bus/folder.ts";
import { retainedAt } from "../../bus/retained.ts";
import type { Message } from "../../message.ts";
import { fit } from "../board/cells.ts";
import { formatAge, formatRate } from "../board/figures.ts";
import { visible, visibleJson, writeAll } from "../output.ts";
import type { World } from "../program.ts";
import { type TopicCount, TopicCounts } from "./topic_counts.ts";

/** How to tell which topics are in use. */
export interface TopicsOptions {
  /** How long to listen, in milliseconds. */
  listenMs: number;
  /** Whether to print JSON instead of a table. */
  json: boolean;
}

/** What to listen to, and whom to tell. */
export interface TopicsOutputOptions extends TopicsOptions {
  /** The addresses that messages come from. */
  addresses: string[];
  /** The permissions that the bus may have. */
  mode: number | undefined;
  /** Called when the time to listen is over. */
  onOver(): void;
}

const HEAD = ["TOPIC", "MESSAGES", "RATE/s", "BYTES/s", "AGE", "VALUE"];

/** Counts messages, and prints a table in the end. */
export class TopicsOutput implements AsyncDisposable {
  readonly #options: TopicsOutputOptions;
  readonly #stdout: World["stdout"];
  readonly #counts = new TopicCounts(performance.now());
  readonly #timer: ReturnType<typeof setTimeout>;

  /**
   * Starts to listen.
   *
   * @param options How long, and how to print what came.
   * @param world Its standard output.
   */
  constructor(options: TopicsOutputOptions, { stdout }: Pick<World, "stdout">) {
    this.#options = options;
    this.#stdout = stdout;
    this.#timer = setTimeout(options.onOver, options.listenMs);
  }

  /** Counts messages. */
  take(messages: Message[]): Promise<void> {
    this.#counts.add(messages, performance.now());
    return Promise.resolve();
  }

  /** Prints what came. */
  async finish(): Promise<void> {
    const { json } = this.#options;
    const topics = await this.#withAges(this.#counts.list(performance.now()));
    const lines = json ? topics.map(jsonLine) : this.#table(topics);
    const text = lines.map((line) => `${line}\n`).join("");
    await writeAll(this.#stdout, new TextEncoder().encode(text));
  }

  /** Stops the timer. */
  [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    return Promise.resolve();
  }

  /** The bus knows how old a last value is. */
  async #withAges(topics: TopicCount[]): Promise<TopicCount[]> {
    const { addresses, mode = DEFAULT_BUS_MODE } = this.#options;
    if (addresses.some((it) => parseAddress(it).kind === "mqtt")) return topics;
    const { path } = await openBus(mode);
    return topics.map((it) => {
      const at = it.ageMs === undefined && retainedAt(path, it.topic);
      return at ? { ...it, ageMs: Date.now() - at.getTime() } : it;
    });
  }

  #table(topics: TopicCount[]): string[] {
    const rows = [
      HEAD,
      ...topics.map((it) => [
        visible(it.topic),
        `${it.messages}`,
        shortRate(it.rate),
        formatBytes(it.bytesPerSecond),
        it.ageMs === undefined ? "-" : formatAge(it.ageMs),
        visible(new TextDecoder().decode(it.value)),
      ]),
    ];
    const widths = HEAD.map((_, column) =>
      // Not of all at once: a call takes 120,000 arguments.
      rows.reduce((most, row) => Math.max(most, row[column]!.length), 0)
    );
    const columns = this.#stdout.isTerminal()
      ? Deno.consoleSize().columns || 80
      : undefined;
    return rows.map(([topic, ...cells]) => {
      const value = cells.pop();
      const figures = cells.map((cell, i) => cell.padStart(widths[i + 1]!));
      const line = [topic!.padEnd(widths[0]!), ...figures, value].join("  ");
      return columns === undefined ? line : fit(line, columns).trimEnd();
    });
  }
}

/** With two digits below ten, so that a message a minute is 0.017. */
function shortRate(rate: number): string {
  return rate > 0 && rate < 9.95
    ? `${Number(rate.toPrecision(2))}`
    : formatRate(rate);
}

function jsonLine(it: TopicCount): string {
  return visibleJson(JSON.stringify({
    topic: it.topic,
    messages: it.messages,
    rate: it.rate,
    bytes_per_second: it.bytesPerSecond,
    age: it.ageMs === undefined ? null : it.ageMs / 1000,
    retained: it.retained,
    length: it.length,
    ...content(it),
  }));
}

function content({ value, length }: TopicCount) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    // The beginning of a long message may end within a character.
    const message = decoder.decode(value, { stream: value.length < length });
    return { message };
  } catch {
    return { base64: value.toBase64() };
  }
}
