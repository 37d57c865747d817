import { TestBus } from "./process.ts";

const { get } = Deno.env;
let current: TestBus | undefined;

/** The variables that the library reads; see {@linkcode ownBus}. */
Deno.env.get = (name) =>
  name === "FIFOBUS_DIR" && current
    ? current.env.FIFOBUS_DIR
    : get.call(Deno.env, name);

/**
 * A bus for the library within this test file, until the next call. The files
 * of `deno test --parallel` are threads of one process and share its
 * environment: a bus that is set there would be the bus of all of them.
 */
export function ownBus(): TestBus {
  return current = new TestBus();
}
