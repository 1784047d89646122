import { describe, expect, test } from "vitest";
import { linesOf, problemsOf, routeWith } from "./problems-of.ts";

const two = (first: object, second: object): object[] => [
  { name: "v1", endpoints: ["http://127.0.0.1:3001"], ...first },
  { name: "v2", endpoints: ["http://127.0.0.1:3002"], ...second },
];
const rollout = (parts: object): { rollout: object } => ({ rollout: { candidate: "v2", steps: [1, 100], ...parts } });

describe("every mistake is refused with its place and its remedy", () => {
  test.each<[what: string, parts: Record<string, unknown>, path: string, says: string]>([
    ["an unknown key", { fallbak: false }, "routes[0].fallbak", "Did you mean 'fallback'?"],
    ["an unknown key deep inside", rollout({ steps: [{ weight: 100, dwel: "1m" }] }), "routes[0].rollout.steps[0].dwel", "Did you mean 'dwell'?"],
    ["a missing key", { name: undefined }, "routes[0].name", "is missing"],
    ["a name that no metric label can carry", { name: "a b" }, "routes[0].name", "is malformed"],
    ["a number where text is wanted", { name: 5 }, "routes[0].name", "must be a text, not a number"],
    ["an empty list of variants", { variants: [] }, "routes[0].variants", "at least 1 entry"],
    ["a duration without unit", { timeouts: { firstByte: 30 } }, "routes[0].timeouts.firstByte", "Write a number with its unit"],
    ["a duration out of range", { timeouts: { firstByte: "2d" } }, "routes[0].timeouts.firstByte", "from 0ms to 1d"],
    ["a negative limit", { limits: { requestBodyBytesMax: -1 } }, "routes[0].limits.requestBodyBytesMax", "is out of range"],
    ["a path without slash", { match: { path: "api" } }, "routes[0].match.path", "Write /api"],
    ["a path with dot segments", { match: { path: "/a/../b" } }, "routes[0].match.path", "dot segment"],
    ["a path that ends in a dot segment", { match: { path: "/a/.." } }, "routes[0].match.path", "dot segment"],
    ["a path with an encoded dot", { match: { path: "/%2e%2e/b" } }, "routes[0].match.path", "encoded dot or slash"],
    ["a path with an encoded slash", { match: { path: { exact: "/a%2Fb" } } }, "routes[0].match.path.exact", "encoded dot or slash"],
    ["a path with a query", { match: { path: "/a?b" } }, "routes[0].match.path", "query"],
    ["a path with an empty segment", { match: { path: "//a" } }, "routes[0].match.path", "empty segment"],
    ["a host with a port", { match: { hosts: ["shop.example.com:80"] } }, "routes[0].match.hosts[0]", "carries a port"],
    ["a host that is none", { match: { hosts: ["-a.example"] } }, "routes[0].match.hosts[0]", "is not a host name"],
    ["a method that is never proxied", { match: { methods: ["TRACE"] } }, "routes[0].match.methods[0]", "is never proxied"],
    ["a header name that is no token", { match: { headers: [{ name: "x y" }] } }, "routes[0].match.headers[0].name", "RFC 9110"],
    ["a cohort that is neither form", { cohort: "rnadom" }, "routes[0].cohort", "Did you mean 'random'?"],
    ["a cohort source of no kind", { cohort: { key: ["heder:x"] } }, "routes[0].cohort.key[0]", "Write header:NAME"],
    ["a cookie name that is no token", { cohort: { key: ["cookie:a b"] } }, "routes[0].cohort.key[0]", "names no valid cookie"],
    ["a sticky cookie name that is no token", { cohort: { key: ["header:x"], sticky: { cookie: "a;b" } } }, "routes[0].cohort.sticky.cookie", "is not a valid name"],
    ["a sticky cookie with a Secure prefix", { cohort: { key: ["header:x"], sticky: { cookie: "__Host-x" } } }, "routes[0].cohort.sticky.cookie", "prefix"],
    ["a sticky cookie that is a source", { cohort: { key: ["cookie:x"], sticky: { cookie: "x" } } }, "routes[0].cohort.sticky.cookie", "already"],
    ["a sticky cookie that is never used", { cohort: { key: ["ip"], sticky: {} } }, "routes[0].cohort.sticky", "is never used"],
    ["an ip before other sources", { cohort: { key: ["ip", "header:x"] } }, "routes[0].cohort.key[0]", "Move ip to the end"],
    ["two variants of one name", { variants: two({}, { name: "v1" }) }, "routes[0].variants[1].name", "earlier variant"],
    ["two baselines", { variants: two({ baseline: true }, { baseline: true }) }, "routes[0].variants[1].baseline", "second baseline"],
    ["no baseline", { variants: two({ baseline: false }, { baseline: false }) }, "routes[0].variants", "has no baseline"],
    ["a weight on the baseline", { variants: two({ weight: 5 }, {}) }, "routes[0].variants[0].weight", "takes what the candidates leave"],
    ["a weight beyond 100", { variants: two({}, { weight: 100.5 }) }, "routes[0].variants[1].weight", "is out of range"],
    ["a weight finer than its grain", { variants: two({}, { weight: 0.0005 }) }, "routes[0].variants[1].weight", "grain"],
    ["weights that sum to more than 100", { variants: [...two({}, { weight: 60 }), { name: "v3", endpoints: ["http://127.0.0.1:3"], weight: 41 }] }, "routes[0].variants", "101 percent"],
    ["an endpoint with https", { variants: two({ endpoints: ["https://a:1"] }, {}) }, "routes[0].variants[0].endpoints[0]", "not supported to a service yet"],
    ["an endpoint with a path", { variants: two({ endpoints: ["http://a:1/x"] }, {}) }, "routes[0].variants[0].endpoints[0]", "path or query"],
    ["an endpoint with a wrong port", { variants: two({ endpoints: ["http://a:70000"] }, {}) }, "routes[0].variants[0].endpoints[0]", "from 1 to 65535"],
    ["an endpoint with port 0", { variants: two({ endpoints: ["http://a:0"] }, {}) }, "routes[0].variants[0].endpoints[0]", "from 1 to 65535"],
    ["an endpoint that is no address", { variants: two({ endpoints: ["http://300.1.1.1:80"] }, {}) }, "routes[0].variants[0].endpoints[0]", "no valid host"],
    ["an endpoint given twice", { variants: two({ endpoints: ["http://a:80", "http://A"] }, {}) }, "routes[0].variants[0].endpoints[1]", "already"],
    ["a socket path that is relative", { variants: two({ endpoints: ["unix:app.sock"] }, {}) }, "routes[0].variants[0].endpoints[0]", "absolute path"],
    ["a socket path that the system would cut", { variants: two({ endpoints: [`unix:/${"a".repeat(110)}`] }, {}) }, "routes[0].variants[0].endpoints[0]", "longer than"],
    ["a header value with CR LF", { variants: two({ headers: { a: "x\r\ny: z" } }, {}) }, "routes[0].variants[0].headers.a", "control character"],
    ["a header value with NUL", { variants: two({ headers: { a: "x\u0000" } }, {}) }, "routes[0].variants[0].headers.a", "control character"],
    ["a framing header", { variants: two({ headers: { "Content-Length": "5" } }, {}) }, "routes[0].variants[0].headers.Content-Length", "hop-by-hop, framing or routing"],
    ["a hop-by-hop header", { variants: two({ headers: { te: "x" } }, {}) }, "routes[0].variants[0].headers.te", "hop-by-hop, framing or routing"],
    ["a header that the proxy writes", { variants: two({ headers: { "x-forwarded-for": "1" } }, {}) }, "routes[0].variants[0].headers.x-forwarded-for", "by the proxy itself"],
    ["baggage as a variant's header", { variants: two({ headers: { Baggage: "a=1" } }, {}) }, "routes[0].variants[0].headers.Baggage", "by the proxy itself"],
    ["a lane that is neither", { lane: "joins" }, "routes[0].lane", "Did you mean 'join'?"],
    ["a lane to a variant that is not there", { lane: { join: { v9: "v3" } } }, "routes[0].lane.join.v9", "Write v1 or v2"],
    ["a lane by a name that no variant has", { lane: { join: { "v 9": "v2" } } }, 'routes[0].lane.join["v 9"]', "starts the lane"],
    ["a page cookie with a Secure prefix", { assets: { cookie: "__Host-page" } }, "routes[0].assets.cookie", "prefix"],
    ["a page cookie that is the cohort key", { cohort: { key: ["cookie:sid"] }, assets: { cookie: "sid" } }, "routes[0].assets.cookie", "a name of its own"],
    ["a page cookie that is the sticky one", { cohort: { key: ["header:x"], sticky: { cookie: "c" } }, assets: { cookie: "c" } }, "routes[0].assets.cookie", "a name of its own"],
    ["a path of assets without slash", { assets: { paths: ["static"] } }, "routes[0].assets.paths[0]", "Write /static"],
    ["a header given twice in other case", { variants: two({ headers: { a: "1", A: "2" } }, {}) }, "routes[0].variants[0].headers.A", "ignore case"],
    ["a rollout of the baseline", rollout({ candidate: "v1" }), "routes[0].rollout.candidate", "is the baseline"],
    ["a rollout of nobody", rollout({ candidate: "v3" }), "routes[0].rollout.candidate", "Did you mean 'v2'?"],
    ["a weight on the rollout's candidate", { variants: two({}, { weight: 5 }), ...rollout({}) }, "routes[0].variants[1].weight", "moved by the rollout"],
    ["a step of weight 0", rollout({ steps: [0, 100] }), "routes[0].rollout.steps[0]", "exposes nobody"],
    ["steps that do not rise", rollout({ steps: [5, 5, { weight: 100 }] }), "routes[0].rollout.steps[1]", "not above the step before"],
    ["steps that end below 100", rollout({ steps: [1, 50] }), "routes[0].rollout.steps[1]", "End with 100"],
    ["a limit of no metric", rollout({ limits: [{ metric: "erorRate" }] }), "routes[0].rollout.limits[0].metric", "Did you mean 'errorRate'?"],
    ["a limit without metric", rollout({ limits: [{ action: "pause" }] }), "routes[0].rollout.limits[0].metric", "is missing"],
    ["a key of another metric", rollout({ limits: [{ metric: "errorRate", quantile: "p99" }] }), "routes[0].rollout.limits[0].quantile", "is not a known key"],
    ["two limits on one metric", rollout({ limits: [{ metric: "latency" }, { metric: "latency", quantile: "location" }] }), "routes[0].rollout.limits[1]", "second limit on latency location"],
    ["an absolute bound on the bulk", rollout({ limits: [{ metric: "latency", absolute: "1s" }] }), "routes[0].rollout.limits[0].absolute", "only compared with the baseline"],
    ["a share without its sign", rollout({ alpha: 0.01 }), "routes[0].rollout.alpha", "percent sign"],
    ["an action that does not exist", rollout({ limits: [{ metric: "errorRate", action: "rolback" }] }), "routes[0].rollout.limits[0].action", "Did you mean 'rollback'?"],
    ["no limits at all", rollout({ limits: [] }), "routes[0].rollout.limits", "at least 1 entry"],
  ])("%s", (_, parts, path, says) => {
    const problems = problemsOf(routeWith(parts));
    expect(problems.map((problem) => problem.path)).toContain(path);
    const problem = problems.find((one) => one.path === path)!;
    expect(`${problem.message}. ${problem.remedy}`).toContain(says);
    expect(problem.line).toBe(1);
    expect(problem.remedy.length).toBeGreaterThan(5);
  });
});

