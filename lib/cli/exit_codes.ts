/**
 * How the programs end.
 *
 * @module
 */

/** Exit codes: 124 as in timeout(1), and the shell's codes for signals. */
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
  [EXIT.ok, "success, also if the reader of the output left"],
  [EXIT.failed, "failure; the reason is on standard error"],
  [EXIT.usage, "wrong arguments"],
  [EXIT.nobody, "nobody reads (--no-wait) or answers (--reply)"],
  [EXIT.missed, "messages were missed (--strict-delivery)"],
  [EXIT.timedOut, "--timeout ran out"],
  [EXIT.hungUp, "ended by SIGHUP (the terminal was closed)"],
  [EXIT.interrupted, "ended by SIGINT (Ctrl-C)"],
  [EXIT.terminated, "ended by SIGTERM"],
];

/** The arguments are wrong. */
export class UsageError extends Error {}
