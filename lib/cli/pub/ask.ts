/**
 * Sends a request and prints its answers: `pub --reply`.
 *
 * @module
 */
import { requestAll } from "../../request.ts";
import { EXIT } from "../exit_codes.ts";
import { Printer } from "../printer.ts";
import { complain, type World } from "../program.ts";
import { checkJson } from "./json.ts";
import type { PubPlan } from "./plan.ts";
import { NAME } from "./sender.ts";

/**
 * Publishes a request and prints its answers.
 *
 * @param message The request.
 * @param plan Where to publish it, and how many answers to wait for.
 * @param world The standard streams and the environment.
 * @param signal Gives up when aborted.
 * @returns The exit code.
 * @throws {FifobusError} As requestAll() does.
 */
export async function ask(
  message: string | Uint8Array,
  { address, answers: wanted = 1, mustBeJson, properties, publisher }: PubPlan,
  world: World,
  signal?: AbortSignal,
): Promise<number> {
  if (mustBeJson) checkJson(message, "the message");
  const printer = new Printer(world.stdout, {
    delimiter: publisher.delimiter,
    topics: false,
    color: false,
    format: undefined,
    json: false,
    raw: false,
    // An answer may have several lines: a person reads it, or a script that
    // has asked for one.
    mayHoldAny: false,
  });
  const answers = requestAll(address!, message, {
    ...publisher,
    ...properties,
    signal,
  });
  let left = wanted;
  for await (const answer of answers) {
    await printer.print([answer]);
    if (--left === 0) return EXIT.ok;
  }
  complain(NAME, world, `${wanted - left} of ${wanted} answers came in time`);
  return EXIT.timedOut;
}
