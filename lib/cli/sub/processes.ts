/**
 * Looks at other processes. Deno reads /proc only with --allow-all, so a shell
 * does that, which `sub` may start anyway.
 *
 * @module
 */
/** Prints the arguments of each process, one on a line, after a line of its own. */
const ARGUMENTS = `for pid do
  printf '\\001%s\\n' "$pid"
  if [ -r "/proc/$pid/cmdline" ]; then
    tr '\\n\\001\\0' '  \\n' < "/proc/$pid/cmdline"
  else
    ps -o args= -p "$pid" | tr ' ' '\\n'
  fi
done`;

/** Prints what each process has open, and with which access. */
const DESCRIPTORS = `[ -e /proc/self/fd ] || exit
ls -l /proc/[0-9]*/fd`;

/** The path of one of our scripts. */
const SCRIPT = /(?:^|\/)(pub|sub)\.ts$/;

/** A process that can write to a file. */
export interface Writer {
  pid: number;
  /** The path of the file. */
  path: string;
}

/**
 * Returns the command lines of processes.
 *
 * @param pids The ids of the processes.
 * @returns The command lines, without those of processes that are not there or
 * not visible.
 */
export async function commandLines(
  pids: number[],
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  if (pids.length === 0) return found;
  const output = await shell(ARGUMENTS, ...new Set(pids.map(String)));
  for (const record of output?.split("\x01").slice(1) ?? []) {
    const [pid, ...args] = record.trimEnd().split("\n");
    if (args.length > 0) found.set(Number(pid), commandOf(args));
  }
  return found;
}

/** A script of ours has the name of its command. */
function commandOf(args: string[]): string {
  const isDeno = /(^|\/)deno$/.test(args[0]!);
  const at = isDeno ? args.findIndex((it) => SCRIPT.test(it)) : -1;
  const words = at < 0
    ? args
    : [SCRIPT.exec(args[at]!)![1], ...args.slice(at + 1)];
  return words.join(" ").replaceAll(/\p{Cc}/gu, " ");
}

/**
 * Finds the processes that have a file in some folder open for writing, and not
 * for reading: a reader of ours holds both ends.
 *
 * @param folder The folder.
 * @returns Each process and file once, of those that we may look at; undefined
 * if this system does not tell.
 */
export async function writersIn(folder: string): Promise<Writer[] | undefined> {
  const output = await shell(DESCRIPTORS);
  if (!output) return undefined;
  const found = new Map<string, Writer>();
  const readers = new Set<string>();
  let pid = 0;
  for (const line of output.split("\n")) {
    const process = /^\/proc\/([0-9]+)\/fd:$/.exec(line);
    if (process) pid = Number(process[1]);
    const [, access, target] = /^l(..)x\S* .*? -> (.*)$/.exec(line) ?? [];
    if (!target?.startsWith(`${folder}/`)) continue;
    // A name can be gone while the file has others.
    const path = target.replace(/ \(deleted\)$/, "");
    if (access === "-w") found.set(`${pid} ${path}`, { pid, path });
    else readers.add(`${pid} ${path}`);
  }
  return [...found].filter(([key]) => !readers.has(key)).map(([, it]) => it);
}

/** Runs a script; undefined if it cannot be run or prints nothing. */
async function shell(
  script: string,
  ...args: string[]
): Promise<string | undefined> {
  const run = { name: "run", command: "sh" } as const;
  // A name in a list is not worth asking the user for a permission.
  if (Deno.permissions.querySync(run).state !== "granted") return undefined;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    // As for mkfifo: Deno asks for more permissions if LD_PRELOAD is set.
    clearEnv: true,
    env: { LC_ALL: "C" },
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout) || undefined;
}
