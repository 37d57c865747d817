// Runs in the browser: see page.ts.

/**
 * Makes control characters visible, and characters that turn text around. A
 * browser would obey them or leave them out.
 */
export function readable(text) {
  return text.replaceAll(
    /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu,
    (it) => {
      const code = it.codePointAt(0);
      if (code < 0x80) return `^${String.fromCodePoint(code ^ 0x40)}`;
      return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    },
  );
}
