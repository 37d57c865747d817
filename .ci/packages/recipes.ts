/**
 * Recipes by which package managers and Docker install fifobus.
 *
 * @module
 */
import { ABOUT } from "./contents.ts";

/** A file of the release that recipes fetch. */
export interface Source {
  /** Its name. */
  file: string;
  /** Its SHA-256 sum, in hexadecimal. */
  sha256: string;
}

/**
 * Writes the recipes.
 *
 * @param source The tarball for deno.
 * @returns The texts, by the names of their files.
 */
export function recipes(source: Source): Map<string, string> {
  return new Map([
    [`${ABOUT.name}.rb`, formula(source)],
    ["PKGBUILD", pkgbuild(source)],
    ["flake.nix", flake(source)],
    ["Dockerfile", dockerfile()],
  ]);
}

const { name, version, license, summary, homepage } = ABOUT;
const sentence = summary[0]!.toUpperCase() + summary.slice(1);

function url(file: string): string {
  return `${homepage}/releases/download/v${version}/${file}`;
}

/** For a tap of Homebrew. */
function formula({ file, sha256 }: Source): string {
  return `class ${name[0]!.toUpperCase()}${name.slice(1)} < Formula
  desc "${sentence}"
  homepage "${homepage}"
  url "${url(file)}"
  version "${version}"
  sha256 "${sha256}"
  license "${license}"

  depends_on "deno"

  def install
    prefix.install "bin", "lib", "share"
  end

  test do
    ENV["FIFOBUS_DIR"] = (testpath/"bus").to_s
    system bin/"pub", "--retain", "news", "hello"
    assert_equal "hello\\n", shell_output("#{bin}/sub --retained-only news")
  end
end
`;
}

/** For the user repository of Arch Linux. */
function pkgbuild({ file, sha256 }: Source): string {
  const folder = file.replace(/\.tar\.gz$/, "");
  return `# Maintainer: ${ABOUT.maintainer}
pkgname=${name}
pkgver=${version}
pkgrel=1
pkgdesc='${sentence}'
arch=(any)
url='${homepage}'
license=(${license})
depends=(coreutils deno)
source=("${url(file)}")
sha256sums=(${sha256})

package() {
  cd ${folder}
  install -d "$pkgdir/usr"
  cp -r bin lib share "$pkgdir/usr"
  install -D -m 644 share/doc/${name}/LICENSE -t "$pkgdir/usr/share/licenses/${name}"
}
`;
}

/** For Nix: \`nix run URL#pub\`. */
function flake({ file, sha256 }: Source): string {
  const hash = btoa(String.fromCharCode(...Uint8Array.fromHex(sha256)));
  return `{
  description = "${sentence}";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { nixpkgs, ... }:
    let
      inherit (nixpkgs) lib;
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
    in {
      packages = lib.genAttrs systems (system:
        let pkgs = nixpkgs.legacyPackages.\${system};
        in {
          default = pkgs.stdenvNoCC.mkDerivation {
            pname = "${name}";
            version = "${version}";
            src = pkgs.fetchurl {
              url = "${url(file)}";
              hash = "sha256-${hash}";
            };
            nativeBuildInputs = [ pkgs.makeWrapper ];
            installPhase = \'\'
              mkdir $out
              cp -r bin lib share $out
              for program in pub sub; do
                wrapProgram $out/bin/$program \\
                  --prefix PATH : \${lib.makeBinPath [ pkgs.coreutils pkgs.deno ]}
              done
            \'\';
            meta = {
              description = "${sentence}";
              homepage = "${homepage}";
              license = lib.licenses.mit;
              mainProgram = "pub";
            };
          };
        });
    };
}
`;
}

/** For an image, beside the .deb files. */
function dockerfile(): string {
  return `# The bus is the volume /bus, which containers share; nothing listens on a port:
#
#     docker build --tag ${name} .        # in the folder of the release
#     docker run --rm --network none -v bus:/bus ${name} sub 'news/#'
#     docker run --rm --network none -v bus:/bus ${name} pub --wait news/today hello
FROM debian:trixie-slim
ARG TARGETARCH
RUN --mount=type=bind,target=/release \\
    dpkg --install "/release/${name}_${version}-1_$TARGETARCH.deb" && \\
    useradd --uid 1000 ${name} && \\
    install --directory --mode=700 --owner=${name} --group=${name} /bus
USER 1000
ENV FIFOBUS_DIR=/bus
VOLUME /bus
CMD ["sub", "--help"]
`;
}
