/**
 * The past of a value: the last minute by seconds, the last hour by minutes,
 * the last day by half hours.
 *
 * @module
 */

/** When a step began, in seconds since 1970, and the mean of its numbers. */
export type Point = [second: number, mean: number];

/** A span of time that a chart can show. */
export interface Span {
  /** What it is called. */
  name: "minute" | "hour" | "day";
  /** Its length in seconds. */
  seconds: number;
  /** The length of one step in seconds. */
  step: number;
}

/** The spans, the shortest first. */
export const SPANS: readonly [Span, Span, Span] = [
  { name: "minute", seconds: 60, step: 1 },
  { name: "hour", seconds: 3600, step: 60 },
  { name: "day", seconds: 86_400, step: 1800 },
];

/** The most points that the spans have together, at 16 bytes each. */
export const MAX_POINTS: number = SPANS
  .reduce((sum, { seconds, step }) => sum + seconds / step, 0);

/** The steps of one span. It grows with the steps that have numbers. */
class Track {
  readonly #span: Span;
  readonly #times: number[] = [];
  readonly #means: number[] = [];
  /** How many numbers the last step has. */
  #count = 0;

  constructor(span: Span) {
    this.#span = span;
  }

  add(second: number, value: number): void {
    const { seconds, step } = this.#span;
    const time = second - second % step;
    const last = this.#times.length - 1;
    if (this.#times[last] === time) {
      this.#count++;
      // Not the sum: that of two large numbers would be infinite.
      this.#means[last]! += (value - this.#means[last]!) / this.#count;
      return;
    }
    if (this.#times.length >= seconds / step) {
      this.#times.shift();
      this.#means.shift();
    }
    this.#times.push(time);
    this.#means.push(value);
    this.#count = 1;
  }

  points(now: number, since: number): Point[] {
    const { seconds, step } = this.#span;
    const first = Math.max(
      since - since % step,
      now - now % step - seconds + step,
    );
    const points: Point[] = [];
    for (const [i, time] of this.#times.entries()) {
      if (time >= first) points.push([time, this.#means[i]!]);
    }
    return points;
  }
}

/** The past of one value. */
export class History {
  readonly #tracks: Track[] = SPANS.map((span) => new Track(span));

  /**
   * Adds a number.
   *
   * @param at When it arrived, in milliseconds since 1970.
   * @param value The number.
   */
  add(at: number, value: number): void {
    const second = Math.floor(at / 1000);
    for (const track of this.#tracks) track.add(second, value);
  }

  /**
   * Returns the steps of a span in which a number arrived.
   *
   * @param now The end of the span, in milliseconds since 1970.
   * @param span The span.
   * @param since The first second to return.
   * @returns The steps, the oldest first.
   */
  points(now: number, span: Span, since = 0): Point[] {
    const track = this.#tracks[SPANS.indexOf(span)]!;
    return track.points(Math.floor(now / 1000), since);
  }
}
