/**
 * Messages that can be checked, and programs that can be ended.
 *
 * @module
 */
import type { Command } from "../harness/programs.ts";

/** The faults that were found. */
export interface Report {
  arena: string;
  publishers: number;
  publishersKilled: number;
  readers: number;
  ended: Record<string, number>;
  stopped: number;
  messages: number;
  /** Messages that were accepted, and did not arrive. */
  lost: number;
  /** Not whole: joined with another one, or cut. */
  broken: number;
  doubled: number;
  /** After a later one of the same publisher, at one reader. */
  reordered: number;
  /** The messages with faults, to find the reason. */
  details: string[];
}

/** A report of nothing so far. */
export function emptyReport(arena: string): Report {
  return {
    arena,
    publishers: 0,
    publishersKilled: 0,
    readers: 0,
    ended: {},
    stopped: 0,
    messages: 0,
    lost: 0,
    broken: 0,
    doubled: 0,
    reordered: 0,
    details: [],
  };
}

/** A message: `PUBLISHER NUMBER LENGTH CHECKSUM PAYLOAD`. */
export function message(
  publisher: string,
  number: number,
  length: number,
): string {
  const letter = String.fromCharCode(97 + number % 26);
  const payload = letter.repeat(length);
  return `${publisher} ${number} ${length} ${checksum(payload)} ${payload}`;
}

/** FNV-1a, of 32 bits. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16);
}

/** Reads a message; undefined if it is not whole. */
export function parse(
  line: string,
): { publisher: string; number: number } | undefined {
  const [, publisher, number, length, sum, payload] =
    /^(\w+) (\d+) (\d+) ([0-9a-f]+) ([a-z]*)$/.exec(line) ?? [];
  if (payload === undefined || payload.length !== Number(length)) return;
  if (checksum(payload) !== sum) return;
  return { publisher: publisher!, number: Number(number) };
}

/** Reads what a program wrote to its standard error. */
export async function saidBy(output: string): Promise<string> {
  return await Deno.readTextFile(`${output}.err`);
}

/** A program whose output goes to a file. */
export class Program {
  readonly output: string;
  readonly child: Deno.ChildProcess;
  isOver = false;

  constructor(command: Command, output: string, env: Record<string, string>) {
    this.output = output;
    this.child = new Deno.Command("sh", {
      args: ["-c", 'exec "$@" > "$0" 2>> "$0.err"', output, ...command],
      env,
      stdin: "piped",
    }).spawn();
    this.child.status.then(() => this.isOver = true);
  }

  kill(signal: Deno.Signal): void {
    try {
      if (!this.isOver) this.child.kill(signal);
    } catch {
      // It has just ended.
    }
  }
}
