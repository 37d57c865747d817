/**
 * The past of a value: the last minute by seconds, and so on to the last day by
 * twenty minutes.
 *
 * @module
 */

/** When a step began, in seconds since 1970, and the mean of its numbers. */
export type Point = [second: number, mean: number];

/** A span of time that a chart can show. */
export interface Span {
  /** What it is called: its number of minutes or hours. */
  name: string;
  /** Its length in seconds. */
  seconds: number;
  /** The length of one step in seconds. */
  step: number;
}

/** The spans, the shortest first. */
export const SPANS: readonly [Span, ...Span[]] = [
  { name: "1m", seconds: 60, step: 1 },
  { name: "15m", seconds: 900, step: 15 },
  { name: "1h", seconds: 3600, step: 60 },
  { name: "6h", seconds: 21_600, step: 360 },
  { name: "24h", seconds: 86_400, step: 1200 },
];

/** The steps of one span. It grows from the first step to the length of the span. */
class Track {
  /** The last step: its time, the mean of its numbers, and how many it has. */
  #time = -1;
  #mean = 0;
  #count = 0;
  /** The means of the steps before it; NaN for a step without a number. */
  #before: number[] | undefined;

  add({ seconds, step }: Span, second: number, value: number): void {
    const time = second - second % step;
    if (this.#time === time) {
      this.#count++;
      // Not the sum: that of two large numbers would be infinite.
      this.#mean += value / this.#count - this.#mean / this.#count;
      return;
    }
    const most = seconds / step - 1;
    const steps = (time - this.#time) / step;
    // The first number, or a clock that was set back: there is no past.
    const isFirst = this.#count === 0 || steps < 0;
    if (isFirst || steps > most) this.#before = undefined;
    else {
      const before = this.#before ??= [];
      before.push(this.#mean);
      for (let i = 1; i < steps; i++) before.push(NaN);
      if (before.length > most) before.splice(0, before.length - most);
    }
    this.#time = time;
    this.#mean = value;
    this.#count = 1;
  }

  points({ seconds, step }: Span, now: number, since: number): Point[] {
    const start = now - now % step - seconds + step;
    const first = Math.max(since - since % step, start);
    const points: Point[] = [];
    const before = this.#before ?? [];
    let time = this.#time - before.length * step;
    for (const mean of before) {
      if (time >= first && !Number.isNaN(mean)) points.push([time, mean]);
      time += step;
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
