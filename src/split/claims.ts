/** Claims of a token that was verified (src/split/token.ts), as gates read them. */
import type { Fields } from "../core/fields.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** @returns null where the request carries no token that holds: none at all, a wrong signature, expired, another issuer */
export type ClaimsOf = (fields: Fields, nowMs: number) => Claims | null;

/** A claim may hold several texts (a list of groups), joined by this, which none of them holds. */
export const claimSeparator = "\u0000";

/** A claim as text: a string, a number or boolean in its usual form, of a list its texts joined; undefined for anything else. */
export function claimText(claims: Claims, name: string): string | undefined {
  // `Object.hasOwn`: a claim named like a member of Object.prototype is absent unless the token carries it.
  if (!Object.hasOwn(claims, name)) return undefined;
  const value = claims[name];
  return Array.isArray(value) ? listText(value) : scalarText(value);
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value.includes(claimSeparator) ? undefined : value;
  return typeof value === "boolean" || Number.isSafeInteger(value) ? String(value) : undefined;
}

function listText(values: readonly unknown[]): string | undefined {
  const texts = values.map(scalarText).filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : texts.join(claimSeparator);
}
