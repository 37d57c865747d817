/**
 * The version of fifobus, which deno.json repeats: a run from a URL has none.
 *
 * @module
 */

/** The version, see https://semver.org. */
export const VERSION = "0.1.0";
