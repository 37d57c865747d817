/**
 * One value of a topic over time.
 *
 * @module
 */
import type { Field } from "./fields.ts";
import { History } from "./history.ts";
import type { Rank } from "./rank.ts";

/** What is known about a value of a topic. */
export interface SeriesRow {
  /** The path of the member, as `ENERGY.Power`; empty for a plain message. */
  path: string;
  /** The last value as it was written. */
  reading: string;
  /** The last value, if it is a number; else null. */
  value: number | null;
  /** The unit of the last number, or its name; empty if it has neither. */
  unit: string;
  /** The last value, if it is a state such as ON or OFF; else null. */
  state: boolean | null;
  /** How many decimals the numbers have had, at most. */
  decimals: number;
  /** The smallest, mean and largest number so far; null before the first. */
  min: number | null;
  mean: number | null;
  max: number | null;
}

/** One value of a topic over time. */
export class Series {
  readonly path: string;
  /** How good it is as the value of the topic. */
  rank: Rank;
  /** The last value as it was written. */
  text = "";
  /** The number of the last message that had it. */
  sequence = 0;
  #value: number | null = null;
  #state: boolean | null = null;
  #unit = "";
  #isState = false;
  #decimals = 0;
  #count = 0;
  #min = 0;
  #sum = 0;
  #mean = 0;
  #max = 0;
  #history: History | undefined;

  /** Creates a series without values. */
  constructor(path: string, rank: Rank) {
    this.path = path;
    this.rank = rank;
  }

  /** The last value, if it is a number; else null. */
  get value(): number | null {
    return this.#value;
  }

  /**
   * Adds a value. Figures and chart start anew when its unit, its name or its
   * kind changes: a mean of °C and °F would mean nothing.
   *
   * @param field The value.
   * @param at When it arrived, in milliseconds since 1970.
   * @param sequence The number of its message.
   */
  add(
    { text, number, state, rank }: Field,
    at: number,
    sequence: number,
  ): void {
    this.rank = rank;
    this.text = text;
    this.sequence = sequence;
    this.#value = number?.value ?? null;
    this.#state = state ?? null;
    // A text between two numbers, as "unavailable", is neither.
    if (!number && state === undefined) return;
    const unit = number?.unit ?? "";
    const isState = !number;
    if (isState !== this.#isState || unit !== this.#unit) {
      this.#history = undefined;
      this.#decimals = this.#count = this.#sum = 0;
    }
    this.#isState = isState;
    this.#unit = unit;
    (this.#history ??= new History()).add(at, number?.value ?? Number(state));
    if (!number) return;
    const { value, decimals } = number;
    this.#decimals = Math.max(this.#decimals, decimals);
    this.#count++;
    if (this.#count === 1) this.#min = this.#max = value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    this.#sum += value;
    // The sum of two large numbers may be infinite.
    this.#mean = Number.isFinite(this.#sum)
      ? this.#sum / this.#count
      : this.#mean + value / this.#count - this.#mean / this.#count;
  }

  /** What is known now. */
  row(): SeriesRow {
    const has = this.#count > 0;
    return {
      path: this.path,
      reading: this.text,
      value: this.#value,
      unit: this.#unit,
      state: this.#state,
      decimals: this.#decimals,
      min: has ? this.#min : null,
      mean: has ? this.#mean : null,
      max: has ? this.#max : null,
    };
  }

  /** The past; undefined before the first number or state. */
  get history(): History | undefined {
    return this.#history;
  }
}
