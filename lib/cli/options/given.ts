/**
 * Checks options against addresses, and adds defaults from the environment.
 *
 * @module
 */
import { type Address, parseAddress, shownAddress } from "../../address.ts";
import { UsageError } from "../exit_codes.ts";
import { type Given, type OptionTable, read } from "./table.ts";

/** The kinds of address, in words. */
const KINDS: Record<Address["kind"], { many: string; one: string }> = {
  fifo: { many: "a FIFO", one: "a FIFO" },
  topic: { many: "topics", one: "a topic" },
  mqtt: { many: "MQTT", one: "a topic of a broker" },
};

/** The environment that options read. */
export type Env = Pick<Deno.Env, "get">;

/**
 * Checks that each given option means something for an address. To ignore an
 * option would mislead the user.
 *
 * @param table The options.
 * @param given The options that were given.
 * @param operands The addresses; an empty list stands for topics.
 * @throws {UsageError} If an option means nothing for the addresses.
 */
export function checkAddresses(
  table: OptionTable,
  given: Record<string, unknown>,
  operands: string[],
): void {
  if (Object.keys(given).length === 0) return;
  const areFiles = Object.entries(table)
    .some(([name, { takesFiles }]) => takesFiles && given[name] !== undefined);
  const addresses = areFiles ? [] : operands;
  const others = Object.entries(table)
    .filter(([, { isAddress }]) => isAddress)
    .flatMap(([name]) => given[name] as string | string[] | undefined ?? []);
  const own = addresses.map(parseAddress);
  const all = [...own, ...others.map(parseAddress)];
  const [first = "topic"] = all.map(({ kind }) => kind);
  const schemes = [...addresses, ...others].map(schemeOf);
  for (const [name, option] of Object.entries(table)) {
    if (given[name] === undefined) continue;
    const { only, isForOperands, isForAll, schemes: wanted } = option;
    if (!only) continue;
    const allowed = [only].flat();
    const among = isForOperands || isForAll ? own : all;
    const checked = [first, ...among.map(({ kind }) => kind)];
    const isAllowed = (kind: Address["kind"]) => allowed.includes(kind);
    if (isForAll ? checked.every(isAllowed) : checked.some(isAllowed)) {
      if (!wanted || schemes.some((it) => wanted.includes(it))) continue;
      const names = wanted.map((it) => `${it}://`).join(" and ");
      throw new UsageError(`option --${name} is for ${names}`);
    }
    const bad = among.find(({ kind }) => !isAllowed(kind));
    const which = bad && addresses.length > 0
      ? `, and "${shownAddress(bad)}" is ${KINDS[bad.kind].one}`
      : "";
    const what = KINDS[allowed[0]!].many;
    throw new UsageError(`option --${name} is for ${what}${which}`);
  }
}

/** The text before `://` in the address of a broker, else an empty text. */
function schemeOf(text: string): string {
  const address = parseAddress(text);
  return address.kind === "mqtt" ? address.broker.split(":")[0]! : "";
}

/**
 * Adds the values from the environment for options that were not given.
 *
 * @param table The options.
 * @param given The options that were given.
 * @param env The environment.
 * @returns The given options and the added ones.
 * @throws {UsageError} If an option does not accept the value of its variable.
 */
export function withDefaults<T extends OptionTable>(
  table: T,
  given: Given<T>,
  env: Env,
): Given<T> {
  const all: Record<string, unknown> = { ...given };
  for (const [name, { takes, env: variable }] of Object.entries(table)) {
    if (!variable || !takes || all[name] !== undefined) continue;
    const value = env.get(variable);
    if (value) {
      all[name] = read(`environment variable ${variable}`, takes, value);
    }
  }
  return all as Given<T>;
}
