/**
 * The mark of a message's sender, which keeps bridges from sending it in
 * circles.
 *
 * @module
 */

/** The user property that holds the mark: MQTT 5, section 3.3.2.3.7. */
export const ORIGIN = "fifobus-origin";
