/**
 * Loading modules that few runs need.
 *
 * @module
 */

/**
 * Loads a module on demand. Deno fetches and reads the target of a literal
 * import() at the start, used or not. It does not see this import, and reads
 * the module only now, as a script reads a file: with the permission to read
 * it.
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
