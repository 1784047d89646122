import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it, test } from "vitest";
import { compileDynamic } from "../../src/config/compile-dynamic.ts";
import { dynamicSchema } from "../../src/config/dynamic-schema.ts";
import { linesOf, problemsOf } from "./problems-of.ts";

const route = {
  name: "shop", cohort: { key: ["header:x-user"] },
  variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }, { name: "v2" }],
};
const whole = { name: "new-checkout", route: "shop", variant: "v2", owner: "team-checkout", description: "d", ticket: "SHOP-1", created: "2026-11-01", sunset: "2027-02-01", criteria: "c" };
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = publicKey.export({ format: "jwk" });

const documentWith = (gate: object, parts: object = {}): string => JSON.stringify({ routes: [route], gates: [{ ...whole, ...gate }], ...parts });
const withRule = (rule: object, parts: object = {}): string => documentWith({ rules: [{ effect: "allow", ...rule }] }, parts);

describe("every mistake is refused with its place and its remedy", () => {
  test.each<[what: string, document: string, path: string, says: string]>([
    ["a gate of no route", documentWith({ route: "shpo" }), "gates[0].route", "Write shop"],
    ["a gate of no variant", documentWith({ variant: "v3" }), "gates[0].variant", "Write v2"],
    ["a gate of the baseline", documentWith({ variant: "v1" }), "gates[0].variant", "is the baseline"],
    ["two gates of one name", JSON.stringify({ routes: [route], gates: [whole, whole] }), "gates[1].name", "earlier gate"],
    ["two gates of one variant", JSON.stringify({ routes: [route], gates: [whole, { ...whole, name: "other" }] }), "gates[1].variant", "has a gate already: 'new-checkout'"],
    ["an unknown key of a rule", withRule({ wehn: {} }), "gates[0].rules[0].wehn", "Did you mean 'when'?"],
    ["an unknown condition", withRule({ when: { header: [] } }), "gates[0].rules[0].when.header", "Did you mean 'headers'?"],
    ["an effect that is none", withRule({ effect: "permit" }), "gates[0].rules[0].effect", "deny, allow, target"],
    ["two tests of one header", withRule({ when: { headers: [{ name: "x", value: "a", prefix: "b" }] } }), "gates[0].rules[0].when.headers[0].prefix", "stands beside value"],
    ["a condition that asks for nothing", withRule({ when: {} }), "gates[0].rules[0].when", "asks for nothing"],
    ["a share without sign", withRule({ share: 20 }), "gates[0].rules[0].share", "percent sign"],
    ["a share of nobody", withRule({ share: "0%" }), "gates[0].rules[0].share", "out of range"],
    ["claims that nobody signed", withRule({ when: { claims: [{ name: "sub" }] } }), "gates[0].rules[0].when.claims", "Add jwt with the issuer's public keys"],
    ["a window that ends before it begins", withRule({ when: { times: [{ from: "2026-12-02", to: "2026-12-01", timezone: "UTC" }] } }), "gates[0].rules[0].when.times[0].to", "is not after"],
    ["a rule behind one that matches everything", documentWith({ rules: [{ effect: "deny" }, { effect: "allow" }] }), "gates[0].rules[1]", "can never match: 'rule-1' above"],
    ["two rules of one name", documentWith({ rules: [{ name: "a", effect: "deny", when: { methods: ["GET"] } }, { name: "a", effect: "allow" }] }), "gates[0].rules[1].name", "earlier rule"],
    ["a day that is none", documentWith({ sunset: "2027-02-30" }), "gates[0].sunset", "not a day of the calendar"],
    ["a sunset before the gate was made", documentWith({ sunset: "2026-10-01" }), "gates[0].sunset", "is not after"],
    ["no owner", documentWith({ owner: undefined }), "gates[0].owner", "Say who answers for the gate"],
    ["a name in another style", documentWith({ name: "New_Checkout" }), "gates[0].name", "kebab"],
    ["a name without its prefix", documentWith({}, { gatePolicy: { prefixes: ["exp-", "ops-"] } }), "gates[0].name", "Begin it with exp- or ops-"],
    ["a life that is too long", documentWith({}, { gatePolicy: { lifeMax: "30d" } }), "gates[0].sunset", "more than 30 days"],
    ["a shared secret as a key", documentWith({}, { jwt: { keys: [{ kty: "oct", k: "c2VjcmV0LXNlY3JldA" }] } }), "jwt.keys[0].kty", "is a shared secret"],
    ["a private key", documentWith({}, { jwt: { keys: [privateKey.export({ format: "jwk" })] } }), "jwt.keys[0].d", "is a private key"],
    ["a key that is cut short", documentWith({}, { jwt: { keys: [{ ...jwk, y: "AA" }] } }), "jwt.keys[0].kty", "not a well-formed public key"],
    ["a curve for something else", documentWith({}, { jwt: { keys: [{ kty: "OKP", crv: "X25519", x: jwk.x }] } }), "jwt.keys[0].crv", "Write Ed25519"],
    ["a baseline without endpoints", JSON.stringify({ routes: [{ ...route, variants: [{ name: "v1" }, { name: "v2", endpoints: ["http://127.0.0.1:3001"] }] }] }), "routes[0].variants[0].endpoints", "is missing"],
  ])("%s", (_what, document, path, says) => {
    const problems = problemsOf(document);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(linesOf(document)[0]).toContain(says);
  });

  it("cohorts without a key, and shares of them", () => {
    const document = JSON.stringify({ routes: [{ ...route, cohort: "random" }], gates: [{ ...whole, rules: [{ effect: "target", share: "5%", when: { keys: ["u1"] } }] }] });
    expect(problemsOf(document).map(({ path }) => path)).toEqual(["gates[0].rules[0].share", "gates[0].rules[0].when.keys"]);
  });

  it("says nothing of a secret key's value", () => {
    const secret = privateKey.export({ format: "jwk" });
    const said = [documentWith({}, { jwt: { keys: [secret] } }), documentWith({}, { jwt: { keys: [{ kty: "oct", k: "c2VjcmV0LXNlY3JldA" }] } })].flatMap((document) => linesOf(document)).join("\n");
    expect(said).not.toContain(secret.d);
    expect(said).not.toContain("c2VjcmV0LXNlY3JldA");
  });
});

describe("a policy that warns", () => {
  it("takes a gate that lacks everything, and says what it lacks", () => {
    const document = JSON.parse(JSON.stringify({ routes: [route], gates: [{ name: "X", route: "shop", variant: "v2" }], gatePolicy: { mode: "warn" } })) as unknown;
    expect(problemsOf(JSON.stringify(document))).toEqual([]);
    const { warnings } = compileDynamic(dynamicSchema.parse(document));
    expect(warnings.map((line) => line.split(":")[0])).toEqual([...["owner", "description", "ticket", "created", "sunset", "criteria"].map((key) => `gates[0].${key}`), "gates[0].name"]);
  });
});

it("a candidate without endpoints has the baseline's, and is told which variant it is to be", () => {
  const compiled = compileDynamic(dynamicSchema.parse(JSON.parse(documentWith({ rules: [{ effect: "allow", when: { headers: [{ name: "X-Staff" }] } }] }))));
  const [v1, v2] = compiled.routes[0]!.variants;
  expect(v2!.endpoints).toEqual(v1!.endpoints);
  expect(compiled.routes[0]!.gates).toEqual([{ name: "new-checkout", variant: 1, rules: [{ name: "rule-1", effect: "allow", when: [{ kind: "attribute", source: "header", name: "x-staff", test: { kind: "present" } }], unless: [], share: 100_000 }] }]);
});
