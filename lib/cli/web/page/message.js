// Runs in the browser. The server sends the text of its functions: see page.ts.
import { readable } from "./readable.js";

/** Shows a message whole: JSON that folds, bytes in hexadecimal, or text. */
export function messageBody({ message, base64 }) {
  const plain = document.createElement("pre");
  if (base64 !== undefined) {
    const text = atob(base64);
    plain.textContent = hexDump(text, 64 * 1024);
    return plain;
  }
  if (/^\s*[{[]/.test(message)) {
    try {
      // Numbers stay as they were written, if the browser tells.
      const exact = (_, value, { source } = {}) =>
        typeof value === "number" && source !== undefined
          ? Object.assign(new Number(value), { source })
          : value;
      const tree = document.createElement("div");
      tree.className = "json";
      tree.append(jsonTree("", JSON.parse(message, exact), 0));
      return tree;
    } catch {
      // It only looks like JSON.
    }
  }
  plain.textContent = message === "" ? "(empty)" : readable(message);
  return plain;
}

/** A value of JSON; objects and arrays fold. */
export function jsonTree(name, value, depth) {
  const line = document.createElement("div");
  const label = document.createElement("span");
  label.className = "name";
  label.textContent = name === "" ? "" : `${readable(name)}: `;
  const isNumber = value instanceof Number;
  if (isNumber || typeof value !== "object" || value === null) {
    const text = isNumber ? value.source : JSON.stringify(value);
    line.append(label, readable(text));
    return line;
  }
  const entries = Object.entries(value);
  const [start, end] = Array.isArray(value) ? "[]" : "{}";
  const size = `${entries.length} ${
    Array.isArray(value) ? "element" : "member"
  }${entries.length === 1 ? "" : "s"}`;
  const fold = document.createElement("details");
  fold.open = depth < 2;
  const head = document.createElement("summary");
  head.append(label, `${start} ${size} ${end}`);
  fold.append(head);
  // A message can be deeper than a browser can draw.
  const inner = depth < 100
    ? entries.map(([key, it]) => jsonTree(key, it, depth + 1))
    : ["…"];
  fold.append(...inner);
  return fold;
}

/** Bytes in lines of 16: place, hexadecimal, characters. */
export function hexDump(bytes, most) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const part = bytes.slice(at, at + 16);
    const hex = Array.from(
      part,
      (it) => it.charCodeAt(0).toString(16).padStart(2, "0"),
    ).join(" ");
    const text = part.replaceAll(/[^ -~]/g, ".");
    const place = at.toString(16).padStart(8, "0");
    lines.push(`${place}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > most) lines.push("…");
  return lines.join("\n");
}
