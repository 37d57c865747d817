/**
 * Starts a shell for a command of the user.
 *
 * @module
 */

/** A permission is missing. */
export class NotAllowed extends Error {
  /**
   * Explains which permission is missing. The command inherits our environment.
   * If a variable in it makes programs load libraries, Deno demands permission to
   * run any program.
   *
   * @param cause The error of Deno.
   */
  constructor(cause: Error) {
    const [, variable] =
      /with (\w+) environment variable/.exec(cause.message) ??
        [];
    super(
      variable === undefined
        ? "Cannot run a command: deno run was not given --allow-run=sh"
        : `Cannot run a command: ${variable} is set, for which deno run needs ` +
          "--allow-run without a list; or unset it",
      { cause },
    );
  }
}

/**
 * Starts sh(1).
 *
 * @param options Its arguments and streams.
 * @returns The running shell.
 * @throws {NotAllowed} If Deno does not allow it.
 */
export function spawnShell(options: Deno.CommandOptions): Deno.ChildProcess {
  try {
    return new Deno.Command("sh", options).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw new NotAllowed(error);
    try {
      // Without a PATH, sh is still here; Deno 2.6 has no error class for that.
      return new Deno.Command("/bin/sh", options).spawn();
    } catch {
      throw error;
    }
  }
}