test("a line of an error names file, line, column, path, value and remedy", () => {
  const yaml = "routes:\n  - name: shop\n    timeouts:\n      firstByte: 30\n    variants:\n      - name: v1\n        endpoints: [http://127.0.0.1:3001]\n";
  expect(linesOf(yaml)).toEqual(["routes.yaml:4:18: routes[0].timeouts.firstByte: must be a duration (got 30). Write a number with its unit, as 250ms, 30s, 5m, 2h or 1d."]);
});

test("all errors of a document come in one go, of form and of sense", () => {
  const yaml = `routes:
  - name: bad one
    variants: []
  - name: shop
    variants:
      - { name: v1, endpoints: ["http://127.0.0.1:3001"], weight: 5, headers: { upgrade: x } }
    rollout: { candidate: v2, steps: [0] }
`;
  expect(linesOf(yaml).map((line) => line.split(" ")[1])).toEqual([
    "routes[0].name:",
    "routes[0].variants:",
    "routes[1].variants[0].weight:",
    "routes[1].variants[0].headers.upgrade:",
    "routes[1].rollout.candidate:",
    "routes[1].rollout.steps[0]:",
    "routes[1].rollout.steps[0]:",
  ]);
});

test("a header's value and an endpoint's password are in no error", () => {
  const lines = linesOf(routeWith({ variants: two({ headers: { authorization: "Bearer s3cret\n" }, endpoints: ["http://bob:s3cret@a:1"] }, {}) }));
  expect(lines).toHaveLength(2);
  expect(lines.join()).not.toContain("s3cret");
});

