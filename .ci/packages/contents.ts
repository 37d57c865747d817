/**
 * What is installed, and where, whatever kind of package brings it: the one
 * table that tarballs, .deb, .rpm and the recipes are made from.
 *
 * @module
 */
import { gzipSync } from "node:zlib";
import { completionsFor } from "../../lib/cli/options/completions.ts";
import { PUB } from "../../lib/cli/options/pub.ts";
import { SUB } from "../../lib/cli/options/sub.ts";
import type { Usage } from "../../lib/cli/options/usage.ts";
import { VERSION } from "../../lib/version.ts";
import { permissions } from "../../tests/harness/programs.ts";
import { known, ROOT } from "../_command.ts";
import { wholeSources } from "../binaries.ts";

/** What every kind of package says about itself. */
export const ABOUT = {
  name: "fifobus",
  version: VERSION,
  license: "MIT",
  summary: "publish and subscribe over named pipes, without a server",
  description: [
    "pub and sub pass messages between programs in any language on one machine,",
    "through named pipes (FIFOs) and topics: work queues, last values, requests,",
    "dashboards, and a bridge to MQTT brokers. No daemon and no configuration.",
  ].join("\n"),
  homepage: "https://github.com/fifobus/fifobus",
  maintainer: "The fifobus authors <fifobus@users.noreply.github.com>",
};

/** A system that binaries are made for. */
export interface Target {
  /** As `deno compile --target` has it. */
  triple: string;
  os: "linux" | "macos";
  /** As Debian and Docker call the processor. */
  debian: "amd64" | "arm64";
  /** As RPM, Arch Linux and Nix call it. */
  machine: "x86_64" | "aarch64";
}

/** The targets of `deno compile` that have FIFOs. */
export const TARGETS: Target[] = [
  {
    triple: "x86_64-unknown-linux-gnu",
    os: "linux",
    debian: "amd64",
    machine: "x86_64",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    os: "linux",
    debian: "arm64",
    machine: "aarch64",
  },
  {
    triple: "x86_64-apple-darwin",
    os: "macos",
    debian: "amd64",
    machine: "x86_64",
  },
  {
    triple: "aarch64-apple-darwin",
    os: "macos",
    debian: "arm64",
    machine: "aarch64",
  },
];

/** An installed file, or a link. */
export interface Entry {
  /** Its path below /usr, /usr/local or another prefix. */
  path: string;
  /** What is in it; a text is the target of a symbolic link. */
  content: Uint8Array<ArrayBuffer> | string;
  /** Whether it is a program. */
  isExecutable?: true;
}

/**
 * Lists all that is installed with a binary.
 *
 * @param os The system that it is for.
 * @param binary The binary, which is both programs.
 * @returns The files and links, in the order of their paths.
 */
export async function contents(
  os: Target["os"],
  binary: Uint8Array<ArrayBuffer>,
): Promise<Entry[]> {
  const entries: Entry[] = [
    { path: "bin/pub", content: binary, isExecutable: true },
    { path: "bin/sub", content: "pub" },
    ...await texts(),
  ];
  if (os === "linux") entries.push(...await services());
  return sorted(entries);
}

/**
 * Lists all that is installed where deno is: the sources, for every system.
 *
 * @returns The files, in the order of their paths.
 */
export async function contentsForDeno(): Promise<Entry[]> {
  const programs = ["pub", "sub"].map((name): Entry => ({
    path: `bin/${name}`,
    content: encode(launcher(name)),
    isExecutable: true,
  }));
  const sources = Array.from(await wholeSources(), ([path, text]): Entry => ({
    path: `lib/${ABOUT.name}/${path}`,
    content: encode(text),
  }));
  return sorted([...programs, ...sources, ...await texts()]);
}

/** A program that finds its sources from where it is, through links. */
function launcher(name: string): string {
  const options = permissions(`${name}.ts`).map((it) => `'${it}'`).join(" ");
  return `#!/bin/sh
lib=$(dirname "$(realpath "$0")")/../lib/${ABOUT.name}
exec deno run --no-remote --no-lock --config="$lib/deno.json" \\
  ${options} \\
  "$lib/${name}.ts" "$@"
`;
}

function sorted(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => a.path < b.path ? -1 : 1);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** What is the same everywhere: man pages, completions and documents. */
async function texts(): Promise<Entry[]> {
  const ofPrograms = await Promise.all([PUB, SUB].map(ofProgram));
  return [...ofPrograms.flat(), ...await documents()];
}

/** The man page of a program, and its completions where shells look for them. */
async function ofProgram(usage: Usage): Promise<Entry[]> {
  const { name } = usage;
  const page = await Deno.readFile(`${ROOT}docs/${name}.1`);
  const completions = {
    bash: `bash-completion/completions/${name}`,
    zsh: `zsh/site-functions/_${name}`,
    fish: `fish/vendor_completions.d/${name}.fish`,
  } as const;
  return [
    { path: `share/man/man1/${name}.1.gz`, content: gzip(page) },
    ...(["bash", "zsh", "fish"] as const).map((shell) => ({
      path: `share/${completions[shell]}`,
      content: encode(completionsFor(shell, usage)),
    })),
  ];
}

/** Compresses in the way of man pages: without a name and a time. */
export function gzip(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(data, { level: 9 }));
}

/** What there is to read, the examples too. */
async function documents(): Promise<Entry[]> {
  const texts = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "docs"];
  const examples = ["languages", "shell", "systemd", "topics"];
  const paths = await known(
    ...texts,
    ...examples.map((it) => `examples/${it}`),
  );
  const read = paths.filter((path) => !/^docs\/.*\.(?:ts|[1-9])$/.test(path));
  return await Promise.all(read.map(async (path) => ({
    path: `share/doc/${ABOUT.name}/${path}`,
    content: await Deno.readFile(ROOT + path),
  })));
}

/** The services of users, and what keeps cleaners away from their buses. */
async function services(): Promise<Entry[]> {
  const paths = await known("examples/systemd");
  const entries = await Promise.all(paths.map(async (path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const text = await Deno.readTextFile(ROOT + path);
    if (name.endsWith(".conf")) {
      const isOfUsers = /^x /m.test(text);
      return isOfUsers ? [{ path: `lib/tmpfiles.d/${name}`, text }] : [];
    }
    // systemd looks a name up in /usr/local/bin and /usr/bin.
    const own = text.replaceAll("%h/.local/bin/", "");
    return own === text && name.endsWith(".service")
      ? []
      : [{ path: `lib/systemd/user/${name}`, text: own }];
  }));
  return entries.flat().map(({ path, text }) => ({
    path,
    content: encode(text),
  }));
}
