/**
 * Shared by the benchmarks: timed processes, and ratios within one run.
 *
 * @module
 */

/** A message of 31 bytes, with its line feed. */
export const LINE = (i: number): string =>
  `warehouse/a1/temp ${String(i).padStart(12, "0")}\n`;

/** The files and the environment of a program. */
export interface TimedOptions {
  /** The file for its standard input. */
  from?: string;
  /** The file for its standard output. */
  to?: string;
  /** Variables to add to our environment. */
  env?: Record<string, string>;
  /** Its working folder, if not ours. */
  cwd?: string;
}

/** A program that runs, with its input from and its output to a file. */
export class Timed implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #start = performance.now();
  #peakKib = 0;

  constructor(
    command: string[],
    { from = "/dev/null", to = "/dev/null", ...options }: TimedOptions = {},
  ) {
    this.#child = new Deno.Command("sh", {
      args: ["-c", 'from=$1 to=$2; shift 2; exec "$@" <"$from" >"$to"', "sh"]
        .concat(from, to, command),
      ...options,
    }).spawn();
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits for its end: how long it took, and its largest resident memory. */
  async end(): Promise<{ seconds: number; peakMib: number }> {
    const sampling = setInterval(() => {
      try {
        const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
        this.#peakKib = Number(
          /VmHWM:\s*(\d+)/.exec(status)?.[1] ?? this.#peakKib,
        );
      } catch {
        // It has just ended, or this is not Linux.
      }
    }, 10);
    const { success } = await this.#child.status;
    clearInterval(sampling);
    if (!success) throw new Error("a program did not succeed");
    const seconds = (performance.now() - this.#start) / 1000;
    return { seconds, peakMib: this.#peakKib / 1024 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill();
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}

/** Runs a program and waits for its end. */
export async function run(command: string[]): Promise<void> {
  await using timed = new Timed(command);
  await timed.end();
}

/** Returns the median. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Runs each function a number of times, in turns: the median of each. */
export async function inTurns(
  rounds: number,
  runs: Record<string, () => Promise<number>>,
): Promise<Record<string, number>> {
  const results: Record<string, number[]> = {};
  for (let i = 0; i < rounds; i++) {
    for (const [name, run] of Object.entries(runs)) {
      (results[name] ??= []).push(await run());
    }
  }
  return Object.fromEntries(
    Object.entries(results).map(([name, values]) => [name, median(values)]),
  );
}

/** Reports what the first of some programs takes, beside the others. */
export function compare(
  seconds: Record<string, number>,
  figure: (seconds: number) => string,
): void {
  const [[name, ours], ...peers] = Object.entries(seconds) as [
    [string, number],
    ...[string, number][],
  ];
  report(name, figure(ours));
  for (const [peer, theirs] of peers) {
    report(
      `  times ${peer}`,
      `${(theirs / ours).toFixed(2)}, ${figure(theirs)}`,
    );
  }
}

/** Writes a line of a table of results. */
export function report(what: string, figure: string): void {
  console.log(`${what.padEnd(56)} ${figure}`);
}

/** Writes lines of 31 bytes to a file, and a last line. */
export async function writeLines(
  path: string,
  count: number,
  last = "",
): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => LINE(i));
  await Deno.writeTextFile(path, lines.join("") + last);
}

/** Describes the machine. */
export function reportMachine(): void {
  const { hardwareConcurrency } = navigator;
  report(
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.osRelease()}`,
    `${hardwareConcurrency} cores`,
  );
}
