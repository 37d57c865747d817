/**
 * Shows a message whole: JSON indented, bytes in hexadecimal.
 *
 * @module
 */
import { visible } from "../output.ts";
import { wrap } from "./cells.ts";
import { isBinary } from "./content.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Strings, punctuation, and what is between. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

const HEX_BYTES = 16;

/**
 * Returns the lines of a message.
 *
 * @param bytes The message.
 * @param width How wide the lines may be.
 * @param most How many lines are wanted at most.
 * @returns The lines, without control characters.
 */
export function linesOf(
  bytes: Uint8Array,
  width: number,
  most: number,
): string[] {
  const text = decoder.decode(bytes);
  if (isBinary(text)) return hexOf(bytes, most);
  const shown = isJson(text) ? indented(text, width) : text.split(/\r?\n/);
  const lines: string[] = [];
  for (const line of shown) {
    if (lines.length >= most) break;
    const safe = visible(line.replaceAll("\t", "    "));
    lines.push(...wrap(safe, width, most - lines.length));
  }
  return lines;
}

function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What fits on a line stays on one. Numbers stay as they were written. */
function indented(text: string, width: number): string[] {
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;
  /** The text of a value on one line. */
  const flat = (from: number): { text: string; end: number } => {
    let depth = 0;
    let shown = "";
    for (let i = from; i < tokens.length; i++) {
      const token = tokens[i]!;
      if (/^[{[]$/.test(token)) depth++;
      if (/^[}\]]$/.test(token)) depth--;
      shown += token === "," || token === ":" ? `${token} ` : token;
      if (depth === 0) return { text: shown, end: i + 1 };
      if (shown.length > width) break;
    }
    return { text: shown, end: -1 };
  };
  const lines: string[] = [];
  const add = (start: string, indent: string): void => {
    const { text: whole, end } = flat(at);
    const isOpening = /^[{[]$/.test(tokens[at]!);
    if (!isOpening || end > 0 && start.length + whole.length < width) {
      lines.push(start + whole);
      at = end;
      return;
    }
    lines.push(start + tokens[at++]);
    const inner = `${indent}  `;
    while (!/^[}\]]$/.test(tokens[at]!)) {
      let head = inner;
      if (tokens[at + 1] === ":") {
        head += `${tokens[at]}: `;
        at += 2;
      }
      add(head, inner);
      if (tokens[at] === ",") {
        lines[lines.length - 1] += ",";
        at++;
      }
    }
    lines.push(indent + tokens[at++]);
  };
  add("", "");
  return lines;
}

function hexOf(bytes: Uint8Array, most: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < most; at += HEX_BYTES) {
    const part = bytes.subarray(at, at + HEX_BYTES);
    const hex = Array.from(part, (it) => it.toString(16).padStart(2, "0"));
    const text = Array.from(
      part,
      (it) => it >= 0x20 && it < 0x7f ? String.fromCharCode(it) : ".",
    );
    const place = at.toString(16).padStart(8, "0");
    lines.push(`${place}  ${hex.join(" ").padEnd(47)}  ${text.join("")}`);
  }
  return lines;
}
