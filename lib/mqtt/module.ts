/**
 * The interface to a broker for publishers and subscribers. It does not use the
 * types of MQTT.js: otherwise type-checking a script that uses no broker would
 * fetch 43 packages.
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
  /** How to connect to the broker. */
  mqtt: MqttOptions;
  /** How long to try, in milliseconds; one attempt if undefined. */
  timeoutMs: number | undefined;
  /** Gives up when aborted. */
  signal: AbortSignal | undefined;
}

/** How to publish to a broker. */
export interface MqttOutletOptions extends ConnectOptions {
  /** The delimiter of messages that come with one. */
  delimiter: Delimiter;
  /** How long a message waits for the broker, in milliseconds. */
  answerMs: number | undefined;
  /** A mark to put on the messages. */
  origin: string | undefined;
}

/** How to subscribe at a broker. */
export interface MqttSourceOptions extends ConnectOptions {
  /** The longest message in bytes. */
  maxBytes: number;
  /** Whether to start with the last values; "only" means nothing else. */
  retained: boolean | "only";
  /** Leave out messages with this mark. */
  origin: string | undefined;
}

/** The module that publishes to a broker. */
export interface OutletModule {
  MqttOutlet: {
    open(address: MqttAddress, options: MqttOutletOptions): Promise<Outlet>;
  };
}

/** The module that subscribes at a broker. */
export interface SourceModule {
  MqttSource: {
    open(
      address: MqttAddress,
      filters: string[],
      options: MqttSourceOptions,
    ): Promise<OwnSource>;
  };
}
