/**
 * Reads the sources of a bridge.
 *
 * @module
 */
import { FifobusError, inWords } from "../../errors.ts";
import type { Message } from "../../message.ts";
import type { Subscriber } from "../../subscriber.ts";
import { kindOf, type Tally } from "../tally.ts";

/** A Subscriber that a message over the limit does not end. */
export class Intake {
  readonly #open: () => Promise<Subscriber>;
  readonly #tally: Tally;
  #subscriber: Subscriber;
  #isEnded = false;

  private constructor(
    open: () => Promise<Subscriber>,
    tally: Tally,
    subscriber: Subscriber,
  ) {
    this.#open = open;
    this.#tally = tally;
    this.#subscriber = subscriber;
  }

  /**
   * Subscribes.
   *
   * @param open Opens a Subscriber.
   * @param tally Counts messages over the limit.
   * @returns The intake, to be closed.
   */
  static async open(
    open: () => Promise<Subscriber>,
    tally: Tally,
  ): Promise<Intake> {
    return new Intake(open, tally, await open());
  }

  /** Whether it takes no more messages. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Waits for messages; undefined after the last. */
  async read(): Promise<Message[] | undefined> {
    while (true) {
      try {
        return await this.#subscriber.read();
      } catch (error) {
        const isTooLarge = error instanceof FifobusError &&
          error.code === "message_too_large";
        if (!isTooLarge) throw error;
        const kind = kindOf(error, undefined);
        this.#tally.add(kind, "not passed on", inWords(error));
      }
      // The next Subscriber goes on behind that message.
      await this.#subscriber.close();
      if (this.#isEnded) return undefined;
      this.#subscriber = await this.#open();
      if (this.#isEnded) this.end();
    }
  }

  /** Takes no more messages; those that have arrived can still be read. */
  end(): void {
    this.#isEnded = true;
    // close() reports the error.
    this.#subscriber.end().catch(() => {});
  }

  /** Closes; messages of a FIFO that were not passed on go back. */
  async close(unsent: Message[]): Promise<void> {
    await this.#subscriber.close(unsent);
  }
}
