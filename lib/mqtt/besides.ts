/**
 * A second connection of one program to a broker.
 *
 * @module
 */
import type { MqttOptions } from "./options.ts";

/**
 * Makes the options for a connection beside another one: it logs in like that
 * one, but takes over neither its session nor its last will.
 *
 * @param options The options of the other connection.
 * @param suffix Added to the client id, if it has one.
 * @returns The options.
 */
export function besides(options: MqttOptions, suffix: string): MqttOptions {
  const { clientId } = options;
  return {
    ...options,
    clientId: clientId === undefined ? undefined : clientId + suffix,
    persistent: false,
    sessionExpiryMs: undefined,
    will: undefined,
  };
}
