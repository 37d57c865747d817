/**
 * Turns the MQTT options of the programs into options of the library.
 *
 * @module
 */
import type { ConnectionChange, MqttOptions, Qos } from "../mqtt/options.ts";
import { openFile } from "./files.ts";
import type { MQTT_OPTIONS } from "./options/mqtt.ts";
import type { Given } from "./options/table.ts";
import type { World } from "./program.ts";

/**
 * Reads the files that the options name, and the password.
 *
 * @param given The options.
 * @param world The environment.
 * @param say Reports that a connection was lost or is back.
 * @returns The options of the library.
 * @throws {Error} If a file cannot be read.
 */
export async function mqttOptions(
  given: Given<typeof MQTT_OPTIONS>,
  { env }: World,
  say: (text: string) => void,
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
    ...topic !== undefined && {
      will: {
        topic,
        message: given["will-message"]!,
        retain: given["will-retain"] ?? false,
      },
    },
    webSocketPath: given["ws-path"],
    onConnection: ({ connected, broker }: ConnectionChange) =>
      say(
        connected
          ? `connected to ${broker} again`
          : `lost the connection to ${broker}; trying again`,
      ),
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
