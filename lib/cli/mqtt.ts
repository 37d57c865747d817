/**
 * Turns the MQTT options of the programs into options of the library.
 *
 * @module
 */
import type { MqttOptions, Qos } from "../mqtt/options.ts";
import { openFile } from "./files.ts";
import type { MQTT_OPTIONS } from "./options/mqtt.ts";
import type { Given } from "./options/table.ts";
import type { Env } from "./options/given.ts";

/**
 * Reads the files that the options name, and the password.
 *
 * @param given The options.
 * @param env The environment.
 * @returns The options of the library.
 * @throws {Error} If a file cannot be read.
 */
export async function readMqttOptions(
  given: Given<typeof MQTT_OPTIONS>,
  env: Env,
): Promise<MqttOptions> {
  const [ca, cert, key, secret] = await Promise.all(
    (["ca", "cert", "key", "password-file"] as const)
      .map((name) => readFile(name, given[name])),
  );
  const topic = given["will-topic"];
  return {
    qos: Number(given.qos ?? 0) as Qos,
    user: given.user ?? env.get("FIFOBUS_MQTT_USER"),
    password: secret?.split(/\r?\n/, 1)[0] ?? env.get("FIFOBUS_MQTT_PASSWORD"),
    ca,
    cert,
    key,
    insecure: given.insecure,
    clientId: given["client-id"],
    persistent: given.persistent,
    sessionExpiryMs: given["session-expiry"],
    version: given["mqtt-version"],
    ...topic !== undefined && {
      will: {
        topic,
        message: given["will-message"]!,
        retain: given["will-retain"] ?? false,
      },
    },
    webSocketPath: given["ws-path"],
  };
}

/**
 * Adds what tells the user that a connection was lost or is back.
 *
 * @param options The options of the library.
 * @param say Tells the user.
 * @returns The options with it.
 */
export function tellingOfLoss(
  options: MqttOptions,
  say: (text: string) => void,
): MqttOptions {
  return {
    ...options,
    onConnection: ({ connected, broker, reason }) => {
      const why = reason === undefined ? "" : ` (${reason})`;
      say(
        connected
          ? `connected to ${broker} again`
          : `lost the connection to ${broker}${why}; trying again`,
      );
    },
  };
}

async function readFile(
  option: string,
  path: string | undefined,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const file = await openFile(path, option);
  return await new Response(file.readable).text();
}
