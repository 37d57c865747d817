/**
 * Writes completions for the shells from the table of options.
 *
 * @module
 */
import type { Option } from "./table.ts";
import type { SHELLS, Usage } from "./usage.ts";

/** A shell that has completions. */
export type Shell = typeof SHELLS[number];

/**
 * Writes completions.
 *
 * @param shell The shell.
 * @param usage The program.
 * @returns A script that the shell sources.
 */
export function completionsFor(shell: Shell, usage: Usage): string {
  return { bash, zsh, fish }[shell](usage);
}

/** Tells what an option's value can be: words, a file, or anything. */
function valueOf({ takes }: Option): string[] | "file" | "any" {
  if (takes?.choices) return [...takes.choices];
  return takes?.placeholder === "FILE" ? "file" : "any";
}

/**
 * Writes the command that lists the topics with subscribers. `pub` cannot
 * publish to a filter with wildcards or to a group, so its list omits them.
 */
function topicsOf(name: string): string {
  const list = "sub --list 2>/dev/null | cut -f1";
  return name === "pub" ? `${list} | sed '/[+#]/d;/^.share/d'` : list;
}

/**
 * The script works in bash 3.2, which macOS has and which lacks mapfile and
 * compopt. It compares topics itself, because compgen -W would run a `$(…)` in
 * a topic. If it offers no word, bash completes and quotes file names itself.
 */
function bash({ name, options }: Usage): string {
  const words: string[] = [];
  const cases: string[] = [];
  const files: string[] = [];
  const others: string[] = [];
  for (const [long, option] of Object.entries(options)) {
    const spaced = option.takes && option.bare === undefined;
    words.push(`--${long}${option.bare === undefined ? "" : "="}`);
    if (option.short) words.push(`-${option.short}`);
    if (!spaced) continue;
    const value = valueOf(option);
    const names = option.short ? `--${long} | -${option.short}` : `--${long}`;
    if (value === "file") files.push(names);
    else if (value === "any") others.push(names);
    else cases.push(`    ${names}) words="${value.join(" ")}" ;;`);
  }
  return `# Completions of ${name} for bash: eval "$(${name} --completions bash)"
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local words= line
  COMPREPLY=()
  # --option=value is three words
  [[ $prev != = ]] || prev=\${COMP_WORDS[COMP_CWORD-2]}
  [[ $cur != = ]] || { prev=\${COMP_WORDS[COMP_CWORD-1]}; cur=; }
  case $prev in
${cases.join("\n")}
    ${files.join(" | ")}) return ;;
    ${others.join(" | ")})
      compopt +o default 2>/dev/null
      return
      ;;
  esac
  if [[ -z $words && $cur == -* ]]; then
    words="${words.join(" ")}"
  fi
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    [[ \${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
    return
  fi
  case $cur in
    [./~]*) ;;
    *)
      while IFS= read -r line; do
        [[ $line != "$cur"* ]] || COMPREPLY+=("$(printf %q "$line")")
      done < <(${topicsOf(name)})
      ;;
  esac
}
complete -o bashdefault -o default -F _${name} ${name}
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
# Completions of ${name} for zsh: source <(${name} --completions zsh), or this as
# a file _${name} in a folder of $fpath.
_${name}_addresses() {
  local -a topics
  topics=(\${(f)"$(${topicsOf(name)})"})
  _alternative 'topics:topic:compadd -a topics' 'files:file:_files'
}
_${name}() {
  _arguments -s -S \\
${specs.join(" \\\n")} \\
    '*:address:_${name}_addresses'
}
if [ "$funcstack[1]" = "_${name}" ]; then
  _${name} "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
  compdef _${name} ${name}
fi
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
complete -c ${name} -a "(${topicsOf(name)})" -d topic
`;
}
