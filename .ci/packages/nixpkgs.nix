# Builds the default package of flake.nix without a network: as much of nixpkgs as
# the flake uses, with the programs of this system.
{ flake, tarball, path }:
let
  system = builtins.currentSystem;
  lib = {
    genAttrs = names: make:
      builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
    makeBinPath = _: path;
    licenses.mit = "MIT";
  };
  pkgs = {
    coreutils = null;
    deno = null;
    # What wrapProgram of the real one does, with --prefix PATH : DIRECTORIES.
    makeWrapper = ''
      wrapProgram() {
        mv "$1" "''${1%/*}/.''${1##*/}-wrapped"
        printf '#!/bin/sh\nPATH=%s:$PATH exec "%s" "$@"\n' \
          "$4" "''${1%/*}/.''${1##*/}-wrapped" > "$1"
        chmod +x "$1"
      }
    '';
    # It refuses a tarball that does not have the hash.
    fetchurl = { url, hash }:
      builtins.path {
        path = tarball;
        name = baseNameOf url;
        recursive = false;
        sha256 = hash;
      };
    stdenvNoCC.mkDerivation =
      { pname, version, src, nativeBuildInputs, installPhase, meta }:
      derivation {
        inherit system src installPhase;
        name = "${pname}-${version}";
        PATH = path;
        setup = builtins.concatStringsSep "\n" nativeBuildInputs;
        builder = "/bin/sh";
        args = [ "-euc" ''eval "$setup"; tar -xzf $src; cd */; eval "$installPhase"'' ];
      };
  };
  outputs = (import flake).outputs {
    nixpkgs = { inherit lib; legacyPackages.${system} = pkgs; };
  };
in outputs.packages.${system}.default
