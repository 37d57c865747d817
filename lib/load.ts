/**
 * Loading what few runs need.
 *
 * @module
 */

/**
 * Loads a module now. Deno fetches and reads at the start what a literal
 * import() names, used or not; what it cannot see there it leaves alone.
 *
 * @param url The module: `import.meta.resolve("./name.ts")`.
 * @returns The module.
 */
export function load<Module>(url: string): Promise<Module> {
  return import(url);
}
