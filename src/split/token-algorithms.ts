/** Signature algorithms of JSON Web Tokens (RFC 7518 section 3, RFC 8037) in the words of node:crypto. */
import { constants, type KeyObject, type SignKeyObjectInput } from "node:crypto";

export interface VerifyOptions {
  /** Null: the key's own (EdDSA). */
  readonly hash: string | null;
  readonly with: Pick<SignKeyObjectInput, "padding" | "saltLength" | "dsaEncoding">;
}

const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const ecdsa = { dsaEncoding: "ieee-p1363" } as const;

/** `none` and shared secrets (HS256 ...) are not among them: whoever could verify could sign. */
const algorithms: ReadonlyMap<string, VerifyOptions & { readonly type: string; readonly curve?: string }> = new Map([
  ["RS256", { hash: "sha256", with: pkcs1, type: "rsa" }],
  ["RS384", { hash: "sha384", with: pkcs1, type: "rsa" }],
  ["RS512", { hash: "sha512", with: pkcs1, type: "rsa" }],
  ["PS256", { hash: "sha256", with: pss, type: "rsa" }],
  ["PS384", { hash: "sha384", with: pss, type: "rsa" }],
  ["PS512", { hash: "sha512", with: pss, type: "rsa" }],
  ["ES256", { hash: "sha256", with: ecdsa, type: "ec", curve: "prime256v1" }],
  ["ES384", { hash: "sha384", with: ecdsa, type: "ec", curve: "secp384r1" }],
  ["ES512", { hash: "sha512", with: ecdsa, type: "ec", curve: "secp521r1" }],
  ["EdDSA", { hash: null, with: {}, type: "ed25519" }],
  // RFC 9864 names the curve.
  ["Ed25519", { hash: null, with: {}, type: "ed25519" }],
]);

export const verifyOptions = (alg: string): VerifyOptions | undefined => algorithms.get(alg);

/** Whether a key is of the kind that the algorithm needs. */
export function fits(alg: string, key: KeyObject): boolean {
  const algorithm = algorithms.get(alg);
  if (algorithm === undefined || key.asymmetricKeyType !== algorithm.type) return false;
  return algorithm.curve === undefined || key.asymmetricKeyDetails?.namedCurve === algorithm.curve;
}
