/**
 * Packages for Debian and for systems with RPM, by nfpm: they are unpacked on
 * a machine that has neither dpkg nor rpm.
 *
 * @module
 */
import { DIST } from "../binaries.ts";
import { run } from "../_command.ts";
import { ABOUT, type Entry, gzip, type Target } from "./contents.ts";

const NFPM = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0";

const { name, version } = ABOUT;
const DOC = `/usr/share/doc/${name}`;

/** The revision of the package, not of fifobus. */
const REVISION = "1";

/** What a kind of package has elsewhere, or in another form. */
interface Kind {
  packager: "deb" | "rpm";
  /** The name of a package's file. */
  file(target: Target): string;
  /** Where an entry goes. */
  place(path: string): string;
  /** What only this kind has. */
  settings: Record<string, unknown>;
}

const KINDS: Kind[] = [
  {
    packager: "deb",
    file: ({ debian }) => `${name}_${version}-${REVISION}_${debian}.deb`,
    place: (path) =>
      `/usr/${path}`.replace("/zsh/site-functions/", "/zsh/vendor-completions/")
        .replace(`${DOC}/LICENSE`, `${DOC}/copyright`),
    settings: {
      section: "utils",
      priority: "optional",
      depends: ["libc6 (>= 2.27)", "libgcc-s1"],
      // lintian knows no other that is as fast.
      deb: { compression: "gzip" },
    },
  },
  {
    packager: "rpm",
    file: ({ machine }) => `${name}-${version}-${REVISION}.${machine}.rpm`,
    place: (path) => `/usr/${path}`,
    settings: {
      depends: ["glibc >= 2.27", "libgcc", "coreutils"],
      rpm: {
        summary: ABOUT.summary,
        compression: "zstd",
        buildhost: "localhost",
      },
    },
  },
];

/**
 * Makes a .deb and an .rpm.
 *
 * @param target A Linux.
 * @param entries What they install.
 * @param time The time of all files, in seconds since 1970.
 * @returns The names of the files, which are in dist/.
 * @throws {Error} If Go, which builds nfpm, is missing.
 */
export async function nativePackages(
  target: Target,
  entries: Entry[],
  time: number,
): Promise<string[]> {
  const folder = await Deno.makeTempDir({ dir: DIST });
  try {
    return await Promise.all(KINDS.map(async (kind) => {
      const file = kind.file(target);
      const all = kind.packager === "deb"
        ? [...entries, ...debianFiles(time)]
        : entries;
      const config = `${folder}/${kind.packager}.json`;
      const settings = await settingsOf(kind, target, all, time, folder);
      await Deno.writeTextFile(config, JSON.stringify(settings));
      await run([
        ...["go", "run", NFPM, "package", "--config", config] as const,
        ...["--packager", kind.packager, "--target", `${DIST}/${file}`],
      ]);
      return file;
    }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The configuration of nfpm; the files are written where it finds them. */
async function settingsOf(
  { packager, place, settings }: Kind,
  target: Target,
  entries: Entry[],
  time: number,
  folder: string,
): Promise<unknown> {
  const mtime = new Date(time * 1000).toISOString();
  const contents = await Promise.all(entries.map(async (entry, i) => {
    const { path, content, isExecutable } = entry;
    const dst = place(path);
    if (typeof content === "string") {
      return { src: content, dst, type: "symlink", file_info: { mtime } };
    }
    const src = `${folder}/${packager}-${i}`;
    await Deno.writeFile(src, content);
    const mode = isExecutable ? 0o755 : 0o644;
    const type = packager === "rpm" && dst.endsWith("/LICENSE")
      ? "license"
      : "";
    return { src, dst, type, file_info: { mode, mtime } };
  }));
  // rpm removes folders that are in the package only.
  const folders = new Set(
    contents.map(({ dst }) => dst.slice(0, dst.lastIndexOf("/")))
      .filter((it) => it.startsWith(DOC))
      .flatMap((it) =>
        it.slice(DOC.length).split("/").map((_, i, parts) =>
          DOC + parts.slice(0, i + 1).join("/")
        )
      ),
  );
  const file_info = { mode: 0o755, mtime };
  const own = Array.from(folders, (dst) => ({ dst, type: "dir", file_info }));
  return {
    name,
    version,
    release: REVISION,
    arch: target.debian,
    platform: "linux",
    mtime,
    maintainer: ABOUT.maintainer,
    description: `${ABOUT.summary}\n${ABOUT.description}`,
    homepage: ABOUT.homepage,
    license: ABOUT.license,
    contents: [...own, ...contents],
    ...settings,
  };
}

/** What only Debian has: deb-changelog(5), and what lintian may find. */
function debianFiles(time: number): Entry[] {
  const date = new Date(time * 1000).toUTCString().replace("GMT", "+0000");
  const changelog = `${name} (${version}-${REVISION}) stable; urgency=medium

  * The changes are in ${DOC}/CHANGELOG.md.

 -- ${ABOUT.maintainer}  ${date}
`;
  const overrides = `# The runtime of Deno brings its own libraries.
${name}: embedded-library *
`;
  const encoder = new TextEncoder();
  return [
    {
      path: `share/doc/${name}/changelog.Debian.gz`,
      content: gzip(encoder.encode(changelog)),
    },
    {
      path: `share/lintian/overrides/${name}`,
      content: encoder.encode(overrides),
    },
  ];
}
