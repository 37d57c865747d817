/**
 * Who subscribes to the topics of the bus.
 *
 * @module
 */
import type { Subscription } from "./bus/list.ts";
import { load } from "./load.ts";

/** How to look for subscriptions. */
export interface SubscriptionsOptions {
  /**
   * The permissions of the folder of the bus, if it has to be made.
   *
   * @default {0o700}
   */
  mode?: number | undefined;
}

/**
 * Lists the live subscriptions of the bus, by filter: what `sub --list` lists.
 *
 * @param options Which bus.
 * @returns The subscriptions; of a group, one for each of its members.
 * @throws {FifobusError} `unsafe_bus`.
 *
 * @example
 * ```ts
 * import { Subscriber, subscriptions } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * await using _subscriber = await Subscriber.open("example/there/#");
 * const mine = (await subscriptions()).filter(({ pid }) => pid === Deno.pid);
 * assertEquals(mine.map(({ filter }) => filter), ["example/there/#"]);
 * ```
 */
export async function subscriptions(
  { mode }: SubscriptionsOptions = {},
): Promise<Subscription[]> {
  const { listSubscriptions } = await load<typeof import("./bus/list.ts")>(
    import.meta.resolve("./bus/list.ts"),
  );
  return await listSubscriptions(mode);
}
