/**
 * How the rooms of lib/ depend on each other.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";

const ROOT = new URL("../", import.meta.url);

/**
 * The rooms from the ground up. A file may use those of its own row and of the
 * rows above it in this list; the first row that fits is its own.
 */
const ROOMS: string[][] = [
  [
    ...["errors", "address", "topic", "message", "version", "load", "delay"]
      .map((name) => `lib/${name}.ts`),
    ...["lib/callback.ts", "lib/leftovers.ts", "lib/ticks.ts", "lib/wire/"],
  ],
  ["lib/queues/"],
  ["lib/outlet.ts", "lib/source.ts"],
  ["lib/fifo/"],
  ["lib/bus/"],
  ["lib/mqtt/"],
  ["lib/publisher.ts"],
  ["lib/subscriber.ts", "lib/subscriptions.ts"],
  ["lib/request.ts"],
  ["mod.ts"],
  ["exit_codes", "output", "print_buffer", "json_line"]
    .map((name) => `lib/cli/${name}.ts`),
  [
    "lib/cli/options/",
    ...["alarm", "format", "member"].map((name) => `lib/cli/${name}.ts`),
  ],
  // What both programs share.
  ["lib/cli/*"],
  ["lib/cli/board/"],
  ["lib/cli/web/"],
  ["lib/cli/pub/", "lib/cli/sub/"],
  ["pub.ts", "sub.ts"],
];

function isIn(file: string, room: string): boolean {
  if (!room.endsWith("*")) return file === room || isWithin(file, room);
  return isWithin(file, room.slice(0, -1)) &&
    !file.slice(room.length - 1).includes("/");
}

function isWithin(file: string, folder: string): boolean {
  return folder.endsWith("/") && file.startsWith(folder);
}

function rowOf(file: string): number {
  const row = ROOMS.findIndex((rooms) => rooms.some((it) => isIn(file, it)));
  if (row < 0) throw new Error(`${file} is in no room`);
  return row;
}

/** The files that ship. */
function* files(folder = "lib/"): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* files(`${folder}${name}/`);
    else if (/\.[jt]s$/.test(name)) yield folder + name;
  }
}

/** What a file imports: now, later, or as types. */
function importsOf(file: string): string[] {
  const text = Deno.readTextFileSync(new URL(file, ROOT));
  // Not the examples of docstrings.
  const code = text.replaceAll(/\/\*\*[^]*?\*\//g, "");
  const found = code.matchAll(
    /(?:\bfrom |\bimport |\bimport\(\s*|\bresolve\(\s*)"(\.[^"]+)"/g,
  );
  return Array.from(found, ([, path]) => {
    const { pathname } = new URL(path!, `file:///${file}`);
    return pathname.slice(1);
  });
}

const IMPORTS = new Map(
  ["mod.ts", "pub.ts", "sub.ts", ...files()]
    .map((file) => [file, importsOf(file)]),
);

Deno.test("lib/ has no circle of imports, types and late loads included", () => {
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, way: string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) circles.push([...way.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    for (const used of IMPORTS.get(file) ?? []) visit(used, [...way, file]);
    done.add(file);
  };
  for (const file of IMPORTS.keys()) visit(file, []);
  assertEquals(circles, []);
});

Deno.test("imports point one way through the rooms of lib/", () => {
  const wrong: string[] = [];
  for (const [file, imports] of IMPORTS) {
    for (const used of imports) {
      if (!used.endsWith(".ts")) continue;
      if (rowOf(used) > rowOf(file)) wrong.push(`${file} uses ${used}`);
    }
  }
  assertEquals(wrong, []);
});
