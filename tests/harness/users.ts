/**
 * Runs programs as other users of this machine, which only root can do.
 *
 * @module
 */
import { type Command, ROOT } from "./programs.ts";
import { Folder } from "./folder.ts";
import { isThere } from "./needs.ts";
import { finish, Process } from "./process.ts";

/** The names of what is missing to run programs as other users. */
export const withoutUsers: string[] = [
  ...Deno.uid() === 0 ? [] : ["root"],
  ...await isThere("setpriv", "--version") ? [] : ["setpriv"],
];

/** Our programs, where every user can run them. */
export class ForUsers extends Folder {
  /** Copies the files that the programs need. */
  static async prepare(): Promise<ForUsers> {
    const folder = new ForUsers();
    await Deno.chmod(folder.path, 0o755);
    const line = 'cp "$0" "$1/deno" && mkdir "$1/tree" && ' +
      'cp -r "$2/lib" "$2/mod.ts" "$2/pub.ts" "$2/sub.ts" "$2/deno.json" ' +
      '"$2/deno.lock" "$1/tree" && ' +
      'DENO_DIR="$1/cache" "$1/deno" cache -q "$1/tree/pub.ts" "$1/tree/sub.ts" && ' +
      'chmod -R a+rwX "$1/deno" "$1/tree" "$1/cache"';
    const args = [Deno.execPath(), folder.path, ROOT.replace(/\/$/, "")];
    const { code, stderr } = await finish(
      new Process(["sh", "-c", line, ...args]),
    );
    if (code !== 0) throw new Error(stderr);
    return folder;
  }

  /** Starts one of our programs as a user. */
  run(uid: number, program: "pub" | "sub", ...args: string[]): Process {
    const env = { FIFOBUS_DIR: this.file(`nowhere/${uid}`) };
    return this.runAs({ uid, groups: "--clear-groups", env }, program, ...args);
  }

  /** Starts one of our programs as a user who is in groups. */
  runAs(
    { uid, groups, env }: {
      uid: number;
      groups: string;
      env: Record<string, string>;
    },
    program: "pub" | "sub",
    ...args: string[]
  ): Process {
    const command: Command = [
      "setpriv",
      ...[`--reuid=${uid}`, `--regid=${uid}`, groups],
      ...["env", "-i", "PATH=/usr/bin:/bin", "NO_COLOR=1"],
      ...[`DENO_DIR=${this.file("cache")}`, `HOME=${this.path}`],
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...[this.file("deno"), "run", "--allow-all", "--no-prompt"],
      ...[this.file(`tree/${program}.ts`), ...args],
    ];
    return new Process(command);
  }
}
