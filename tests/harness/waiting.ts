/**
 * Tests that mostly wait: for a pause of a program, a broker, a second process.
 *
 * @module
 */
import * as needs from "./needs.ts";

/** How many of them run at the same time. */
let atOnce = 4;

/** Lets fewer of them run at the same time, because they do more than wait. */
export function atMost(count: number): void {
  atOnce = count;
}

/** A test of this file, and how it ended, once it was started. */
interface Waiting {
  run: () => Promise<void>;
  ended?: Promise<{ error: unknown } | undefined>;
}

/** The tests of this file: each file has modules of its own. */
const all: Waiting[] = [];

/**
 * Declares a test that mostly waits. `deno test` runs the tests of a file one
 * after the other. These run a few at a time, within one test in front of them,
 * whose sanitizers look after them all; then each reports under its own name.
 * With `--filter` a test runs alone.
 *
 * They must not change what a file has only once, such as its environment.
 */
export function test(name: string, run: () => Promise<void>): void {
  if (all.length === 0) {
    Deno.test("(the tests of this file that wait, at once)", runAll);
  }
  const waiting: Waiting = { run };
  all.push(waiting);
  Deno.test(name, async () => {
    const failed = await start(waiting);
    if (failed) throw failed.error;
  });
}

/** Declares one that runs only if nothing is missing. */
export function testWithout(
  absent: string[],
  name: string,
  run: () => Promise<void>,
): void {
  if (absent.length > 0) needs.testWithout(absent, name, run);
  else test(name, run);
}

/** Runs all that have not run. */
async function runAll(): Promise<void> {
  const queue = all.values();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (const waiting of queue) await start(waiting);
  }));
}

/** Starts a test unless it was started, and waits for its end. */
function start(waiting: Waiting): Promise<{ error: unknown } | undefined> {
  return waiting.ended ??= waiting.run().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
}
