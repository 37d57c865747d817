/**
 * How a release is made: the version, the changelog, and the workflow's own
 * lines of shell, with a gh that only writes down what it is told.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertThrows } from "jsr:@std/assert@1.0.19/throws";
import { notesOf } from "../.ci/notes.ts";
import { VERSION } from "../lib/version.ts";
import { Folder } from "./harness/folder.ts";
import { finish, Process } from "./harness/process.ts";
import { ROOT } from "./harness/programs.ts";

const WORKFLOW = await Deno.readTextFile(
  `${ROOT}.github/workflows/release.yml`,
);

/** The lines of shell of the workflow, in their order. */
const STEPS = Array.from(
  WORKFLOW.matchAll(/^ +(?:- )?run: (.*)$/gm),
  ([, line]) => line!,
);

/** Lays out a clone that is ready for a release; deno is only pretended. */
async function layOut(folder: Folder): Promise<Record<string, string>> {
  const bin = folder.file("bin");
  await Deno.mkdir(bin);
  await Deno.mkdir(folder.file("dist"));
  const programs = {
    gh: 'for word do printf "<%s>" "$word"; done >> gh.log',
    deno: `case "$*" in
      *" notes "*) shift 3; exec "${Deno.execPath()}" run -A .ci/notes.ts "$@" ;;
      *" release") cd dist && echo it > it.tar.gz && sha256sum * > SHA256SUMS ;;
      *) echo "$*" >> deno.log ;;
    esac`,
  };
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${bin}/${name}`, `#!/bin/sh\n${script}\n`);
    await Deno.chmod(`${bin}/${name}`, 0o755);
  }
  const changelog = `# Changelog\n\n## Unreleased\n\n- not yet\n\n` +
    `## ${VERSION} - 2026-12-01\n\n- one\n\n## 0.0.9\n\n- zero\n`;
  await Deno.writeTextFile(folder.file("CHANGELOG.md"), changelog);
  const copy = 'cp -r .ci lib tests deno.json deno.lock "$0"';
  await finish(
    new Process(["sh", "-c", `cd "$1" && ${copy}`, folder.path, ROOT]),
  );
  return { PATH: `${bin}:${Deno.env.get("PATH")}` };
}

async function runSteps(folder: Folder, tag: string) {
  const env = { ...await layOut(folder), GITHUB_REF_NAME: tag };
  const line = STEPS.map((step) => `( ${step} )`).join(" &&\n");
  // As the runner does.
  return await finish(
    new Process([
      "bash",
      "-eo",
      "pipefail",
      "-c",
      `cd "$0"; ${line}`,
      folder.path,
    ], env),
  );
}

Deno.test("the release workflow makes the packages, with the notes of the changelog, then publishes", async () => {
  await using folder = new Folder();
  const { code, stderr } = await runSteps(folder, `v${VERSION}`);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await Deno.readTextFile(folder.file("notes.md")), "- one\n");
  assertEquals(
    await Deno.readTextFile(folder.file("gh.log")),
    `<release><create><v${VERSION}><--verify-tag><--title><v${VERSION}>` +
      "<--notes-file><notes.md><dist/SHA256SUMS><dist/it.tar.gz>",
  );
  assertEquals(
    await Deno.readTextFile(folder.file("deno.log")),
    "task publish\n",
  );
});

Deno.test("the release workflow stops if the tag is not the version", async () => {
  await using folder = new Folder();
  const { code, stderr } = await runSteps(folder, "v99.0.0");
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `notes: Cannot release v99.0.0: lib/version.ts says ${VERSION}, which has ` +
      `the tag v${VERSION}\n`,
  );
  assertEquals([...Deno.readDirSync(folder.file("dist"))], []);
});

Deno.test("a release without a section in the changelog is refused", () => {
  const changelog = "# Changelog\n\n## Unreleased\n\n- one\n\n## 1.0.0\n\n";
  assertThrows(() => notesOf(changelog, "1.0.0"), Error, "no section");
  assertThrows(() => notesOf(changelog, "1.0"), Error, "no section");
});

Deno.test("the changelog begins with what is not released, or with this version, and has notes for it", async () => {
  const text = await Deno.readTextFile(`${ROOT}CHANGELOG.md`);
  const [, heading] = /^## (.*)$/m.exec(text)!;
  assert(heading === "Unreleased" || heading!.startsWith(VERSION), heading);
  assert(notesOf(text, VERSION).includes("\n- "));
});

Deno.test("the version is in lib/version.ts, and elsewhere only in what is made of it", async () => {
  const version = VERSION.replaceAll(".", "\\.");
  const { code, stdout } = await finish(
    new Process([
      ...[
        "git",
        "-C",
        ROOT,
        "grep",
        "-lE",
        `("|fifobus[ _-])${version}`,
      ] as const,
      ...["--", ":!CHANGELOG.md", ":!deno.lock"],
    ]),
  );
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n"), [
    "docs/pub.1",
    "docs/sub.1",
    "lib/version.ts",
  ]);
});
