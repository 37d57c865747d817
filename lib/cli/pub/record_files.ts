/**
 * The files of records: `pub --replay`.
 *
 * @module
 */
import { openFile } from "../files.ts";
import { partsOf } from "../parts.ts";
import type { World } from "../program.ts";
import type { Source } from "./line_reader.ts";
import type { Input } from "./lines.ts";

/**
 * Finds the files of records: each is a file, or has parts, or both.
 *
 * @param paths The paths of the records; undefined is standard input.
 * @returns The files, in order.
 * @throws {Error} If one is not there.
 */
export function filesOf(
  paths: (string | undefined)[],
): (string | undefined)[] {
  return paths.flatMap((path) => {
    if (path === undefined) return [path];
    const files = partsOf(path).map((part) => part.path);
    if (isThere(path)) files.unshift(path);
    if (files.length > 0) return files;
    throw new Error(`Cannot read "${path}": there is no such file`);
  });
}

/**
 * Returns what the progress is measured by.
 *
 * @param files The files; undefined is standard input.
 * @param isLoop Whether they are read again and again.
 * @param world Standard input.
 * @returns How many bytes they have, if that is known.
 */
export function sizeOf(
  files: (string | undefined)[],
  isLoop: boolean,
  { stdin }: Pick<World, "stdin">,
): Omit<Input, "name" | "readable"> {
  if (files.includes(undefined)) return { isTerminal: stdin.isTerminal() };
  let totalBytes: number | undefined = 0;
  for (const path of files as string[]) {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || isLoop || isCompressed(path)) totalBytes = undefined;
    if (totalBytes !== undefined) totalBytes += size;
  }
  return { isFile: true, totalBytes };
}

/** A file that is read, then closed. */
export type OpenFile = Source & (Disposable | AsyncDisposable);

/**
 * Opens a file of a record.
 *
 * @param path The file, which may be compressed by gzip(1).
 * @returns The file; the caller closes it.
 * @throws {Error} If it cannot be read.
 */
export async function openRecord(path: string): Promise<OpenFile> {
  const file = await openFile(path);
  if (!isCompressed(path)) return file;
  const chunks = file.readable.pipeThrough(new DecompressionStream("gzip"))
    .values();
  let rest = new Uint8Array();
  return {
    read: async (bytes) => {
      while (rest.length === 0) {
        const { value, done } = await chunks.next().catch((error) => {
          if (!(error instanceof TypeError)) throw error;
          throw new Error("it is damaged, or not one gzip file");
        });
        if (done) return null;
        rest = value;
      }
      const piece = rest.subarray(0, bytes.length);
      bytes.set(piece);
      rest = rest.subarray(piece.length);
      return piece.length;
    },
    [Symbol.asyncDispose]: async () => void await chunks.return?.(),
  };
}

/**
 * Reads the same, with line feeds instead of NULs: in JSON there is neither.
 *
 * @param source Lines that end with NUL.
 * @returns Lines that end with a line feed.
 */
export function withLineFeeds(source: Source): Source {
  return {
    read: async (bytes) => {
      const count = await source.read(bytes);
      const read = bytes.subarray(0, count ?? 0);
      for (let at = -1; (at = read.indexOf(0, at + 1)) >= 0;) read[at] = 0x0a;
      return count;
    },
  };
}

function isCompressed(path: string): boolean {
  return path.endsWith(".gz");
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // Other errors are reported when the file is opened.
    return !(error instanceof Deno.errors.NotFound);
  }
}
