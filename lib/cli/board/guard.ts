/**
 * Watches one topic for one alarm rule.
 *
 * @module
 */
import { type Alarm, holds } from "../alarm.ts";

/** What a rule sees of its topic. */
export interface Watched {
  /** When its last message arrived, in milliseconds since 1970. */
  at: number;
  /** The number in question, if the value is one. */
  value: number | null;
  /** The value as it was written; undefined if there is none yet. */
  text: string | undefined;
}

/** Watches one topic for one alarm rule. */
export class Guard {
  readonly alarm: Alarm;
  /** Whether the alarm is raised. */
  isRaised = false;
  /** Since when the rule has held without a break, if it holds. */
  #since: number | undefined;

  /** Creates a guard for a topic. */
  constructor(alarm: Alarm) {
    this.alarm = alarm;
  }

  /** Whether time alone can raise the alarm. */
  get hasClock(): boolean {
    const { condition, forMs } = this.alarm;
    return condition.kind === "silent" || forMs > 0;
  }

  /**
   * Looks at the topic.
   *
   * @param watched The topic.
   * @param now The time, in milliseconds since 1970.
   * @returns Whether the alarm was raised or has ended.
   */
  check(watched: Watched, now: number): boolean {
    const before = this.isRaised;
    if (this.#holds(watched, now)) {
      this.#since ??= now;
      this.isRaised ||= now - this.#since >= this.alarm.forMs;
    } else {
      this.#since = undefined;
      this.isRaised = false;
    }
    return this.isRaised !== before;
  }

  #holds({ at, value, text }: Watched, now: number): boolean {
    const { condition } = this.alarm;
    switch (condition.kind) {
      case "number":
        return value !== null && holds(condition, value, this.isRaised);
      case "text":
        return text !== undefined &&
          (text === condition.text) === condition.isEqual;
      case "silent":
        return now - at >= condition.silentMs;
    }
  }
}
