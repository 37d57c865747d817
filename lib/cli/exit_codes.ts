/**
 * How a program ends.
 *
 * @module
 */

/** Exit codes: timeout(1)'s for a time that ran out, the shell's for signals. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  nobody: 3,
  missed: 4,
  timedOut: 124,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** What the exit codes mean, for usage text. */
export const EXIT_CODES: [code: number, meaning: string][] = [
  [EXIT.ok, "done, or whoever read the output has left"],
  [EXIT.failed, "it could not be done"],
  [EXIT.usage, "the arguments are wrong"],
  [EXIT.nobody, "nobody is there: with --no-wait, or to answer --reply"],
  [EXIT.missed, "messages were missed, with --strict-delivery"],
  [EXIT.timedOut, "the time of --timeout ran out"],
  [EXIT.hungUp, "ended by SIGHUP (a terminal that was closed)"],
  [EXIT.interrupted, "ended by SIGINT (Ctrl-C)"],
  [EXIT.terminated, "ended by SIGTERM"],
];

/** The arguments are not what the program takes. */
export class UsageError extends Error {}
