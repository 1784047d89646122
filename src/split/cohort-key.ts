import { isUtf8 } from "node:buffer";
import type { Fields } from "../core/fields.ts";
import { bearerClaim } from "./bearer-claim.ts";
import { findCookie } from "./cookie.ts";

/** Of the key in UTF-8. A longer value is no key: it is never cut, for a cut would join users that differ behind it. */
export const cohortKeyBytesMax = 4_096;

/** Where a cohort key comes from; `src/config/` has the same type, compiled from `header:`, `cookie:`, `jwt:` and `ip`. */
export type CohortKeySource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "cookie"; readonly name: string }
  | { readonly kind: "jwt"; readonly claim: string }
  | { readonly kind: "ip" };

/**
 * Finds a request's cohort key.
 *
 * @param fields the request's; one latin1 character a byte, as every `Fields` gives them
 * @param clientIp the client's address in its canonical text, after trusted forwarding headers are applied
 * @returns never empty; undefined where no source has a key. Personal data: not for logs.
 */
export type CohortKeyResolver = (fields: Fields, clientIp: string) => string | undefined;

/** Compiles the sources once per snapshot. They are asked in order; an empty, overlong or malformed value is as good as none. */
export function compileCohortKey(sources: readonly CohortKeySource[]): CohortKeyResolver {
  const readers = sources.map(compileSource);
  if (readers.length === 1) {
    const only = readers[0]!;
    return (fields, clientIp) => bounded(only(fields, clientIp));
  }
  return (fields, clientIp) => {
    for (let i = 0; i < readers.length; i++) {
      const key = bounded(readers[i]!(fields, clientIp));
      if (key !== undefined) return key;
    }
    return undefined;
  };
}

function compileSource(source: CohortKeySource): CohortKeyResolver {
  switch (source.kind) {
    case "header": {
      const name = source.name.toLowerCase();
      return (fields) => decoded(fields.get(name));
    }
    case "cookie": {
      const nameAndEquals = `${source.name}=`;
      return (fields) => decoded(findCookie(fields, nameAndEquals));
    }
    case "jwt": {
      const { claim } = source;
      return (fields) => {
        const authorization = fields.get("authorization");
        return authorization === undefined ? undefined : bearerClaim(authorization, claim);
      };
    }
    case "ip":
      return (_fields, clientIp) => (clientIp.startsWith(mappedPrefix) ? clientIp.slice(mappedPrefix.length) : clientIp);
  }
}

/** A listener on `::` sees 192.0.2.1 as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2): the user is the same. */
const mappedPrefix = "::ffff:";

function bounded(key: string | undefined): string | undefined {
  if (key === undefined || key.length === 0 || key.length > cohortKeyBytesMax) return undefined;
  // A code unit takes three bytes at most, so the bytes of a short key need no counting.
  return key.length * 3 > cohortKeyBytesMax && Buffer.byteLength(key) > cohortKeyBytesMax ? undefined : key;
}

/**
 * Fields carry bytes, one a character, while a vector's key is text: bytes that are UTF-8 are read as such, so that
 * `Zoë` in a header is in the bucket that every other language computes for `Zoë`. Other bytes stay latin1.
 */
function decoded(value: string | undefined): string | undefined {
  if (value === undefined || value.length > cohortKeyBytesMax) return undefined;
  let i = 0;
  while (i < value.length && value.charCodeAt(i) < 0x80) i++;
  if (i === value.length) return value;
  for (; i < value.length; i++) if (value.charCodeAt(i) > 0xff) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}
