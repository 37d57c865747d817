/**
 * Loading modules that few runs need.
 *
 * @module
 */

/**
 * What was loaded, or is being loaded: Deno 2.8.0 fails if a module that imports
 * from node: is imported again meanwhile.
 */
const modules = new Map<string, Promise<unknown>>();

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
  let module = modules.get(url);
  if (!module) modules.set(url, module = import(url));
  try {
    return await module as Module;
  } catch (error) {
    modules.delete(url);
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
