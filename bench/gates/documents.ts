/** The documents and requests that are compared: a thousand routes with twenty rules each, and one route with none. */
import { generateKeyPairSync, sign } from "node:crypto";
import { compileDynamic } from "../../src/config/compile-dynamic.ts";
import type { DynamicConfiguration } from "../../src/config/definition.ts";
import { dynamicSchema } from "../../src/config/dynamic-schema.ts";

export const routeCount = 1_000;
export const ruleCount = 20;
/** Distinct users; fewer than the tokens that a proxy thread remembers. */
export const userCount = 512;

/** By what a request finds its route. */
export const layouts = ["path", "host", "wildcard"] as const;
export type Layout = (typeof layouts)[number];

const matchOf: Readonly<Record<Layout, (index: number) => object>> = {
  path: (index) => ({ path: `/api/v1/service-${index}` }),
  host: (index) => ({ hosts: [`service-${index}.example.com`] }),
  wildcard: (index) => ({ hosts: [`*.tenant-${index}.example.com`] }),
};

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const variants = (): object[] => [{ name: "current", endpoints: ["http://127.0.0.1:9"] }, { name: "next", headers: { "x-next": "1" }, weight: 10 }];
const cohort = { key: ["header:x-user"] };

/** Every kind of condition; each rule is one that somebody could have written, and matches a few users or none. */
function rulesOf(index: number): object[] {
  const testers = Array.from({ length: 100 }, (_, i) => `tester-${index}-${i}`);
  const kinds: readonly ((i: number) => object)[] = [
    () => ({ effect: "deny", when: { headers: [{ name: "user-agent", contains: "somebot" }] } }),
    () => ({ effect: "allow", when: { keys: testers } }),
    (i) => ({ effect: "target", share: "20%", when: { cookies: [{ name: `beta-${index}-${i}`, value: "on" }] } }),
    () => ({ effect: "deny", unless: { regions: ["eu-west", "eu-north"] } }),
    (i) => ({ effect: "target", when: { query: [{ name: `preview-${index}-${i}` }] } }),
    () => ({ effect: "target", when: { claims: [{ name: "plan", in: ["pro", "team"] }] } }),
    () => ({ effect: "deny", when: { methods: ["DELETE", "PATCH"], paths: ["/api/v1/admin"] } }),
    () => ({ effect: "deny", when: { times: [{ from: "2020-12-24", to: "2020-12-27", timezone: "Europe/Berlin" }] } }),
    () => ({ effect: "target", when: { headers: [{ name: "accept-language", prefix: "fi" }], cookies: [{ name: "country", value: `fi-${index}` }] } }),
    (i) => ({ effect: "allow", when: { headers: [{ name: `x-staff-${index}-${i}` }] } }),
  ];
  return Array.from({ length: ruleCount }, (_, i) => kinds[i % kinds.length]!(i));
}

const gateOf = (index: number): object => ({
  name: `gate-${index}`, route: `route-${index}`, variant: "next", owner: "o", description: "d", ticket: "t", created: "2026-11-01", sunset: "2027-02-01", criteria: "c", rules: rulesOf(index),
});

const compiled = (document: object): DynamicConfiguration => compileDynamic(dynamicSchema.parse(document));

export const many = (layout: Layout): DynamicConfiguration =>
  compiled({
    jwt: { keys: [publicKey.export({ format: "jwk" })] },
    routes: Array.from({ length: routeCount }, (_, i) => ({ name: `route-${i}`, match: matchOf[layout](i), cohort, variants: variants() })),
    gates: Array.from({ length: routeCount }, (_, i) => gateOf(i)),
  });

export const one = (): DynamicConfiguration => compiled({ routes: [{ name: "route-0", cohort, variants: variants() }] });

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function tokenOf(user: number): string {
  const signed = `${encoded({ alg: "EdDSA", typ: "JWT" })}.${encoded({ iss: "https://login.example.com", sub: `user-${user}`, exp: 4_000_000_000, plan: "free", groups: ["a", "b"] })}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
}

/** How requests are spread over the routes: all on one, as Zipf's law has it (the first is asked 13% of the time, the first ten 39%), or each as often as any other. */
export const spreads = ["one", "zipf", "even"] as const;
export type Spread = (typeof spreads)[number];

/** Of the routes' shares, summed. */
const zipf = Array.from({ length: routeCount }, (_, i) => 1 / (i + 1)).reduce<number[]>((sums, share) => [...sums, (sums.at(-1) ?? 0) + share], []);

/** In an order that no cache can learn. @param request its index */
export function routeOf(request: number, spread: Spread): number {
  if (spread === "one") return 17;
  if (spread === "even") return (request * 617) % routeCount;
  const drawn = ((request * 0.618_033_988_75) % 1) * zipf.at(-1)!;
  return zipf.findIndex((sum) => drawn < sum);
}

/** @returns heads, each of another route and user, as a browser or a service would send them */
export function requests(layout: Layout, spread: Spread, tokens = false): string[] {
  const signed = tokens ? Array.from({ length: userCount }, (_, user) => tokenOf(user)) : [];
  return Array.from({ length: 4_096 }, (_, i) => {
    const route = routeOf(i, spread);
    const user = (i * 389) % userCount;
    const host = layout === "host" ? `service-${route}.example.com` : layout === "wildcard" ? `shop.tenant-${route}.example.com` : "api.example.com";
    const path = layout === "path" ? `/api/v1/service-${route}/items/${i}?page=2&sort=price` : `/items/${i}?page=2&sort=price`;
    return [
      `GET ${path} HTTP/1.1`, `Host: ${host}`, "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept: application/json", "Accept-Language: de,en;q=0.7",
      "Accept-Encoding: gzip, br", `X-User: user-${user}`, "Cookie: theme=dark; country=de; sid=31d4d96e407aad42", ...(tokens ? [`Authorization: Bearer ${signed[user]}`] : []), "", "",
    ].join("\r\n");
  });
}

/** Requests that some rule chooses, so that it is seen that rules are asked. */
export const chosen = (layout: Layout): string[] =>
  requests(layout, "even").slice(0, 500).map((head, i) => (i % 2 === 0 ? head.replace("\r\n\r\n", `\r\nx-staff-${routeOf(i, "even")}-9: 1\r\n\r\n`) : head.replace("Firefox", "somebot")));
