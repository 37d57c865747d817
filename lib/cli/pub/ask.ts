/**
 * Sends a request and prints its answers: `pub --reply`.
 *
 * @module
 */
import { isMqtt } from "../../address.ts";
import { requestAll } from "../../request.ts";
import { EXIT } from "../exit_codes.ts";
import { mqttOptions } from "../mqtt.ts";
import { Printer } from "../printer.ts";
import { complain, type World } from "../program.ts";
import { checkJson } from "./json.ts";
import { delimiterOf, NAME, type Options } from "./sender.ts";

/**
 * Publishes a request and prints its answers.
 *
 * @param topic Its topic.
 * @param message The request.
 * @param given The options.
 * @param world The standard streams and the environment.
 * @returns The exit code.
 * @throws {FifobusError} As requestAll() does.
 */
export async function ask(
  topic: string,
  message: string | Uint8Array,
  given: Options,
  world: World,
): Promise<number> {
  if (given.json) checkJson(message, "the message");
  const delimiter = delimiterOf(given);
  const printer = new Printer(world.stdout, {
    delimiter,
    topics: false,
    color: false,
    format: undefined,
    json: false,
    raw: false,
  });
  const answers = requestAll(topic, message, {
    ...isMqtt(topic) && {
      mqtt: await mqttOptions(given, world, () => {}),
    },
    delimiter,
    maxBytes: given["max-size"],
    mode: given.mode,
    wait: given.wait,
    timeoutMs: given.timeout,
  });
  let left = given.reply!;
  for await (const answer of answers) {
    await printer.print([answer]);
    if (--left === 0) return EXIT.ok;
  }
  const wanted = given.reply!;
  complain(NAME, world, `${wanted - left} of ${wanted} answers came in time`);
  return EXIT.timedOut;
}
