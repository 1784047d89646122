import { describe, expect, it, test } from "vitest";
import { exportJWK, generateKeyPair, jwtVerify, SignJWT, type JWTPayload } from "jose";
import { claimsReader, tokensMax, type TokenSettings } from "../../src/split/token.ts";
import { fieldsOf } from "./fields.ts";

const nowMs = Date.UTC(2026, 10, 27, 12);
const now = nowMs / 1000;
const settings: Omit<TokenSettings, "keys"> = { issuer: "https://issuer.test", audience: "shop", clockToleranceMs: 30_000 };
const good: JWTPayload = { iss: "https://issuer.test", aud: "shop", exp: now + 600, plan: "pro" };

async function signer(alg: string, kid?: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), ...(kid === undefined ? {} : { kid }) };
  const sign = (payload: JWTPayload, header: object = {}): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), ...header }).sign(privateKey, { crit: { x: true } });
  return { jwk, sign, publicKey };
}

const read = (token: string, keys: readonly object[], at = nowMs, parts: Partial<TokenSettings> = {}) =>
  claimsReader({ ...settings, ...parts, keys: keys as TokenSettings["keys"] })(fieldsOf(["authorization", `Bearer ${token}`]), at);

const rs = await signer("RS256", "one");
const es = await signer("ES256", "two");

describe("a token that jose signed is believed, and one that was altered is not", () => {
  test.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"])("%s", { timeout: 60_000 }, async (alg) => {
    const { jwk, sign } = await signer(alg);
    const token = await sign(good);
    expect(read(token, [jwk])).toEqual(good);
    const [head, payload, signature] = token.split(".") as [string, string, string];
    const raised = Buffer.from(JSON.stringify({ ...good, plan: "root" })).toString("base64url");
    expect(read(`${head}.${raised}.${signature}`, [jwk])).toBeNull();
    expect(read(`${head}.${payload}.${Buffer.alloc(Buffer.from(signature, "base64url").length).toString("base64url")}`, [jwk])).toBeNull();
  });
});

describe("claims are those of jose's jwtVerify, or none where it refuses", () => {
  const cases: readonly [string, JWTPayload][] = [
    ["a good one", good], ["another issuer", { ...good, iss: "https://other.test" }], ["no issuer", { aud: "shop" }], ["another audience", { ...good, aud: "bank" }],
    ["one audience of several", { ...good, aud: ["bank", "shop"] }], ["no audience", { iss: "https://issuer.test" }], ["expired", { ...good, exp: now - 31 }],
    ["expired within the tolerance", { ...good, exp: now - 29 }], ["not yet valid", { ...good, nbf: now + 31 }], ["valid within the tolerance", { ...good, nbf: now + 29 }],
    ["without an end", { iss: "https://issuer.test", aud: "shop" }],
  ];
  test.each(cases)("%s", async (_what, payload) => {
    const token = await rs.sign(payload);
    const expected = await jwtVerify(token, rs.publicKey, { issuer: "https://issuer.test", audience: "shop", clockTolerance: 30, currentDate: new Date(nowMs) }).then((verified) => verified.payload, () => null);
    expect(read(token, [rs.jwk])).toEqual(expected);
  });
});

it("does not let the token choose what its key may verify", async () => {
  const token = await rs.sign(good);
  expect(read(token, [{ ...rs.jwk, alg: "PS256" }])).toBeNull();
  expect(read(token, [es.jwk])).toBeNull();
  const [, payload] = token.split(".") as [string, string];
  const none = `${Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url")}.${payload}.`;
  expect(read(none, [rs.jwk])).toBeNull();
  // The public key as a shared secret: the classic confusion of RS256 with HS256.
  const forged = await new SignJWT(good).setProtectedHeader({ alg: "HS256", kid: "one" }).sign(Buffer.from(JSON.stringify(rs.jwk)));
  expect(read(forged, [rs.jwk])).toBeNull();
});

it("holds a token against the key that it names, and one without a name against each that fits", async () => {
  expect(read(await es.sign(good), [rs.jwk, es.jwk])).toEqual(good);
  expect(read(await es.sign(good, { kid: "one" }), [rs.jwk, { ...es.jwk, kid: "two" }])).toBeNull();
  expect(read(await es.sign(good, { kid: undefined }), [rs.jwk, es.jwk])).toEqual(good);
});

it("refuses what has to be understood and is not, and what is no token", async () => {
  expect(read(await rs.sign(good, { crit: ["x"], x: 1 }), [rs.jwk])).toBeNull();
  const token = await rs.sign(good);
  for (const wrong of ["", "a", "a.b", `${token}.x`, `${token}=`, `.${token}`, token.slice(0, -4), "a.b.c.d.e", "ÿ.ÿ.ÿ"]) expect(read(wrong, [rs.jwk]), wrong).toBeNull();
  expect(claimsReader({ ...settings, keys: [rs.jwk] as never })(fieldsOf(["authorization", `Basic ${token}`]), nowMs)).toBeNull();
  expect(claimsReader({ ...settings, keys: [rs.jwk] as never })(fieldsOf(), nowMs)).toBeNull();
});

it("forgets a remembered token's claims when it expires, and remembers a bounded number of tokens", { timeout: 60_000 }, async () => {
  const claimsOf = claimsReader({ ...settings, keys: [rs.jwk] as never });
  const fields = fieldsOf(["authorization", `Bearer ${await rs.sign(good)}`]);
  const at = (ms: number) => claimsOf(fields, nowMs + ms);
  expect([at(0), at(600_000 + 29_999)]).toEqual([good, good]);
  expect(at(600_000 + 30_000)).toBeNull();
  for (let i = 0; i < tokensMax + 10; i++) claimsOf(fieldsOf(["authorization", `Bearer a.${i}.c`]), nowMs);
  expect(at(0)).toEqual(good);
});
