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
  /** The last step: its time, the mean of its numbers, and how many it has. */
  #time = -1;
  #mean = 0;
  #count = 0;
  /** The steps before, if there are any. */
  #before: { times: number[]; means: number[] } | undefined;

  add({ seconds, step }: Span, second: number, value: number): void {
    const time = second - second % step;
    if (this.#time === time) {
      this.#count++;
      // Not the sum: that of two large numbers would be infinite.
      this.#mean += value / this.#count - this.#mean / this.#count;
      return;
    }
    if (this.#count > 0) {
      const { times, means } = this.#before ??= { times: [], means: [] };
      times.push(this.#time);
      means.push(this.#mean);
      if (times.length >= seconds / step) {
        times.shift();
        means.shift();
      }
    }
    this.#time = time;
    this.#mean = value;
    this.#count = 1;
  }

  points({ seconds, step }: Span, now: number, since: number): Point[] {
    const start = now - now % step - seconds + step;
    const first = Math.max(since - since % step, start);
    const points: Point[] = [];
    const { times, means } = this.#before ?? { times: [], means: [] };
    for (const [i, time] of times.entries()) {
      if (time >= first) points.push([time, means[i]!]);
    }
    if (this.#time >= first) points.push([this.#time, this.#mean]);
    return points;
  }
}

/** The past of one value. */
export class History {
  readonly #tracks: Track[] = SPANS.map(() => new Track());

  /**
   * Adds a number.
   *
   * @param at When it arrived, in milliseconds since 1970.
   * @param value The number.
   */
  add(at: number, value: number): void {
    const second = Math.floor(at / 1000);
    for (const [i, track] of this.#tracks.entries()) {
      track.add(SPANS[i]!, second, value);
    }
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
    return track.points(span, Math.floor(now / 1000), since);
  }
}
