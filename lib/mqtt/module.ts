/**
 * What publishers and subscribers use of a broker. The types of MQTT.js are not
 * among it: a script that uses no broker would fetch 43 packages to be checked.
 *
 * @module
 */
import type { MqttAddress } from "../address.ts";
import type { Outlet } from "../outlet.ts";
import type { OwnSource } from "../source.ts";
import type { Delimiter } from "../wire/framing.ts";
import type { MqttOptions } from "./options.ts";

/** How to connect. */
export interface ConnectOptions {
  /** How to speak to the broker. */
  mqtt: MqttOptions;
  /** How long to try; one attempt if undefined. */
  timeoutMs: number | undefined;
  /** Gives up when aborted. */
  signal: AbortSignal | undefined;
}

/** How to publish to a broker. */
export interface MqttOutletOptions extends ConnectOptions {
  /** What ends a message that comes with its delimiter. */
  delimiter: Delimiter;
  /** Marks what is sent. */
  origin: string | undefined;
}

/** How to subscribe at a broker. */
export interface MqttSourceOptions extends ConnectOptions {
  /** The longest message in bytes. */
  maxBytes: number;
  /** Whether to start with the last values; nothing else is taken if "only". */
  retained: boolean | "only";
  /** What is marked with it is not taken. */
  origin: string | undefined;
}

/** What is loaded to publish to a broker. */
export interface OutletModule {
  MqttOutlet: {
    open(address: MqttAddress, options: MqttOutletOptions): Promise<Outlet>;
  };
}

/** What is loaded to subscribe at a broker. */
export interface SourceModule {
  MqttSource: {
    open(
      address: MqttAddress,
      filters: string[],
      options: MqttSourceOptions,
    ): Promise<OwnSource>;
  };
}
