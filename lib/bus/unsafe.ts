/**
 * Why a folder cannot be the bus, in words.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";

/**
 * Says that a folder cannot be the bus.
 *
 * @param path The folder.
 * @param reason Why it cannot be the bus.
 * @param cause The system's error.
 * @returns The error to throw.
 */
export function unsafe(
  path: string,
  reason: string,
  cause?: unknown,
): FifobusError {
  return new FifobusError(
    "unsafe_bus",
    `Cannot use "${path}" as the bus: ${reason}`,
    { cause },
  );
}

/**
 * Says why the system does not let us use the folder of the bus.
 *
 * @param path The folder.
 * @param action The intended action: "make", "read".
 * @param error The system's error.
 * @returns The error to throw.
 */
export function refused(path: string, action: string, error: unknown): unknown {
  const { NotCapable, PermissionDenied } = Deno.errors;
  if (error instanceof NotCapable) return error;
  const reason = error instanceof PermissionDenied
    ? `no permission to ${action} it${ownerOf(path)}`
    : reasonOf(error);
  return unsafe(path, reason, error);
}

function ownerOf(path: string): string {
  try {
    const { uid } = Deno.lstatSync(path);
    return uid === Deno.uid() ? "" : `; it belongs to user ${uid}`;
  } catch {
    return "";
  }
}
