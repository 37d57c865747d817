/**
 * Loading what few runs need.
 *
 * @module
 */

/**
 * Loads a module now. Deno fetches and reads at the start what a literal
 * import() names, used or not; what it cannot see there it leaves alone, and
 * reads it as a script reads a file: by the permission to.
 *
 * @param url The module: `import.meta.resolve("./name.ts")`.
 * @returns The module.
 * @throws {Error} If the permission to read it is missing.
 */
export async function load<Module>(url: string): Promise<Module> {
  try {
    return await import(url);
  } catch (error) {
    const { message } = error as Error;
    const [, path] = /^Requires read access to "(.+)", /.exec(message) ?? [];
    if (path === undefined) throw error;
    const { pathname } = new URL("..", import.meta.url);
    const folder = decodeURIComponent(pathname).slice(0, -1);
    throw new Error(
      `Cannot load "${path}": deno run may not read it; add the folder of ` +
        `fifobus to the list of --allow-read: ${folder}`,
      { cause: error },
    );
  }
}
