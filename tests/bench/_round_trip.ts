/**
 * A message through one FIFO, and its answer through another one:
 * `_round_trip.ts ping|pong OUT IN COUNT`. Ping prints the median in µs.
 *
 * @module
 */
import { Publisher, Subscriber } from "../../mod.ts";
import { median } from "./_measure.ts";

const [who, out, from, count] = Deno.args;
await using subscriber = await Subscriber.open(from!);
await using publisher = await Publisher.open(out!);
if (who === "ping") {
  const times: number[] = [];
  for (let i = 0; i < Number(count); i++) {
    const start = performance.now();
    publisher.publish("21.5");
    await subscriber.read();
    times.push((performance.now() - start) * 1000);
  }
  await publisher.publish("exit");
  console.log(median(times));
} else {
  for (let messages; (messages = await subscriber.read());) {
    if (messages[0]!.text === "exit") break;
    publisher.publish(messages[0]!.bytes);
  }
}
