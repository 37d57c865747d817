/** Numbers that look random and are the same in each run: mulberry32. */
export function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Random values for a test, from one seed. */
export class Random {
  /** A whole number from 0 on. */
  readonly below: (limit: number) => number;

  constructor(seed: number) {
    this.below = randomNumbers(seed);
  }

  /** True once in a given number of calls, on average. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of the given items. */
  pick<T>(things: ArrayLike<T>): T {
    return things[this.below(things.length)]!;
  }

  /** A random number of items, at most the limit. */
  list<T>(max: number, thing: () => T, min = 0): T[] {
    return Array.from({ length: min + this.below(max - min + 1) }, thing);
  }

  /** A text made of the given characters or words. */
  text(max: number, characters: ArrayLike<string>, min = 0): string {
    return this.list(max, () => this.pick(characters), min).join("");
  }
}

/** The first seed: FIFOBUS_SEED, if set, to repeat a failure. */
const START = Number(
  Deno.env.get("FIFOBUS_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0],
);

/** Declares a test that tries something with many seeds, others in each run. */
export function fuzzTest(
  name: string,
  count: number,
  attempt: (random: Random) => void | Promise<void>,
): void {
  Deno.test(`${name}: ${count} random cases`, async () => {
    for (let seed = START; seed < START + count; seed++) {
      try {
        await attempt(new Random(seed));
      } catch (error) {
        throw new Error(`with FIFOBUS_SEED=${seed}: ${error}`, {
          cause: error,
        });
      }
    }
  });
}
