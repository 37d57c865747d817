/**
 * Answers to the requests that an inbox gets.
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

/** Publishes answers; costs nothing until the first one. */
export class Answers {
  readonly #options: JoinOptions;
  #outlet: Promise<BusOutlet> | undefined;
  #closed = false;

  /**
   * Creates the way back from an inbox.
   *
   * @param options How the inbox has joined the bus.
   */
  constructor(options: JoinOptions) {
    this.#options = options;
  }

  /**
   * Sends an answer.
   *
   * @param topic The reply topic of the request, as it came.
   * @param answer The answer.
   * @returns When it is written, or dropped.
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

  /** Refuses further answers, and waits for those that are under way. */
  async close(): Promise<void> {
    this.#closed = true;
    const outlet = await this.#outlet?.catch(() => undefined);
    await outlet?.close();
  }

  async #open(): Promise<BusOutlet> {
    // Loaded here: who only listens should not wait for it.
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
