import { createPublicKey } from "node:crypto";
import type { ConfigPath, Finding } from "./problem.ts";

const kinds: Readonly<Record<string, readonly string[] | null>> = { RSA: null, EC: ["P-256", "P-384", "P-521"], OKP: ["Ed25519"] };
const rsaBitsMin = 2_048;

/** Keys that no token could be held against, or that should never have come here. Their values are never repeated: they may be secret. */
export function jwkFindings(keys: readonly Readonly<Record<string, unknown>>[], at: ConfigPath): Finding[] {
  return keys.flatMap((key, index): Finding[] => {
    const found = (name: string, message: string, remedy: string): Finding[] => [{ path: [...at, index, name], message, remedy, atKey: true }];
    const { kty } = key;
    if (kty === "oct") return found("kty", "is a shared secret, which whoever reads this document could sign with", "Use the issuer's public keys: RSA, EC or OKP");
    if (typeof kty !== "string" || !Object.hasOwn(kinds, kty)) return found("kty", "is not a kind of public key", "Write RSA, EC or OKP, as the issuer's JWKS has it");
    if (key["d"] !== undefined) return found("d", "is a private key", "Remove it, and take the public key from the issuer's JWKS; whoever has seen this document can sign tokens");
    const curves = kinds[kty];
    if (curves && !curves.includes(String(key["crv"]))) return found("crv", "is not a curve that tokens are verified with", `Write ${curves.join(" or ")}`);
    if (keys.slice(0, index).some((other) => other["kid"] !== undefined && other["kid"] === key["kid"])) return found("kid", "is the identifier of an earlier key", "Give each key its own");
    return importFindings(key, [...at, index]);
  });
}

function importFindings(key: Readonly<Record<string, unknown>>, path: ConfigPath): Finding[] {
  const malformed = "is not a well-formed public key";
  const remedy = "Copy the key whole from the issuer's JWKS";
  try {
    const bits = createPublicKey({ key: key, format: "jwk" }).asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < rsaBitsMin ? [{ path: [...path, "n"], message: `has ${bits} bits`, remedy: `Use a key of ${rsaBitsMin} bits or more (RFC 7518 section 3.3)`, atKey: true }] : [];
  } catch {
    return [{ path: [...path, "kty"], message: malformed, remedy, atKey: true }];
  }
}
