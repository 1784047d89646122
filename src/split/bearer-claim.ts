import { isUtf8 } from "node:buffer";

/** Of the whole token. A longer one has no claims here: what an unverified sender makes us parse stays bounded. */
export const jwtBytesMax = 8_192;

const scheme = "bearer ";
const base64url = /^[A-Za-z0-9_-]+$/;

/**
 * Reads one claim of a signed JWT (RFC 7519, compact form) from an Authorization value. The signature is NOT checked:
 * whoever sends the request chooses the answer, so it may decide which version serves, and nothing else.
 *
 * @param claim a top-level member of the payload, by its exact name
 * @returns a string, or an integer in decimal; undefined for anything else, an empty string and a malformed token included
 */
export function bearerClaim(authorization: string, claim: string): string | undefined {
  if (authorization.length > scheme.length + jwtBytesMax) return undefined;
  if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) return undefined;
  const payloadStart = authorization.indexOf(".", scheme.length) + 1;
  if (payloadStart <= scheme.length + 1) return undefined;
  const payloadEnd = authorization.indexOf(".", payloadStart);
  // Three parts are a signed token; five are an encrypted one, whose second part is no payload.
  if (payloadEnd < 0 || authorization.includes(".", payloadEnd + 1)) return undefined;
  return claimOf(authorization.slice(payloadStart, payloadEnd), claim);
}

function claimOf(encoded: string, claim: string): string | undefined {
  if (!base64url.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, "base64url");
  if (!isUtf8(bytes)) return undefined;
  const payload = parseJson(bytes.toString("utf8"));
  // `Object.hasOwn`: a claim named like a member of Object.prototype is absent unless the token carries it.
  if (typeof payload !== "object" || payload === null || Array.isArray(payload) || !Object.hasOwn(payload, claim)) return undefined;
  const value = (payload as Record<string, unknown>)[claim];
  if (typeof value === "string") return value !== "" && value.isWellFormed() ? value : undefined;
  // Above 2^53 an integer reads differently in different languages, so it names no user.
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A malformed token is the same as none: the next source is asked, and the service refuses the token itself.
    return undefined;
  }
}
