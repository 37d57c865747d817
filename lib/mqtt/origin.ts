/**
 * Who sent a message: what keeps bridges from sending it in circles.
 *
 * @module
 */

/** The user property of MQTT 5, section 3.3.2.3.7, that holds it. */
export const ORIGIN = "fifobus-origin";
