/**
 * Programs that the tasks run.
 *
 * @module
 */
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";

/** Where deno.json is. */
export const ROOT: string = fromFileUrl(new URL("..", import.meta.url));

/**
 * Runs a program, which prints what it has to say.
 *
 * @param command The program and its arguments.
 * @param cwd Where.
 * @throws {Error} If it does not succeed.
 */
export async function run(
  [command, ...args]: [string, ...string[]],
  cwd: string = ROOT,
): Promise<void> {
  const { success } = await new Deno.Command(command, { args, cwd }).spawn()
    .status;
  if (!success) throw new Error(`${command} ${args.join(" ")}: it failed`);
}

/**
 * Runs a program for its output.
 *
 * @param command The program and its arguments.
 * @returns The lines that it prints.
 */
export async function linesOf(
  [command, ...args]: [string, ...string[]],
): Promise<string[]> {
  const child = new Deno.Command(command, {
    args,
    cwd: ROOT,
    stderr: "inherit",
  });
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: it failed`);
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
}

/**
 * Lists what git has or would take.
 *
 * @param paths Files and folders, from the root; all without one.
 * @returns The files.
 */
export function known(...paths: string[]): Promise<string[]> {
  const options = ["--cached", "--others", "--exclude-standard"];
  return linesOf(["git", "ls-files", ...options, "--", ...paths]);
}

/**
 * The time that stands in what is made, so that the same commit gives the same
 * bytes: SOURCE_DATE_EPOCH, else the time of the commit.
 *
 * @returns Seconds since 1970.
 */
export async function sourceDate(): Promise<number> {
  const [time] = await linesOf(["git", "log", "-1", "--format=%ct"]);
  return Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? time);
}
