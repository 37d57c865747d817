/**
 * Files that the user names.
 *
 * @module
 */

/**
 * Opens a file to read it.
 *
 * @param path Which.
 * @param option The option that names it, for the error that says so.
 * @returns The file.
 * @throws {Error} If it cannot be read, with the reason.
 */
export async function openFile(
  path: string,
  option?: string,
): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.PermissionDenied
      ? "no permission to read it"
      : error;
    const which = option ? `--${option} "${path}"` : `"${path}"`;
    throw new Error(`Cannot read ${which}: ${reason}`, { cause: error });
  }
}
