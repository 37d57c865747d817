/**
 * Limits what clients hold open, so that they do not keep out each other.
 *
 * @module
 */
import { last, plain } from "./api.ts";
import { isLoopback } from "./guard.ts";

/** Streams, and messages that are still being sent to us. */
const MAX_OPEN = 100;

/** Those of one other machine. */
const MAX_OF_ONE = 50;

/** The descriptors that have to be free, or else we want connections to end. */
const SPARE = 8;

/** The places that clients hold. */
export class Places {
  readonly #held = new Map<string, number>();
  #all = 0;

  /**
   * Refuses a request if there are few descriptors left: the answer frees one.
   *
   * @returns The refusal; undefined if there are enough.
   */
  lack(): Response | undefined {
    if (isRoom()) return undefined;
    return last("out of file descriptors\n", 503);
  }

  /**
   * Takes a place.
   *
   * @param address Where the client is. This machine may have all places: a
   * proxy speaks for many clients.
   * @returns Gives the place back, once; or the refusal.
   */
  take(address: string): (() => void) | Response {
    const held = this.#held.get(address) ?? 0;
    if (this.#all >= MAX_OPEN) {
      return plain(`${MAX_OPEN} streams are open already\n`, 503);
    }
    if (held >= MAX_OF_ONE && !isLoopback(address)) {
      return plain(`you have ${MAX_OF_ONE} streams open already\n`, 503);
    }
    this.#all++;
    this.#held.set(address, held + 1);
    return () => {
      this.#all--;
      const left = this.#held.get(address)! - 1;
      if (left > 0) this.#held.set(address, left);
      else this.#held.delete(address);
    };
  }
}

/**
 * Tells whether there are descriptors, by opening some: Deno tells the limit
 * and the number of open ones only to programs that may do everything.
 */
function isRoom(): boolean {
  const spare: Deno.FsFile[] = [];
  try {
    while (spare.length < SPARE) spare.push(Deno.openSync("/dev/null"));
    return true;
  } catch (error) {
    // Without permission to read it we cannot know.
    return error instanceof Deno.errors.NotCapable;
  } finally {
    for (const file of spare) file.close();
  }
}