describe("a route that can never be reached is refused", () => {
  const routes = (earlier: object, later: object): string =>
    JSON.stringify({ routes: [{ name: "a", match: earlier, variants: two({}, {}) }, { name: "b", match: later, variants: two({}, {}) }] });

  test.each<[string, object, object]>([
    ["the same match", { path: "/x" }, { path: "/x" }],
    ["a wider prefix above", { path: "/x" }, { path: "/x/y" }],
    ["the root above an exact path", {}, { path: { exact: "/x" } }],
    ["a wildcard host above", { hosts: ["*.example.com"] }, { hosts: ["a.b.example.com", "*.c.example.com"] }],
    ["all methods above", { path: "/" }, { path: "/", methods: ["GET"] }],
    ["a header of any value above", { headers: [{ name: "X-A" }] }, { headers: [{ name: "x-a", value: "1" }] }],
  ])("%s", (_, earlier, later) => {
    expect(linesOf(routes(earlier, later))[0]).toContain("routes[1]: can never be reached: route 'a'");
  });

  test.each<[string, object, object]>([
    ["a sibling prefix", { path: "/x" }, { path: "/xy" }],
    ["an exact path above its prefix", { path: { exact: "/x" } }, { path: "/x" }],
    ["the apex beside its wildcard", { hosts: ["*.example.com"] }, { hosts: ["example.com"] }],
    ["one host above any host", { hosts: ["a.example"] }, {}],
    ["another method", { methods: ["GET"] }, { methods: ["GET", "POST"] }],
    ["another header value", { headers: [{ name: "x", value: "1" }] }, { headers: [{ name: "x", value: "2" }] }],
  ])("but %s is fine", (_, earlier, later) => {
    expect(linesOf(routes(earlier, later))).toEqual([]);
  });

  test("two routes of one name are refused even where one of them is malformed elsewhere", () => {
    const lines = linesOf(JSON.stringify({ routes: [{ name: "a", match: { path: "/x" }, variants: two({}, {}) }, { name: "a", variants: two({}, {}) }, { name: "c" }] }));
    expect(lines.some((line) => line.includes("routes[1].name: is the name of an earlier route"))).toBe(true);
    expect(lines.some((line) => line.includes("routes[2].variants: is missing"))).toBe(true);
  });
});
