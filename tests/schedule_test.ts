/**
 * When recorded messages are due, by a clock that the test moves.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Schedule } from "../lib/cli/pub/schedule.ts";
import { randomNumbers } from "./harness/random.ts";

/** A clock that runs only while somebody waits. */
class FakeClock {
  #now = 5;
  /** How much longer than asked the next waits take; each is used once. */
  readonly late: number[] = [];

  now = (): number => this.#now;

  delay = (ms: number): Promise<void> => {
    this.#now += ms + (this.late.shift() ?? 0);
    return Promise.resolve();
  };

  /** Lets time pass, as a slow subscriber does. */
  pass(ms: number): void {
    this.#now += ms;
  }
}

/** When messages go out whose times are given, from the first one on. */
async function sent(
  schedule: Schedule,
  clock: FakeClock,
  times: (number | undefined)[],
): Promise<number[]> {
  const start = clock.now();
  const at: number[] = [];
  for (const time of times) {
    if (!schedule.plan(time)) await schedule.wait();
    at.push(clock.now() - start);
  }
  return at;
}

Deno.test("an hour of replay ends less than a millisecond late, though each wait does", async () => {
  const clock = new FakeClock();
  const random = randomNumbers(1);
  const times = [Date.UTC(2026, 10, 28)];
  while (times.at(-1)! < times[0]! + 3_600_000) {
    times.push(times.at(-1)! + random(400));
  }
  // Timers are late by up to a millisecond, and now and then by much more.
  for (let i = 0; i < 100_000; i++) {
    clock.late.push(random(50) === 0 ? random(90) : random(1000) / 1000);
  }
  const due = times.map((time) => time - times[0]!);
  const at = await sent(new Schedule(1, () => {}, clock), clock, times);
  const lag = at.map((time, i) => time - due[i]!);
  assert(lag.every((ms) => ms >= 0 && ms <= 90));
  // A busy moment delays the messages in it, and none behind it.
  const onTime = lag.slice(-1000).filter((ms) => ms < 1).length;
  assert(onTime > 900, `${onTime}`);
});

Deno.test("Schedule divides the pauses by the speed", async () => {
  for (
    const [speed, due] of [[2, [0, 0, 500, 550]], [0.5, [
      0,
      0,
      2000,
      2200,
    ]]] as const
  ) {
    const clock = new FakeClock();
    const schedule = new Schedule(speed, () => {}, clock);
    const times = [7000, 7000, 8000, 8100];
    assertEquals(await sent(schedule, clock, times), [...due]);
  }
});

Deno.test("after a stop, a replay goes on with the pauses that are left", async () => {
  const clock = new FakeClock();
  // It is stopped for a minute, three seconds into a pause of ten.
  clock.late.push(...Array(30).fill(0), 60_000);
  const schedule = new Schedule(1, () => {}, clock);
  assertEquals(
    (await sent(schedule, clock, [0, 10_000, 11_000, 11_500])).map(Math.round),
    [0, 70_000, 71_000, 71_500],
  );
});

Deno.test("a subscriber that held up a replay does not cause a burst", async () => {
  const clock = new FakeClock();
  const schedule = new Schedule(1, () => {}, clock);
  const before = await sent(schedule, clock, [0, 1000]);
  clock.pass(30_000);
  const [first, ...rest] = await sent(schedule, clock, [2000, 3000, 4000]);
  assertEquals([before, first], [[0, 1000], 0]);
  // A tenth of a second is made up for.
  assertEquals(rest, [900, 1900]);
});

Deno.test("where the clock was set back, there is no pause, which is told once", async () => {
  const clock = new FakeClock();
  let told = 0;
  const schedule = new Schedule(1, () => told++, clock);
  const times = [5000, 6000, 1000, 2000, 500, undefined, 700];
  assertEquals(
    await sent(schedule, clock, times),
    [0, 1000, 1000, 2000, 2000, 2000, 2200],
  );
  assertEquals(told, 1);
});
