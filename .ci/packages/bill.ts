/**
 * The bill of materials: what a release is made of, as CycloneDX 1.6.
 *
 * @module
 */
import { ROOT } from "../_command.ts";
import { dependencies } from "../binaries.ts";
import { ABOUT } from "./contents.ts";

/** A package in deno.lock. */
interface Locked {
  integrity: string;
  dependencies?: string[];
}

/**
 * Lists the packages that are in a release, as deno.lock has them.
 *
 * @param time When it was made, in seconds since 1970.
 * @returns The text of a JSON file.
 */
export async function bill(time: number): Promise<string> {
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const locked = lock.npm as Record<string, Locked>;
  const direct = new Set(
    Array.from((await dependencies()).keys(), (specifier) => {
      const mapped = imports[specifier] as string | undefined;
      return /^npm:(@?[^@]+@[^/]+)/.exec(mapped ?? specifier)![1]!;
    }),
  );
  // lib/cli/web/uplot.ts is a copy of it.
  direct.add(Object.keys(locked).find((it) => it.startsWith("uplot@"))!);
  const used = new Map<string, string[]>();
  const pending = [...direct];
  for (let id; (id = pending.pop()) !== undefined;) {
    if (used.has(id)) continue;
    const needed = (locked[id]!.dependencies ?? [])
      .map((it) => resolve(it, locked))
      // Types are not in what is made.
      .filter((it) => !it.startsWith("@types/"));
    used.set(id, needed);
    pending.push(...needed);
  }
  const ids = [...used.keys()].sort();
  const own = `pkg:jsr/@fifobus/${ABOUT.name}@${ABOUT.version}`;
  const list = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": own,
        name: ABOUT.name,
        version: ABOUT.version,
        licenses: [{ license: { id: ABOUT.license } }],
      },
    },
    components: [deno(), ...ids.map((id) => component(id, locked[id]!))],
    dependencies: [
      { ref: own, dependsOn: [deno()["bom-ref"], ...[...direct].map(purl)] },
      ...ids.map((id) => ({
        ref: purl(id),
        dependsOn: used.get(id)!.map(purl),
      })),
    ],
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** deno.lock names a version only where there are several. */
function resolve(id: string, locked: Record<string, Locked>): string {
  if (id in locked) return id;
  return Object.keys(locked).find((it) =>
    it.slice(0, it.lastIndexOf("@")) === id
  )!;
}

function purl(id: string): string {
  return `pkg:npm/${id}`;
}

/** The runtime, which is in the binaries. */
function deno() {
  const { deno: version } = Deno.version;
  const ref = `pkg:github/denoland/deno@v${version}`;
  const name = "deno";
  return { type: "platform", "bom-ref": ref, name, version, purl: ref };
}

function component(id: string, { integrity }: Locked) {
  const at = id.lastIndexOf("@");
  const [, sum] = /^sha512-(.+)$/.exec(integrity)!;
  const bytes = Uint8Array.from(atob(sum!), (it) => it.charCodeAt(0));
  return {
    type: "library",
    "bom-ref": purl(id),
    name: id.slice(0, at),
    version: id.slice(at + 1),
    purl: purl(id),
    hashes: [{ alg: "SHA-512", content: bytes.toHex() }],
  };
}
