/**
 * Answers to the requests that an inbox receives.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { load } from "../load.ts";
import { checkTopicName } from "../topic.ts";
import { encodeMessage } from "../wire/framing.ts";
import { findMarked, marked } from "../wire/marks.ts";
import type { JoinOptions } from "./join_options.ts";
import type { BusOutlet } from "./outlet.ts";

/** Publishes answers; costs nothing until the first answer. */
export class Answers {
  readonly #options: JoinOptions;
  #outlet: Promise<BusOutlet> | undefined;
  #closed = false;

  /**
   * Prepares to answer the requests of an inbox.
   *
   * @param options How the inbox has joined the bus.
   */
  constructor(options: JoinOptions) {
    this.#options = options;
  }

  /**
   * Sends an answer.
   *
   * @param topic The reply topic of the request, not checked yet.
   * @param answer The answer.
   * @returns When the answer is written, or dropped.
   * @throws {FifobusError} `closed`, `bad_address`, `message_too_large`,
   * `delimiter_in_message`, `unsafe_bus`.
   */
  async send(topic: string, answer: string | Uint8Array): Promise<void> {
    if (this.#closed) {
      throw new FifobusError(
        "closed",
        `Cannot publish to "${topic}": the subscriber is closed`,
      );
    }
    checkTopicName(topic);
    const { delimiter, maxBytes } = this.#options;
    const framed = encodeMessage(topic, answer, delimiter, maxBytes);
    if (findMarked(framed, delimiter) >= 0) throw marked(topic);
    const outlet = await (this.#outlet ??= this.#open());
    const how = { single: true, retain: false, replyTo: undefined };
    await outlet.send(topic, framed, how);
  }

  /** Refuses further answers, and waits for answers in progress. */
  async close(): Promise<void> {
    this.#closed = true;
    const outlet = await this.#outlet?.catch(() => undefined);
    await outlet?.close();
  }

  async #open(): Promise<BusOutlet> {
    // Loaded here, so that programs that only listen do not wait for it.
    const { BusOutlet } = await load<typeof import("./outlet.ts")>(
      import.meta.resolve("./outlet.ts"),
    );
    const { bus, delimiter } = this.#options;
    return await BusOutlet.open({
      mode: bus.mode,
      delimiter,
      slowTimeoutMs: undefined,
      signal: undefined,
      origin: undefined,
    });
  }
}
