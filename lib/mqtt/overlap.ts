/**
 * Topic filters that match the same topics: the broker may send a message once
 * for each of them, MQTT 5, section 3.3.4.
 *
 * @module
 */

/**
 * Leaves out filters of which another one matches all topics.
 *
 * @param filters The filters; the shared ones stay.
 * @returns The other filters, in order.
 */
export function withoutCovered(filters: string[]): string[] {
  return filters.filter((filter) =>
    isShared(filter) ||
    !filters.some((other) => other !== filter && covers(other, filter))
  );
}

/**
 * Tells whether a topic can match two of the filters.
 *
 * @param filters The filters; those that are shared do not count.
 * @returns Whether there is such a topic.
 */
export function haveOverlap(filters: string[]): boolean {
  const own = filters.filter((filter) => !isShared(filter));
  return own.some((one, i) =>
    own.slice(i + 1).some((other) => overlap(one.split("/"), other.split("/")))
  );
}

/**
 * Chooses identifiers for subscriptions. Other filters have others, so that a
 * message is known that waited in a session for the filters of an earlier run.
 *
 * @param filters The filters.
 * @returns The identifier of each: 1 to 2 ** 28 - 1.
 */
export function identify(filters: string[]): Map<string, number> {
  const all = JSON.stringify(filters);
  return new Map(filters.map((filter) => {
    // FNV-1a, of 32 bits.
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(filter + all)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    return [filter, (hash >>> 4) || 1];
  }));
}

/** The others of a group may get the message that a shared filter matches. */
function isShared(filter: string): boolean {
  return filter.startsWith("$share/");
}

function covers(wide: string, narrow: string): boolean {
  if (narrow.startsWith("$") && /^[+#]/.test(wide)) return false;
  const wanted = wide.split("/");
  const levels = narrow.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    // In the narrow filter # stands for no level as well.
    if (i >= levels.length || levels[i] === "#") return false;
    if (level !== "+" && level !== levels[i]) return false;
  }
  return wanted.length === levels.length;
}

function overlap(one: string[], other: string[]): boolean {
  const [a, b] = [one[0]!, other[0]!];
  // A wildcard at the start does not match a dollar sign.
  const isReserved = a.startsWith("$") || b.startsWith("$");
  if (isReserved && a !== b) return false;
  for (let i = 0;; i++) {
    const [a, b] = [one[i], other[i]];
    if (a === "#" || b === "#" || a === undefined && b === undefined) {
      return true;
    }
    if (a === undefined || b === undefined) return false;
    if (a !== b && a !== "+" && b !== "+") return false;
  }
}
