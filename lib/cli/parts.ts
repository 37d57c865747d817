/**
 * The files of a record: one file, or numbered parts beside it.
 *
 * @module
 */

/** Digits enough for a part each second over 31 years, so that parts sort. */
const DIGITS = 9;

/** A part of a record. */
export interface Part {
  /** Its path. */
  path: string;
  /** Its number: 1 for the first part. */
  number: number;
}

/**
 * Returns the path of a part.
 *
 * @param record The path of the record.
 * @param number The number of the part.
 * @returns Its path, which sorts behind the parts before it.
 */
export function partPath(record: string, number: number): string {
  return `${record}.${String(number).padStart(DIGITS, "0")}`;
}

/**
 * Finds the parts of a record.
 *
 * @param record The path of the record.
 * @returns Its parts, in order, compressed parts too.
 */
export function partsOf(record: string): Part[] {
  const slash = record.lastIndexOf("/");
  const folder = slash < 0 ? "." : record.slice(0, slash + 1);
  const name = record.slice(slash + 1);
  const parts: Part[] = [];
  for (const entry of entriesOf(folder)) {
    if (!entry.name.startsWith(`${name}.`)) continue;
    const [, number] = /^([0-9]{9,15})(?:\.gz)?$/
      .exec(entry.name.slice(name.length + 1)) ?? [];
    if (number === undefined) continue;
    const path = record.slice(0, slash + 1) + entry.name;
    parts.push({ path, number: Number(number) });
  }
  return parts.sort((a, b) => a.number - b.number);
}

function entriesOf(folder: string): Iterable<Deno.DirEntry> {
  try {
    return Deno.readDirSync(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
