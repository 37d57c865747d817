/**
 * Opens and reads files that the user names.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";

/**
 * Opens a file to read it.
 *
 * @param path Its path.
 * @param option The option that names it, for the error.
 * @returns The file.
 * @throws {Error} If the file cannot be read, with the reason.
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
 * Reads a file or a pipe. If reading fails, the error names it.
 *
 * @param name Its name in errors.
 * @param bytes Its contents.
 * @returns The same contents.
 * @throws {Error} If reading fails, with the reason.
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

/**
 * Says that a file cannot be read.
 *
 * @param name Its name in the error.
 * @param error Why.
 * @returns The error.
 */
export function cannotRead(name: string, error: unknown): Error {
  const reason = error instanceof Deno.errors.NotFound
    ? "there is no such file"
    : error instanceof Deno.errors.PermissionDenied
    ? "no permission to read it"
    : reasonOf(error);
  return new Error(`Cannot read ${name}: ${reason}`, { cause: error });
}
