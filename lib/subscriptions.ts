/**
 * The subscriptions to the topics of the bus.
 *
 * @module
 */
import type { Subscription } from "./bus/list.ts";
import { load } from "./load.ts";

/** How to look for subscriptions. */
export interface SubscriptionsOptions {
  /**
   * The permissions of the folder of the bus, if this call has to make it.
   *
   * @default {0o700}
   */
  mode?: number | undefined;
}

/**
 * Lists the live subscriptions of the bus, sorted by filter, like `sub --list`.
 *
 * @param options How to look for them.
 * @returns The subscriptions; for a group, one for each of its members.
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
