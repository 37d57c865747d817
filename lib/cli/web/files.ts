/**
 * Serves the files of a folder: `sub --serve --www DIR`.
 *
 * @module
 */
import { respond } from "./guard.ts";

const TYPES: Record<string, string> = {
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  gif: "image/gif",
  htm: "text/html; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  mjs: "text/javascript; charset=utf-8",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webp: "image/webp",
  woff2: "font/woff2",
};

/** Pages of the user may hold their own scripts, but load nothing from elsewhere. */
const POLICY = [
  "default-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Answers a request for a file. A path with `..`, a hidden file and a link that
 * leads out of the folder are not found.
 *
 * @param folder The folder, without links in its path.
 * @param name The path of the file in it, percent-encoded; empty or with a
 * slash at its end for an index.html.
 * @returns The file.
 */
export async function serveFile(
  folder: string,
  name: string,
): Promise<Response> {
  try {
    const levels = name.split("/").map(decodeURIComponent);
    if (levels.at(-1) === "") levels[levels.length - 1] = "index.html";
    if (levels.some((it) => !it || /^\.|[/\0]/.test(it))) throw notFound();
    const path = await Deno.realPath(`${folder}/${levels.join("/")}`);
    if (!path.startsWith(folder === "/" ? folder : `${folder}/`)) {
      throw notFound();
    }
    const { isFile, isDirectory } = await Deno.stat(path);
    if (isDirectory) return toFolder(levels.at(-1)!);
    // Opening a FIFO would wait for a writer.
    if (!isFile) throw notFound();
    const { readable } = await Deno.open(path);
    const extension = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
    const type = Object.hasOwn(TYPES, extension)
      ? TYPES[extension]!
      : "application/octet-stream";
    const headers = { "content-security-policy": POLICY };
    return respond(readable, type, { headers });
  } catch {
    return respond("there is no such file\n", "text/plain", { status: 404 });
  }
}

/**
 * Sends a browser from `FOLDER` to `FOLDER/`, where links of its page lead on.
 *
 * @param name The last level of the path.
 * @returns The response.
 */
export function toFolder(name: string): Response {
  // Relative, as a proxy may have put a path before ours.
  const location = `./${encodeURIComponent(name)}/`;
  return respond(null, "text/plain", { status: 307, headers: { location } });
}

function notFound(): Error {
  return new Deno.errors.NotFound();
}
