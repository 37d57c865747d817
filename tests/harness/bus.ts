import { AsyncLocalStorage } from "node:async_hooks";
import { TestBus } from "./process.ts";

const { get } = Deno.env;
const buses = new AsyncLocalStorage<TestBus>();

/** The variables that the library reads; see {@linkcode ownBus}. */
Deno.env.get = (name) => {
  const bus = name === "FIFOBUS_DIR" ? buses.getStore() : undefined;
  return bus ? bus.env.FIFOBUS_DIR : get.call(Deno.env, name);
};

/**
 * A bus for the library within the test that calls it, until the next call. The
 * files of `deno test --parallel` are threads of one process and share its
 * environment: a bus that is set there would be the bus of all of them. Tests
 * of one file that run at the same time each have their own.
 */
export function ownBus(): TestBus {
  const bus = new TestBus();
  buses.enterWith(bus);
  return bus;
}
