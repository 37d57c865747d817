/**
 * The delay of the library.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { delay } from "../lib/delay.ts";

/** How a promise is rejected. */
function reasonOf(promise: Promise<void>): Promise<unknown> {
  return promise.then(() => "not rejected", (reason) => reason);
}

Deno.test("delay() waits at least as long as it was told", async () => {
  const start = performance.now();
  await delay(20, new AbortController().signal);
  // A timer may end up to a millisecond early.
  assert(performance.now() - start >= 19);
});

Deno.test("delay() ends with the reason of its signal", async () => {
  const abort = new AbortController();
  const delayed = reasonOf(delay(1_000_000, abort.signal));
  abort.abort("enough");
  assertEquals(await delayed, "enough");
  assertEquals(await reasonOf(delay(1_000_000, abort.signal)), "enough");
});
