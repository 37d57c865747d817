/**
 * Files that the user names.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";

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
  const name = option ? `--${option} "${path}"` : `"${path}"`;
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw cannotRead(name, error);
  }
  if (!file.statSync().isDirectory) return file;
  file.close();
  throw new Error(`Cannot read ${name}: it is a folder`);
}

/**
 * Reads a file or a pipe, and says which it was that failed.
 *
 * @param name What errors call it.
 * @param bytes What it holds.
 * @returns The same.
 * @throws {Error} If it cannot be read, with the reason.
 */
export async function* chunksOf(
  name: string,
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  try {
    yield* bytes;
  } catch (error) {
    throw cannotRead(name, error);
  }
}

function cannotRead(name: string, error: unknown): Error {
  const reason = error instanceof Deno.errors.NotFound
    ? "there is no such file"
    : error instanceof Deno.errors.PermissionDenied
    ? "no permission to read it"
    : reasonOf(error);
  return new Error(`Cannot read ${name}: ${reason}`, { cause: error });
}
