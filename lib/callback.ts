/**
 * Calling the callbacks of the library's users.
 *
 * @module
 */

/**
 * Calls a callback and ignores its errors: they must neither end the caller nor
 * stop its work.
 *
 * @param callback The callback, if there is one; it may be asynchronous.
 * @param value The value to pass to it.
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
