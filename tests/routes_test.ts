/**
 * A publisher that lives long, and subscribers that come and go.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Publisher, Subscriber } from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { repeatUntil } from "./harness/process.ts";

Deno.test("a subscriber is seen that joins within one tick of the folder's clock", async () => {
  await using bus = ownBus();
  await using first = await Subscriber.open("t");
  await using publisher = await Publisher.open("t");
  // A tick that has not passed: time stamps of a coarse clock are all alike.
  const tick = new Date(Date.now() + 60_000);
  const stop = () => Deno.utimeSync(bus.env.FIFOBUS_DIR!, tick, tick);
  stop();
  await publisher.publish("before");
  const heard = first[Symbol.asyncIterator]();
  assertEquals((await heard.next()).value?.text, "before");
  // Another process: within one, all Subscribers share an inbox.
  await using second = await bus.sub("-C1", "t");
  stop();
  const ended = second.ended();
  await repeatUntil(() => publisher.publish("after"), ended);
  assertEquals((await ended).stdout, "after\n");
});
