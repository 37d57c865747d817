/**
 * The version of fifobus; `deno task publish` writes it into the package.
 *
 * @module
 */

/** The version, see https://semver.org. */
export const VERSION = "0.1.0";
