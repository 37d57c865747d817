/**
 * Calling what a user of the library has given us to call.
 *
 * @module
 */

/**
 * Tells a callback something. What it throws is its own affair: it must neither
 * end whoever tells it, nor keep them from going on.
 *
 * @param callback The callback, if there is one; it may be asynchronous.
 * @param value What it is told.
 */
export function tell<T>(
  callback: ((value: T) => unknown) | undefined,
  value: T,
): void {
  try {
    const told = callback?.(value);
    if (told instanceof Promise) told.catch(() => {});
  } catch {
    // See above.
  }
}
