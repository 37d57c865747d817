/**
 * Installs, runs, upgrades and removes what a release is made of, and has it
 * checked by the programs of each system: `deno task packages`. Not in the
 * suite of tests, as it takes a minute.
 *
 * It needs Go, dpkg, lintian, rpm, pacman with makepkg, ruby, nix-build,
 * shellcheck and hadolint, and changes nothing outside of dist/ and temporary folders.
 * Where root has buildah, mmdebstrap and runc, an image is built and run, too.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { Folder } from "../../tests/harness/folder.ts";
import { missingOf } from "../../tests/harness/needs.ts";
import { VERSION } from "../../lib/version.ts";
import { linesOf, ROOT, run } from "../_command.ts";
import { DIST } from "../binaries.ts";

const { target } = Deno.build;
const NAME = `fifobus-${VERSION}`;
const DEB = `${DIST}/fifobus_${VERSION}-1_amd64.deb`;
const RPM = `${DIST}/${NAME}-1.x86_64.rpm`;

/** With this deno, for the packages that need one. */
const PATH = `${Deno.execPath().replace(/\/[^/]*$/, "")}:${
  Deno.env.get("PATH")
}`;

function release(): Promise<void> {
  return run([Deno.execPath(), "task", "--quiet", "release", target]);
}

