/** Many routes are found by an index: the same ones that reading the document from top to bottom finds. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { defaultProxyLimits } from "../../src/config/settings.ts";
import type { RouteMatch } from "../../src/config/snapshot.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request-head.ts";
import { compileRoutes, matchRoute, pathMatches } from "../../src/proxy/route.ts";

const segment = fc.constantFrom("a", "b", "ab", "a.b");
const path = fc.array(segment, { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
const match: fc.Arbitrary<RouteMatch> = fc.record({
  hosts: fc.array(fc.constantFrom("a.test", "b.test", "x.a.test", "*.a.test", "*.test", "*.x.a.test"), { maxLength: 2 }),
  path: fc.record({ kind: fc.constantFrom("prefix" as const, "prefix" as const, "exact" as const), value: fc.tuple(path, fc.constantFrom("", "", "/")).map(([one, end]) => (one === "/" ? one : one + end)) }),
  methods: fc.constantFrom<string[]>([], [], [], ["POST"], ["GET", "HEAD"]), headers: fc.constantFrom<RouteMatch["headers"]>([], [], [], [{ name: "x-a", value: null }]),
});
const request = fc.record({ host: fc.constantFrom("a.test", "b.test", "x.a.test", "y.x.a.test", "test", "other"), path: fc.tuple(path, fc.constantFrom("", "/", "//a")).map((both) => both.join("")), method: fc.constantFrom("GET", "POST"), line: fc.constantFrom("", "x-a: 1\r\n") });

const isHost = (pattern: string, host: string): boolean => (pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : pattern === host);
const fits = ({ hosts, path: wanted, methods, headers }: RouteMatch, head: RequestHead): boolean =>
  (hosts.length === 0 || hosts.some((one) => isHost(one, head.host))) && pathMatches(head.path, wanted) && (methods.length === 0 || methods.includes(head.method)) && headers.every(({ name }) => head.get(name) !== undefined);

it("the first route in the document's order whose every part matches serves, however many there are", { timeout: 60_000 }, () => {
  let found = 0;
  fc.assert(
    fc.property(fc.array(match, { minLength: 1, maxLength: 60 }), fc.array(request, { minLength: 30, maxLength: 30 }), (matches, requests) => {
      const routes = matches.map((one) => ({ definition: { match: one } }));
      const table = compileRoutes(routes);
      const head = new RequestHead(defaultProxyLimits.headersMax);
      for (const { host, path: target, method, line } of requests) {
        expect(parseRequestHead(head, `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\ncontent-length: 0\r\n${line}\r\n`, defaultProxyLimits)).toBeNull();
        const expected = routes.find(({ definition }) => fits(definition.match, head)) ?? null;
        expect(matchRoute(table, head)).toBe(expected);
        if (expected !== null) found++;
      }
    }),
    { numRuns: 400 },
  );
  expect(found).toBeGreaterThan(3_000);
});
