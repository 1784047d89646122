import { describe, expect, test } from "vitest";
import { formatProblem } from "../../src/config/problem.ts";
import { type Known, parseShared, standing, withRevision } from "../../src/config/shared.ts";

const yaml = `# Routes of the shop.
routes:
  - name: shop # the only one
    variants:
      - { name: v1, endpoints: ["http://127.0.0.1:3001"] }
`;
const problems = (text: string): string[] => {
  const parsed = parseShared(text, "ebbgate:{test}:config", { listeners: [{ name: "http", address: { host: "127.0.0.1", port: 8080 } }], targets: [], endpoints: null, admin: { address: { host: "127.0.0.1", port: 9901 } } });
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

describe("a shared document", () => {
  test("is YAML or JSON, with a revision or without", () => {
    expect(parseShared(yaml, "x", null)).toMatchObject({ ok: true, value: { revision: null, dynamic: { routes: [{ name: "shop" }] } } });
    expect(parseShared(JSON.stringify({ revision: 7, routes: [{ name: "a", variants: [{ name: "v", endpoints: ["http://127.0.0.1:1"] }] }] }), "x", null)).toMatchObject({ ok: true, value: { revision: 7 } });
  });

  test("is refused whole, with the place of every mistake, as a file is", () => {
    expect(problems(`${yaml}    weigth: 5\n`)).toEqual(["ebbgate:{test}:config:6:5: routes[0].weigth: is not a known key. Did you mean 'health'? Otherwise remove it."]);
    expect(problems("routes: []\n")[0]).toContain("ebbgate:{test}:config:1:9: routes:");
    expect(problems("")[0]).toContain("is empty");
    expect(problems(yaml.replace("3001", "8080"))[0]).toContain("is listener 'http' of this sidecar");
    expect(problems(yaml.replace("shop #", "${NAME} #"))[0]).toBe("ebbgate:{test}:config:3:11: routes[0].name: is taken from the environment, which every sidecar has its own of (got \"${NAME}\"). Write the value itself, or a default: ${NAME:-value}.");
  });

  test("gets another revision without losing a comment", () => {
    const one = withRevision(yaml, 3);
    expect(one).toBe(yaml.replace("routes:", "revision: 3\nroutes:"));
    expect(withRevision(one, 4)).toBe(one.replace("3", "4"));
    expect(parseShared(one, "x", null)).toMatchObject({ ok: true, value: { revision: 3 } });
    expect(withRevision('{"routes": [1], "revision": 1}', 2)).toBe('{"routes": [1], "revision": 2}');
    expect(withRevision('{ routes: [1] }', 2)).toBe('{"revision": 2,  routes: [1] }');
    expect(withRevision('---\n"routes": [1]', 12)).toBe('---\nrevision: 12\n"routes": [1]');
  });
});

test.each<[string, Known | null, Known, string]>([
  ["the first document is taken", null, { digest: "a", revision: null }, "newer"],
  ["the same again is no news", { digest: "a", revision: 5 }, { digest: "a", revision: 5 }, "same"],
  ["a higher revision is taken", { digest: "a", revision: 5 }, { digest: "b", revision: 6 }, "newer"],
  ["a lower revision is stale", { digest: "a", revision: 5 }, { digest: "b", revision: 4 }, "stale"],
  ["the same revision with another text: the store holds the truth", { digest: "a", revision: 5 }, { digest: "b", revision: 5 }, "newer"],
  ["a document without a revision is taken as it is", { digest: "a", revision: 5 }, { digest: "b", revision: null }, "newer"],
])("%s", (_, known, found, expected) => {
  expect(standing(known, found)).toBe(expected);
});
