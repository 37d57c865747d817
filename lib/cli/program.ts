/**
 * The frame of both programs: it reads the options, answers `--help`, and ends
 * with an exit code and, after an error, one line on standard error.
 *
 * @module
 */
import { folderPath, parseAddress } from "../address.ts";
import { FifobusError, inWords } from "../errors.ts";
import { load } from "../load.ts";
import { EXIT, UsageError } from "./exit_codes.ts";
import type { Given, OptionTable } from "./options/table.ts";
import type { COMMON_OPTIONS, Usage } from "./options/usage.ts";
import { OutputClosed, visible, writeAll, writeError } from "./output.ts";

/**
 * The environment variables that hold defaults of options. A run without any of
 * them and without options does not load the modules about options, at 0.15 ms
 * each.
 */
export const DEFAULT_VARIABLES = [
  "FIFOBUS_MAX_SIZE",
  "FIFOBUS_SLOW_TIMEOUT",
  "FIFOBUS_TOKEN",
];

/** What Deno makes of bytes in an argument that are not UTF-8. */
const REPLACED = "\ufffd";

/** The parts of the outside world that a program uses. */
export type World = Pick<typeof Deno, "stdin" | "stdout" | "stderr" | "env">;

/** Does the work of a program, and returns the exit code. */
export type Main<T extends OptionTable> = (
  given: Given<T>,
  operands: string[],
  world: World,
  command?: string[],
) => Promise<number>;

/** A program. */
export interface Program<T extends OptionTable> {
  /** Its name. */
  name: string;
  /** Loads its usage: its options and their texts. */
  usage(): Promise<Usage<T & typeof COMMON_OPTIONS>>;
  /** Does its work. */
  main: Main<T & typeof COMMON_OPTIONS>;
}

/**
 * Runs a program to its end.
 *
 * @param program The program.
 * @param args Its arguments.
 * @param world Its standard streams and its environment.
 * @returns The exit code.
 */
export async function runProgram<T extends OptionTable>(
  { name, usage: loadUsage, main }: Program<T>,
  args: string[],
  world: World,
): Promise<number> {
  try {
    checkText(args);
    const isPlain = !args.some((arg) => arg.startsWith("-")) &&
      !DEFAULT_VARIABLES.some((variable) => world.env.get(variable));
    if (isPlain) return await main({}, args, world);
    const [
      usage,
      { parseOptions },
      { checkAddresses, withDefaults },
      { MOSQUITTO_OPTIONS },
    ] = await Promise.all([
      loadUsage(),
      load<typeof import("./options/parse.ts")>(
        import.meta.resolve("./options/parse.ts"),
      ),
      load<typeof import("./options/given.ts")>(
        import.meta.resolve("./options/given.ts"),
      ),
      load<typeof import("./options/usage.ts")>(
        import.meta.resolve("./options/usage.ts"),
      ),
    ]);
    const { given, operands, command } = parseOptions(
      usage.options,
      args,
      MOSQUITTO_OPTIONS,
      usage.takesCommand,
    );
    const text = await textOf(usage, given);
    if (text === undefined) {
      const addresses = operands.slice(0, usage.addresses);
      checkAddresses(usage.options, given, addresses);
      const all = withDefaults(usage.options, given, world.env);
      return await main(all, operands, world, command);
    }
    await writeAll(world.stdout, new TextEncoder().encode(text));
    return EXIT.ok;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok;
    const text = inWords(error);
    if (error instanceof UsageError) {
      complain(name, world, `${text}; see ${name} --help`);
      return EXIT.usage;
    }
    complain(name, world, text);
    return error instanceof FifobusError ? exitCode(error) : EXIT.failed;
  }
}

/**
 * Refuses arguments that Deno has changed: another file would be made, another
 * message sent. Nothing tells them from those that hold U+FFFD.
 */