/** Runs a line of sh in a folder, with "$1" and so on; returns what it prints. */
async function sh(
  folder: string,
  line: string,
  ...args: string[]
): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-euc", line, "sh", ...args],
    cwd: folder,
    env: { LC_ALL: "C", FIFOBUS_DIR: `${folder}/bus`, PATH },
  });
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  assert(success, `${line}\n${text.decode(stdout)}${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** Checks what is installed below a prefix. */
async function assertInstalled(folder: string, prefix: string): Promise<void> {
  const printed = await sh(
    folder,
    `"$1/bin/pub" --retain news hello && "$1/bin/sub" --retained-only news &&
     "$1/bin/sub" --version && MANPATH=$1/share/man man -w pub sub &&
     for name in pub sub; do "$1/bin/$name" --completions bash |
       cmp - "$1/share/bash-completion/completions/$name"; done`,
    prefix,
  );
  assertEquals(
    printed,
    `hello\nsub (fifobus) ${VERSION}\n` +
      `${prefix}/share/man/man1/pub.1.gz\n${prefix}/share/man/man1/sub.1.gz\n`,
  );
}

/** The files below a folder. */
function filesIn(folder: string): Promise<string[]> {
  return linesOf(["find", folder, "-not", "-type", "d"]);
}

await release();
const SUMS = await Deno.readTextFile(`${DIST}/SHA256SUMS`);

Deno.test("a second release of the same commit has the same bytes", async () => {
  await sh(DIST, "sha256sum --quiet --check SHA256SUMS");
  await release();
  assertEquals(await Deno.readTextFile(`${DIST}/SHA256SUMS`), SUMS);
});

for (const [suffix, services] of [[target, true], ["deno", false]] as const) {
  Deno.test(`the tarball for ${suffix} unpacks into a prefix, and is removed by its list`, async () => {
    await using folder = new Folder();
    const tarball = `${DIST}/${NAME}-${suffix}.tar.gz`;
    const prefix = folder.file("local");
    await Deno.mkdir(prefix);
    const line = 'tar -xzf "$1" --strip-components=1 -C "$2"';
    await sh(folder.path, line, tarball, prefix);
    await assertInstalled(folder.path, prefix);
    const files = await filesIn(prefix);
    assertEquals(files.some((it) => it.includes("/lib/systemd/")), services);
    const remove =
      'cd "$2" && tar -tzf "$1" | cut -d / -f 2- | xargs rm && find . -type f';
    assertEquals(await sh(folder.path, remove, tarball, prefix), "");
  });
}

Deno.test("the .deb is installed, upgraded and removed, and lintian finds no error", async () => {
  await using folder = new Folder();
  const dpkg = 'dpkg --root="$1" --force-depends --force-not-root ' +
    '--force-script-chrootless --log="$1/log"';
  const root = folder.file("root");
  await sh(
    folder.path,
    `mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates &&
     touch root/var/lib/dpkg/status && ${dpkg} --install "$2"`,
    root,
    DEB,
  );
  await assertInstalled(folder.path, `${root}/usr`);
  const before = await filesIn(`${root}/usr`);
  await sh(
    folder.path,
    `dpkg-deb --raw-extract "$2" next && rm next/DEBIAN/conffiles &&
     rm next/usr/share/doc/fifobus/SECURITY.md &&
     sed -i "s/^Version: .*/Version: 99.0-1/" next/DEBIAN/control &&
     dpkg-deb --build -Znone next next.deb && ${dpkg} --install next.deb`,
    root,
    DEB,
  );
  const [status] = await linesOf([
    ...["dpkg-query", `--admindir=${root}/var/lib/dpkg`] as const,
    ...["--show", "--showformat=${Version} ${db:Status-Abbrev}", "fifobus"],
  ]);
  assertEquals(status, "99.0-1 ii ");
  assertEquals((await filesIn(`${root}/usr`)).length, before.length - 1);
  await sh(folder.path, `${dpkg} --purge fifobus`, root);
  assertEquals(await linesOf(["find", root, "-path", "*/usr/*"]), []);
  await sh(folder.path, 'lintian --allow-root --fail-on error "$1"', DEB);
});

Deno.test("the .rpm is installed, verified and removed", async () => {
  await using folder = new Folder();
  const rpm = 'rpm --root "$1" --dbpath /rpmdb --nodeps';
  const root = folder.file("root");
  await sh(folder.path, `mkdir root && ${rpm} --upgrade "$2"`, root, RPM);
  await assertInstalled(folder.path, `${root}/usr`);
  await sh(folder.path, `${rpm} --verify fifobus`, root);
  await sh(folder.path, `${rpm} --upgrade --force "$2"`, root, RPM);
  assert((await filesIn(`${root}/usr`)).length > 50);
  await sh(folder.path, `${rpm} --erase fifobus`, root);
  // The folders of others stay.
  assertEquals(await filesIn(`${root}/usr`), []);
  assertEquals(await linesOf(["find", root, "-name", "fifobus"]), []);
});

Deno.test("Homebrew's formula is Ruby", async () => {
  const printed = await sh(DIST, "ruby -c fifobus.rb");
  assertEquals(printed, "Syntax OK\n");
});

Deno.test("the package of the flake is built, and works", async () => {
  await using folder = new Folder();
  const built = await sh(
    folder.path,
    `mkdir nix && export NIX_REMOTE=local HOME="$PWD/nix" &&
     export NIX_STORE_DIR="$HOME/store" NIX_STATE_DIR="$HOME/state" &&
     NIX_LOG_DIR="$HOME/log" nix-build --quiet --no-out-link "$1" \
       --option substituters "" --option build-users-group "" \
       --option sandbox false --argstr path "$PATH" \
       --arg flake "$2/flake.nix" --arg tarball "$2/$3" &&
     chmod -R u+w nix`,
    `${ROOT}.ci/packages/nixpkgs.nix`,
    DIST,
    `${NAME}-deno.tar.gz`,
  );
  await assertInstalled(folder.path, built.trim());
});

Deno.test("makepkg makes a package, which pacman installs, verifies and removes", async () => {
  await using folder = new Folder();
  // It refuses to run as root.
  const user = Deno.uid() === 0 ? "setpriv --reuid=65534 --clear-groups" : "";
  await sh(
    folder.path,
    `shellcheck --shell=bash --exclude=SC2034,SC2154,SC2164 "$1/PKGBUILD" &&
     mkdir --mode=777 build && cd build && cp "$1/PKGBUILD" "$1/$2" . &&
     chmod 644 * && chmod 755 .. && export HOME=$PWD PKGEXT=.pkg.tar.gz &&
     ${user} makepkg --nodeps --noprogressbar`,
    DIST,
    `${NAME}-deno.tar.gz`,
  );
  const root = folder.file("root");
  const pacman = 'pacman --root "$1" --dbpath "$1/db" --noconfirm';
  const install = `mkdir -p root/db && ${pacman} -Udd build/*.pkg.tar.gz`;
  await sh(folder.path, install, root);
  await assertInstalled(folder.path, `${root}/usr`);
  const checked = await sh(folder.path, `${pacman} -Qkk fifobus`, root);
  assertMatch(checked, / 0 altered files/);
  await sh(folder.path, `${pacman} -R fifobus`, root);
  assertEquals(await linesOf(["find", root, "-path", "*/usr/*"]), []);
});

Deno.test("hadolint finds no fault in the Dockerfile", async () => {
  assertEquals(await sh(DIST, "hadolint Dockerfile"), "");
});

const noBuilder = await missingOf(["buildah", "mmdebstrap", "runc"]);
if (Deno.uid() !== 0) noBuilder.push("root");

Deno.test({
  name: "containers of the Dockerfile's image share a bus, without a network" +
    (noBuilder.length > 0 ? ` (needs ${noBuilder.join(" and ")})` : ""),
  // It takes half a minute, so .ci/run does not install a builder.
  ignore: noBuilder.length > 0,
  async fn() {
    await using folder = new Folder();
    const buildah =
      'buildah --root "$PWD/images" --runroot "$PWD/run" --storage-driver overlay';
    // Debian's own packages, under the name of the image that Docker would pull.
    const base = `base=$(${buildah} from scratch)
      mmdebstrap --quiet --variant=minbase "$2" "$(${buildah} mount "$base")"
      ${buildah} commit --quiet "$base" "docker.io/library/debian:$2-slim"`;
    const build = `${buildah} bud --quiet --isolation chroot --pull=never \
      --tag fifobus "$1"`;
    const run = `mkdir bus && chown 1000 bus
      publisher=$(${buildah} from --pull=never fifobus)
      subscriber=$(${buildah} from --pull=never fifobus)
      run="run --runtime runc --isolation oci --network none -v $PWD/bus:/bus"
      ${buildah} $run "$publisher" -- \
        pub --wait --timeout 20s news/today hello &
      ${buildah} $run "$subscriber" -- sub -v -C 1 --timeout 20s 'news/#'
      wait $!
      ${buildah} $run "$subscriber" -- ls /sys/class/net`;
    const dockerfile = await Deno.readTextFile(`${DIST}/Dockerfile`);
    const [, suite] = /^FROM debian:(\w+)-slim$/m.exec(dockerfile)!;
    try {
      await sh(folder.path, `${base}\n${build}`, DIST, suite!);
      const printed = await sh(folder.path, run);
      assertEquals(printed, "news/today\thello\nlo\n");
    } finally {
      // Its mounts would keep the folder from being removed.
      await sh(folder.path, `${buildah} rm --all`);
    }
  },
});

Deno.test("the bill of materials has each package once, with the sum of deno.lock", async () => {
  const bill = JSON.parse(
    await Deno.readTextFile(`${DIST}/${NAME}.cdx.json`),
  );
  const { npm } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const refs: string[] = [];
  for (const { "bom-ref": ref, purl, hashes } of bill.components) {
    refs.push(ref);
    if (!purl.startsWith("pkg:npm/")) continue;
    const sum = Uint8Array.fromHex(hashes[0].content).toBase64();
    assertEquals(npm[purl.slice("pkg:npm/".length)].integrity, `sha512-${sum}`);
  }
  assertEquals(new Set(refs).size, refs.length);
  for (const name of ["mqtt", "deno-std", "uplot", "ws"]) {
    assert(refs.some((it) => it.startsWith(`pkg:npm/${name}@`)), name);
  }
  // Only the tests use them.
  assert(!refs.some((it) => /aedes|playwright|axe/.test(it)));
  for (const { ref, dependsOn } of bill.dependencies) {
    assert(ref === bill.metadata.component["bom-ref"] || refs.includes(ref));
    for (const used of dependsOn) assert(refs.includes(used), used);
  }
  assertMatch(bill.metadata.timestamp, /^\d{4}-\d\d-\d\dT/);
});
