/**
 * Completions for the shells, written from the table of options.
 *
 * @module
 */
import type { Option } from "./table.ts";
import type { SHELLS, Usage } from "./usage.ts";

/** A shell that there are completions for. */
export type Shell = typeof SHELLS[number];

/**
 * Writes completions.
 *
 * @param shell For which shell.
 * @param usage What the program is.
 * @returns A script that the shell sources.
 */
export function completionsFor(shell: Shell, usage: Usage): string {
  return { bash, zsh, fish }[shell](usage);
}

/** What an option's value may be: words, a file, or anything. */
function valueOf({ takes }: Option): string[] | "file" | "any" {
  if (takes?.choices) return [...takes.choices];
  return takes?.placeholder === "FILE" ? "file" : "any";
}

function bash({ name, options }: Usage): string {
  const words: string[] = [];
  const cases: string[] = [];
  for (const [long, option] of Object.entries(options)) {
    const spaced = option.takes && option.bare === undefined;
    words.push(`--${long}${option.bare === undefined ? "" : "="}`);
    if (option.short) words.push(`-${option.short}`);
    if (!spaced) continue;
    const value = valueOf(option);
    const reply = value === "file"
      ? 'compgen -f -- "$cur"'
      : value === "any"
      ? ":"
      : `compgen -W "${value.join(" ")}" -- "$cur"`;
    const names = option.short ? `--${long} | -${option.short}` : `--${long}`;
    cases.push(`    ${names}) mapfile -t COMPREPLY < <(${reply}); return ;;`);
  }
  return `# Completions of ${name} for bash: eval "$(${name} --completions bash)"
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  case $prev in
${cases.join("\n")}
  esac
  case $cur in
    -*) mapfile -t COMPREPLY < <(compgen -W "${words.join(" ")}" -- "$cur") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
  esac
  [[ \${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}
complete -o filenames -F _${name} ${name}
`;
}

function zsh({ name, options }: Usage): string {
  const specs = Object.entries(options).map(([long, option]) => {
    const { takes, bare, short, many } = option;
    const help = option.help.replaceAll(/[[\]:\\]/g, "\\$&");
    const value = valueOf(option);
    const completer = value === "file"
      ? "_files"
      : value === "any"
      ? " "
      : `(${value.join(" ")})`;
    const argument = takes ? `:${takes.placeholder}:${completer}` : "";
    const optional = bare === undefined ? argument : `:${argument}`;
    const equals = !takes ? "" : bare === undefined ? "=" : "=-";
    const repeated = many ? "*" : "";
    const names = short
      ? `'${repeated}'{-${short},--${long}${equals}}'`
      : `'${repeated}--${long}${equals}`;
    return `    ${names}[${help.replaceAll("'", "'\\''")}]${optional}'`;
  });
  return `#compdef ${name}
# Completions of ${name} for zsh: source <(${name} --completions zsh)
_${name}() {
  _arguments -s -S \\
${specs.join(" \\\n")} \\
    '*:address:_files'
}
compdef _${name} ${name}
`;
}

function fish({ name, options }: Usage): string {
  const lines = Object.entries(options).map(([long, option]) => {
    const value = valueOf(option);
    const words = [`complete -c ${name}`];
    if (option.short) words.push(`-s ${option.short}`);
    words.push(`-l ${long}`);
    if (option.takes && option.bare === undefined) {
      words.push(value === "file" ? "-rF" : "-x");
      if (Array.isArray(value)) words.push(`-a '${value.join(" ")}'`);
    }
    words.push(`-d '${option.help.replaceAll(/['\\]/g, "\\$&")}'`);
    return words.join(" ");
  });
  return `# Completions of ${name} for fish: ${name} --completions fish | source
${lines.join("\n")}
`;
}