function checkText(args: string[]): void {
  const changed = args.findIndex((arg) => arg.includes(REPLACED));
  if (changed < 0) return;
  throw new UsageError(
    `argument ${changed + 1} is not UTF-8, or holds U+FFFD: ` +
      `"${args[changed]}"; a message can come from standard input`,
  );
}

/** Writes what --help and the like print; its modules load only if needed. */
async function textOf(
  usage: Usage,
  { usage: brief, help, version, completions }: Given<typeof COMMON_OPTIONS>,
): Promise<string | undefined> {
  if (help || brief) {
    const { briefText, usageText } = await load<
      typeof import("./options/help.ts")
    >(
      import.meta.resolve("./options/help.ts"),
    );
    return help ? usageText(usage) : briefText(usage);
  }
  if (version) {
    const { VERSION } = await load<typeof import("../version.ts")>(
      import.meta.resolve("../version.ts"),
    );
    return `${usage.name} (fifobus) ${VERSION}\n`;
  }
  if (completions === undefined) return undefined;
  const { completionsFor } = await load<
    typeof import("./options/completions.ts")
  >(
    import.meta.resolve("./options/completions.ts"),
  );
  return completionsFor(completions, usage);
}

/**
 * Prints what is wrong, in one line on standard error. It never fails.
 *
 * @param name The program's name.
 * @param world Its standard error.
 * @param text What is wrong.
 */
export function complain(
  name: string,
  world: Pick<World, "stderr">,
  text: string,
): void {
  const line = visible(inOptions(text.replaceAll(/\s*[\r\n]\s*/g, " ")));
  writeError(world.stderr, `${name}: ${line}\n`);
}

/**
 * Prints which folder is the bus.
 *
 * @param name The program's name.
 * @param world Its standard error.
 */
export function tellFolder(name: string, world: World): void {
  complain(name, world, `the bus is ${folderPath()}`);
}

/**
 * Prints a note if a topic is also the name of a FIFO in the working folder.
 *
 * @param name The program's name.
 * @param world Its standard error.
 * @param addresses The addresses as the user wrote them.
 */
export function tellFifos(
  name: string,
  world: World,
  addresses: string[],
): void {
  for (const text of addresses) {
    const address = parseAddress(text);
    // A user who writes topic: means a topic.
    if (address.kind !== "topic" || address.topic !== text) continue;
    if (!isFifo(text)) continue;
    complain(
      name,
      world,
      `"${text}" is a topic; the FIFO of that name is ./${text}`,
    );
  }
}

function isFifo(path: string): boolean {
  if (path === "" || path.includes("\0")) return false;
  // A hint is not worth asking the user for a permission.
  const read = { name: "read", path } as const;
  if (Deno.permissions.querySync(read).state !== "granted") return false;
  try {
    return Deno.statSync(path).isFifo ?? false;
  } catch {
    return false;
  }
}

/** Replaces the library's property names by the names of options. */
function inOptions(text: string): string {
  return text.replaceAll(
    /\{ (delimiter|mode|ca|cert|key|sessionExpiryMs|noLocal|retain\w+)(?:: ([^ }]+))? \}/g,
    (_, name, value) =>
      name === "delimiter"
        ? value === '"\\0"' ? "--null" : "no --null"
        : name === "mode"
        ? `--mode ${value.slice("0o".length)}`
        : `--${name.replace(/Ms$/, "").replace(/[A-Z]/g, "-$&").toLowerCase()}`,
  );
}

/** Writes a number of messages in words. */
export function count(messages: number): string {
  return messages === 1 ? "1 message" : `${messages} messages`;
}

/** Loads what both programs need for a broker, and only then. */
export function loadMqtt(): Promise<typeof import("./mqtt.ts")> {
  return load<typeof import("./mqtt.ts")>(import.meta.resolve("./mqtt.ts"));
}

function exitCode({ code }: FifobusError): number {
  switch (code) {
    case "bad_address":
      return EXIT.usage;
    case "no_reader":
      return EXIT.nobody;
    case "timed_out":
      return EXIT.timedOut;
    default:
      return EXIT.failed;
  }
}
