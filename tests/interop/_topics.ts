/**
 * Topics and filters that a program could get wrong.
 *
 * @module
 */

/** Topics that a shell, a regular expression or a URL could misread. */
export const ODD_TOPICS = [
  "a/b",
  "warehouse/A1/Temperature",
  "aa:bb:cc/rssi",
  "two words",
  "küche/t",
  "東京/🌡️",
  "rack(1)/t",
  "a*b",
  "?",
  "[ab]/^.$",
  "a,b;c&d|e",
  "100%/%2F/%41",
  "user@host/x",
  "'quoted' \"twice\" `date` $HOME \\n",
  "~",
  "-n",
  "--help",
  ".hidden",
  "..",
  "a/",
  "$SYS/load",
  "<a>={b}!",
  // Not control characters, although some locales take them for one.
  "line\u2028separator/no\u00a0break",
];

/** Filters, and the topics that they must and must not get. */
export const FILTERS: [filter: string, gets: string[], not: string[]][] = [
  ["#", ["a", "a/b", "/", ".a/b"], ["$SYS/a"]],
  ["+/b", ["a/b", "/b"], ["$a/b", "b", "a/b/c"]],
  ["a/#", ["a", "a/", "a/b/c"], ["A", "A/b", "ab"]],
  ["+", ["a", "küche"], ["a/b", "/", "$a"]],
  ["a/+/c", ["a//c", "a/é/c"], ["a/c", "a/b/b/c"]],
  ["+/+", ["/", "a/"], ["a", "$a/b"]],
  [".h/+", [".h/x"], ["h/x", "xh/x"]],
  ["$SYS/#", ["$SYS/a", "$SYS"], ["SYS/a"]],
  ["a.c", ["a.c"], ["abc"]],
];
