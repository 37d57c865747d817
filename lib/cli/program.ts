/**
 * What both programs do around their work: read the options, answer `--help`,
 * and end with one line on standard error and an exit code.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { EXIT } from "./exit_codes.ts";
import {
  type Given,
  type OptionTable,
  parseOptions,
  UsageError,
} from "./options.ts";
import { OutputClosed, writeAll } from "./output.ts";
import { type Usage, usageText } from "./usage.ts";

/** What a program uses of the world around it. */
export type World = Pick<typeof Deno, "stdin" | "stdout" | "stderr">;

/** The options of every program. */
export const COMMON_OPTIONS = {
  help: { short: "h", help: "print this text" },
  version: { short: "V", help: "print the version" },
} satisfies OptionTable;

/** A program. */
export interface Program<T extends OptionTable> extends Usage {
  /** Its options. */
  options: T & typeof COMMON_OPTIONS;
  /** Does its work; the result is the exit code. */
  main(given: Given<T>, operands: string[], world: World): Promise<number>;
}

/**
 * Runs a program to its end.
 *
 * @param program The program.
 * @param args Its arguments.
 * @param world Its standard streams.
 * @returns The exit code.
 */
export async function runProgram<T extends OptionTable>(
  program: Program<T>,
  args: string[],
  world: World,
): Promise<number> {
  try {
    const { given, operands } = parseOptions(program.options, args);
    if (given.help || given.version) {
      const text = given.help
        ? usageText(program, program.options)
        : `${program.name} (fifobus) ${VERSION}\n`;
      await writeAll(world.stdout, new TextEncoder().encode(text));
      return EXIT.ok;
    }
    return await program.main(given, operands, world);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok;
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof UsageError) {
      complain(program.name, world, `${text}; see ${program.name} --help`);
      return EXIT.usage;
    }
    complain(program.name, world, text);
    return error instanceof FifobusError ? exitCode(error) : EXIT.failed;
  }
}

/**
 * Says what is wrong, in one line on standard error.
 *
 * @param name The program's name.
 * @param world Where it says so.
 * @param text What is wrong.
 */
export function complain(name: string, world: World, text: string): void {
  const line = `${name}: ${text.replaceAll("\n", " ")}\n`;
  try {
    world.stderr.writeSync(new TextEncoder().encode(line));
  } catch (error) {
    // Nobody reads it: the exit code has to do.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
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
