/**
 * Verifies the bearer token of a request (RFC 7519, signed compact form of RFC 7515) against configured public keys, and gives its claims. At once, for the
 * request path: a signature costs 50 ... 200 us, so what a token said is remembered (decision 060).
 */
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import type { Fields } from "../core/fields.ts";
import { jwtBytesMax } from "./bearer-claim.ts";
import type { Claims, ClaimsOf } from "./claims.ts";
import { fits, verifyOptions } from "./token-algorithms.ts";

/** Tokens that are remembered, good and bad: with `jwtBytesMax` the bound of the memory, 8 MiB. */
export const tokensMax = 1_024;

export interface TokenSettings {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
  /** Null: anything. */
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly clockToleranceMs: number;
}

interface Key {
  readonly id: string | undefined;
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

/** What a token says if its time has come; times in milliseconds. */
interface Verified {
  readonly claims: Claims;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** @throws where a key is malformed: the configuration's checks have seen to that */
export function claimsReader(settings: TokenSettings): ClaimsOf {
  const keys = settings.keys.map((jwk): Key => ({ id: text(jwk["kid"]), algorithm: text(jwk["alg"]), key: createPublicKey({ key: jwk, format: "jwk" }) }));
  // Insertion order is age: who has not been asked for the longest is forgotten first.
  const known = new Map<string, Verified | null>();
  return (fields: Fields, nowMs: number): Claims | null => {
    const token = bearerToken(fields);
    if (token === undefined) return null;
    let verified = known.get(token);
    if (verified === undefined) {
      verified = verifyToken(token, keys, settings);
      if (known.size >= tokensMax) known.delete(known.keys().next().value!);
      known.set(token, verified);
    }
    return verified !== null && nowMs >= verified.fromMs && nowMs < verified.untilMs ? verified.claims : null;
  };
}

const scheme = "bearer ";

function bearerToken(fields: Fields): string | undefined {
  const authorization = fields.get("authorization");
  if (authorization === undefined || authorization.length > scheme.length + jwtBytesMax) return undefined;
  return authorization.slice(0, scheme.length).toLowerCase() === scheme ? authorization.slice(scheme.length).trim() : undefined;
}

function verifyToken(token: string, keys: readonly Key[], settings: TokenSettings): Verified | null {
  const [encodedHeader, encodedPayload, encodedSignature, ...more] = token.split(".");
  if (encodedHeader === undefined || encodedPayload === undefined || encodedSignature === undefined || more.length > 0) return null;
  const header = decodeObject(encodedHeader);
  const signature = decodeBase64url(encodedSignature);
  // `crit`: an extension that has to be understood (RFC 7515 section 4.1.11); `b64` is the only one there is, and not for tokens.
  if (header === null || signature === null || header["crit"] !== undefined) return null;
  const { alg, kid } = header;
  const options = typeof alg === "string" ? verifyOptions(alg) : undefined;
  if (options === undefined) return null;
  const signed = Buffer.from(`${encodedHeader}.${encodedPayload}`, "latin1");
  // The key says what it may verify, never the token alone (RFC 8725 section 3.1).
  const candidates = keys.filter(({ id, algorithm, key }) => (kid === undefined || id === undefined || id === kid) && (algorithm === undefined || algorithm === alg) && fits(alg as string, key));
  if (!candidates.some(({ key }) => verify(options.hash, signed, { key, ...options.with }, signature))) return null;
  const claims = decodeObject(encodedPayload);
  return claims === null ? null : within(claims, settings);
}

/** RFC 7519 section 4.1. A time that is no number, or an audience of another form, makes a token worth nothing. */
function within(claims: Claims, { issuer, audience, clockToleranceMs }: TokenSettings): Verified | null {
  const { iss, aud, exp, nbf } = claims;
  if (issuer !== null && iss !== issuer) return null;
  if (audience !== null && aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) return null;
  if ((exp !== undefined && !Number.isFinite(exp)) || (nbf !== undefined && !Number.isFinite(nbf))) return null;
  return {
    claims,
    fromMs: nbf === undefined ? Number.NEGATIVE_INFINITY : (nbf as number) * 1000 - clockToleranceMs,
    untilMs: exp === undefined ? Number.POSITIVE_INFINITY : (exp as number) * 1000 + clockToleranceMs,
  };
}

function decodeObject(encoded: string): Readonly<Record<string, unknown>> | null {
  const bytes = decodeBase64url(encoded);
  if (bytes === null) return null;
  try {
    const value = JSON.parse(utf8.decode(bytes)) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    // Not UTF-8, or not JSON: no token of anybody's whose key we have.
    return null;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decodeBase64url(encoded: string): Buffer | null {
  return /^[A-Za-z0-9_-]+$/.test(encoded) ? Buffer.from(encoded, "base64url") : null;
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
