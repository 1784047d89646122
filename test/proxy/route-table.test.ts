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
interface Request {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly line: string;
}
const request: fc.Arbitrary<Request> = fc.record({ host: fc.constantFrom("a.test", "b.test", "x.a.test", "y.x.a.test", "test", "other"), path: fc.tuple(path, fc.constantFrom("", "/", "//a")).map((both) => both.join("")), method: fc.constantFrom("GET", "POST"), line: fc.constantFrom("", "x-a: 1\r\n") });

const isHost = (pattern: string, host: string): boolean => (pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : pattern === host);
const fits = ({ hosts, path: wanted, methods, headers }: RouteMatch, head: RequestHead): boolean =>
  (hosts.length === 0 || hosts.some((one) => isHost(one, head.host))) && pathMatches(head.path, wanted) && (methods.length === 0 || methods.includes(head.method)) && headers.every(({ name, value }) => (value === null ? head.get(name) !== undefined : head.all(name).includes(value)));

/** Many in one place, which differ by their headers. */
const headerMatch: fc.Arbitrary<RouteMatch> = fc.record({
  hosts: fc.constantFrom<string[]>([], [], ["a.test"]), path: fc.record({ kind: fc.constantFrom("prefix" as const, "prefix" as const, "exact" as const), value: fc.constantFrom("/", "/a", "/a/") }), methods: fc.constantFrom<string[]>([], [], ["POST"]),
  headers: fc.uniqueArray(fc.record({ name: fc.constantFrom("x-a", "x-a", "x-b"), value: fc.constantFrom("1", "2", "3", "4", null) }), { minLength: 0, maxLength: 2, selector: ({ name, value }) => `${name} ${value}` }),
});
const headerRequest: fc.Arbitrary<Request> = fc.record({ host: fc.constantFrom("a.test", "other"), path: fc.constantFrom("/", "/a", "/a/", "/a/b"), method: fc.constantFrom("GET", "POST"), line: fc.array(fc.tuple(fc.constantFrom("x-a", "X-A", "x-b"), fc.constantFrom("1", "2", "5")), { maxLength: 3 }).map((lines) => lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")) });

it.each([
  ["by host and path", match, request],
  ["by headers", headerMatch, headerRequest],
])("the first route in the document's order whose every part matches serves, however many there are: %s", { timeout: 60_000 }, (_, matching, requesting) => {
  let found = 0;
  fc.assert(
    fc.property(fc.array(matching, { minLength: 1, maxLength: 60 }), fc.array(requesting, { minLength: 30, maxLength: 30 }), (matches, requests) => {
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
