/**
 * Tests that need a program, or something else that not every machine has. If
 * it is missing, the test is ignored and names it; if everything has to be
 * tested, the test fails.
 *
 * @module
 */
const EVERYTHING = Boolean(Deno.env.get("FIFOBUS_TEST_EVERYTHING"));

/** Declares a test that runs only if nothing is missing. */
export function testWithout(
  absent: string[],
  name: string,
  test: (t: Deno.TestContext) => Promise<void>,
): void {
  if (absent.length === 0) return Deno.test(name, test);
  const reason = `needs ${absent.join(" and ")}`;
  if (!EVERYTHING) {
    return Deno.test({
      name: `${name} (${reason})`,
      // deno test lists it with the reason, so it is not left out in silence.
      // .ci/run sets FIFOBUS_TEST_EVERYTHING, where it fails instead.
      ignore: true,
      fn: test,
    });
  }
  Deno.test(name, () => {
    throw new Error(`FIFOBUS_TEST_EVERYTHING is set, and this ${reason}`);
  });
}

/** Whether this is Deno 2.6, the oldest that fifobus supports. */
const IS_DENO_26 = Deno.version.deno.startsWith("2.6.");

/**
 * Declares a test of what Deno 2.6 cannot do; there it is always ignored.
 * docs/install.md tells users of each reason.
 */
export function testSinceDeno27(
  reason: string,
  name: string,
  test: () => Promise<void>,
  absent: string[] = [],
): void {
  if (!IS_DENO_26) return testWithout(absent, name, test);
  // .ci/run lets the tests with these words be ignored.
  const shown = `${name} (not on Deno 2.6: ${reason})`;
  Deno.test({ name: shown, ignore: true, fn: test });
}

/**
 * The signal that ends a program which cleans up and raises a signal again:
 * Deno 2.6 does not let it raise one without a permission, and it exits with the
 * code.
 */
export function raised(signal: Deno.Signal): Deno.Signal | null {
  return IS_DENO_26 ? null : signal;
}

/** The names of what is missing to run a program in a terminal. */
export const withoutTerminal: string[] =
  await isThere("script", "-qec", "true", "/dev/null")
    ? []
    : ["script of util-linux"];

/** Declares a test that needs a terminal. */
export function terminalTest(name: string, test: () => Promise<void>): void {
  testWithout(withoutTerminal, name, test);
}

/** The names of what is missing to run Python. */
export const withoutPython: string[] = await isThere("python3", "--version")
  ? []
  : ["python3"];

/** The names of what is missing to do what only Linux can do. */
export const withoutLinux: string[] = Deno.build.os === "linux"
  ? []
  : ["Linux"];

/** The names of what is missing to write to a disk that is always full. */
export const withoutFullDisk: string[] =
  await isThere("test", "-c", "/dev/full") ? [] : ["/dev/full"];

/** Returns those of some programs that a shell does not find. */
export async function missingOf(names: string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    if (!await isThere("sh", "-c", 'command -v "$0" >/dev/null', name)) {
      missing.push(name);
    }
  }
  return missing;
}

/** Tells whether a program is installed, by running it. */
export async function isThere(
  command: string,
  ...args: string[]
): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args }).output()).success;
  } catch {
    return false;
  }
}
