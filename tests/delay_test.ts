/**
 * The delay of the library.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import { delay } from "../lib/delay.ts";
import { Publisher } from "../mod.ts";

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

Deno.test("neither delay() nor a bad address leaves a listener at a signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (
    ...args: Parameters<typeof removeEventListener>
  ) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await delay(1, signal);
  await assertRejects(() => Publisher.open("tcp://host/t", { signal }));
  assertEquals(listeners, 0);
});
