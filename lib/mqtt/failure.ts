/**
 * Readable reasons for a failed connection to a broker.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { isUnauthorized, reasonFor } from "./codes.ts";

/** Patterns of the system's error texts, and what they mean. */
const REASONS: [RegExp, string][] = [
  [/ECONNREFUSED|refused/i, "connection refused: nothing listens there"],
  [/ENOTFOUND|EAI_|lookup|not known/i, "there is no such host"],
  [/ETIMEDOUT|connack timeout|timed out/i, "no answer"],
  [/EHOSTUNREACH|ENETUNREACH|unreachable/i, "no way to that host"],
  [
    /EINVAL/,
    "the system cannot connect there; link-local addresses are not possible",
  ],
  [/ECONNRESET|reset/i, "the other side ended the connection"],
  [
    /alert.*Certificate ?Required/i,
    "it wants a certificate: { cert } and { key }",
  ],
  [/alert.*(Certificate|Unknown ?CA)/i, "it does not trust our certificate"],
  [/has expired|certificate: Expired/i, "its certificate has expired"],
  [/ALTNAME|NotValidForName/i, "its certificate is for another host"],
  [
    // Deno says no more than this of a certificate that has expired.
    /UNABLE_TO_VERIFY/,
    "its certificate is not trusted: { ca } is for the authority that signed " +
    "it; or it has expired",
  ],
  [
    /peer certificate|UnknownIssuer|CertNotValid|self.signed/i,
    "its certificate is not trusted: { ca } is for the authority that signed it",
  ],
  [
    /UNSUPPORTED_PROTOCOL/i,
    "no TLS; perhaps { key } is not the key of { cert }",
  ],
  [/InvalidContentType|WRONG_VERSION|InvalidMessage/i, "it does not speak TLS"],
];

/**
 * Tells whether the broker wants another version of the protocol.
 *
 * @param error The error of the connection.
 * @returns Whether it does.
 */
export function isWrongVersion(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 1 || code === 132;
}

/**
 * Says why there is no connection.
 *
 * @param broker The broker, without secrets.
 * @param error The error of the connection.
 * @returns The error to throw.
 */
export function cannotConnect(broker: string, error: unknown): FifobusError {
  const { code, message } = error as { code?: unknown; message?: string };
  // MQTT.js has the reason code of CONNACK here, the system a word.
  const isRefused = typeof code === "number";
  const reason = isRefused ? reasonFor(code) : inWords(`${code} ${message}`);
  const kind = isRefused && isUnauthorized(code)
    ? "not_authorized"
    : "no_connection";
  const text = `Cannot connect to ${broker}: ${reason}`;
  return new FifobusError(kind, text, { cause: error });
}

function inWords(text: string): string {
  const [, reason] = REASONS.find(([pattern]) => pattern.test(text)) ?? [];
  return reason ?? text.replace(/^undefined /, "");
}
