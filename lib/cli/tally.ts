/**
 * Reports problems that may come again and again.
 *
 * @module
 */
import { inWords } from "../errors.ts";
import { count } from "./program.ts";

/** Reports the first problem of each kind at once, and counts the others. */
export class Tally {
  readonly #say: (text: string) => void;
  readonly #kinds = new Map<
    string,
    { what: string; why: string; more: number }
  >();

  /**
   * Creates a tally without problems.
   *
   * @param say Tells the user.
   */
  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /**
   * Adds messages with a problem.
   *
   * @param kind The kind of problem, which has few values.
   * @param what What became of the messages: "left out".
   * @param why Why, for the first of this kind.
   * @param messages How many they are.
   */
  add(kind: string, what: string, why: string, messages = 1): void {
    const known = this.#kinds.get(kind);
    if (known) {
      known.more += messages;
      return;
    }
    this.#kinds.set(kind, { what, why, more: 0 });
    this.#say(`${count(messages)} ${what}: ${why}`);
  }

  /** Reports how many problems of each kind have come since the first. */
  report(): void {
    for (const { what, why, more } of this.#kinds.values()) {
      if (more === 0) continue;
      const messages = count(more).replace(" ", " more ");
      this.#say(`${messages} ${what}, like the first: ${why}`);
    }
    this.#kinds.clear();
  }
}

/**
 * Returns what is the same for all errors of a kind.
 *
 * @param error The error of publishing a message.
 * @param topic Its topic.
 * @returns The text of the error, without the topic and without numbers.
 */
export function kindOf(error: unknown, topic: string | undefined): string {
  return inWords(error).replaceAll(`/${topic}:`, ":")
    .replaceAll(/"(?:[^"\\]|\\.)*"|\d+/g, "");
}
