/**
 * The version of fifobus.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

/** The version, see https://semver.org. */
export const VERSION: string = config.version;
