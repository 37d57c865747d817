/**
 * Which messages of a broker a line can hold.
 *
 * @module
 */
import type { Message } from "../message.ts";
import type { Delimiter } from "../wire/framing.ts";
import { Tally } from "./tally.ts";

const TAB = "\t";

/** How to name the end of a message, and what prints a message that holds it. */
const ENDS: Record<Delimiter, [name: string, hint: string]> = {
  "\n": ["a line feed", "--json and --null print it"],
  "\0": ["a NUL", "--json prints it"],
};

/**
 * Finds messages that would be taken for several messages, or for a message to
 * another topic, and reports them.
 */
export class LineRules {
  readonly #delimiter: Delimiter;
  readonly #hasTopics: boolean;
  readonly #tally: Tally;

  /**
   * Creates the rules.
   *
   * @param delimiter What ends a message.
   * @param hasTopics Whether the topic and a tab come before it.
   * @param say Tells the user of messages that are left out.
   */
  constructor(
    delimiter: Delimiter,
    hasTopics: boolean,
    say: (text: string) => void,
  ) {
    this.#delimiter = delimiter;
    this.#hasTopics = hasTopics;
    this.#tally = new Tally(say);
  }

  /**
   * Tells whether a line can hold a message, and reports it if not.
   *
   * @param message The message.
   * @returns Whether it can.
   */
  fits({ topic, bytes }: Message): boolean {
    const end = this.#delimiter;
    const [name, hint] = ENDS[end];
    if (bytes.includes(end.charCodeAt(0))) {
      return this.#leaveOut(`it holds ${name}`, topic, hint);
    }
    if (!this.#hasTopics) return true;
    if (topic.includes(TAB)) {
      return this.#leaveOut("its topic holds a tab", topic, "--json prints it");
    }
    if (!topic.includes(end)) return true;
    return this.#leaveOut(`its topic holds ${name}`, topic, hint);
  }

  /** Reports how many more messages were left out. */
  report(): void {
    this.#tally.report();
  }

  #leaveOut(reason: string, topic: string, hint: string): false {
    const why = `${reason} (topic ${JSON.stringify(topic)}; ${hint})`;
    this.#tally.add(reason, "left out", why);
    return false;
  }
}
