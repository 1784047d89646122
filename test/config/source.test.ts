import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSource } from "../../src/config/source.ts";
import { substitute } from "../../src/config/substitute.ts";
import { linesOf } from "./problems-of.ts";

function dataOf(written: string, environment: Record<string, string> = {}): unknown {
  const parsed = parseSource("f.yaml", written, environment);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.source.data;
}

describe("environment substitution", () => {
  test("a plain scalar is typed again after substitution, a quoted one stays text", () => {
    const yaml = 'n: ${N}\nt: "${N}"\nb: ${B}\nmixed: http://${H}:${N}\nnothing: ${E:-}\n';
    expect(dataOf(yaml, { N: "42", B: "true", H: "db", E: "" })).toEqual({ n: 42, t: "42", b: true, mixed: "http://db:42", nothing: null });
  });

  test("a variable's value can never add keys, lists or further substitutions", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, tail) => {
        const data = dataOf('a: "${V}"\nb: x${V}y\nplain: ${V}\nrest: 1\n', { V: value, W: tail }) as Record<string, unknown>;
        expect(Object.keys(data)).toEqual(["a", "b", "plain", "rest"]);
        expect(data["a"]).toBe(value);
        expect(typeof data["plain"] === "object" && data["plain"] !== null).toBe(false);
      }),
    );
    expect(dataOf('a: "${V}"', { V: "${HOME}: [x]\nb: 2" })).toEqual({ a: "${HOME}: [x]\nb: 2" });
  });

  test("$${ stays a literal ${", () => {
    expect(dataOf("a: $${NAME} and ${N}$${}", { N: "1" })).toEqual({ a: "${NAME} and 1${}" });
  });

  test("a text without ${ comes through unchanged, whatever it is", () => {
    fc.assert(
      fc.property(fc.string().filter((text) => !text.includes("${")), (text) => {
        expect(substitute(text, {})).toBeNull();
      }),
    );
  });

  test("an empty variable takes the default, as in a shell", () => {
    expect(dataOf("a: ${V:-d}\nb: ${W:-d}", { V: "" })).toEqual({ a: "d", b: "d" });
  });

  test("an unset variable without default is an error at its place, for every one of them", () => {
    expect(linesOf("routes:\n  - name: ${NAME}\n    variants: ['${OTHER}']\n")).toEqual([
      'routes.yaml:2:11: routes[0].name: the environment variable NAME is not set (got "${NAME}"). Set NAME, or give a default: ${NAME:-...}.',
      'routes.yaml:3:16: routes[0].variants[0]: the environment variable OTHER is not set (got "${OTHER}"). Set OTHER, or give a default: ${OTHER:-...}.',
    ]);
  });

  test.each([
    ["a: x${", "has a '${' without its '}'"],
    ["a: ${1A}", "'${1A}' is not a substitution"],
    ["a: ${A-b}", "'${A-b}' is not a substitution"],
    ["a: ${toString}", "the environment variable toString is not set"],
  ])("%s is refused", (yaml, message) => {
    expect(linesOf(yaml)[0]).toContain(message);
  });

  test("a wrong value that came from the environment is shown as it is written, since it may be a secret", () => {
    const [line] = linesOf("routes:\n  - name: ${SECRET}\n    variants: []\n", { SECRET: "hunter 2" });
    expect(line).toContain('(got "${SECRET}")');
    expect(line).not.toContain("hunter");
  });
});

describe("JSON", () => {
  /** A comment is no JSON: this goes the other way. */
  const asYaml = (text: string): unknown => dataOf(`${text} # as YAML`);

  test("means what it means as YAML, whatever it holds", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2, "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(!text.includes("${") && !text.includes('"__proto__"'));
        expect(dataOf(text)).toEqual(asYaml(text));
      }),
    );
    expect(dataOf('{ "a": [1, -0.5e3, true, null, {"b:c": ":"}], "d": "e # f" }')).toEqual({ a: [1, -500, true, null, { "b:c": ":" }], d: "e # f" });
  });

  test.each([
    ['{"a": {"b": 1, "c": 2, "b": 3}}', "a.b: is given twice"],
    ['{"a": 1, "\\u0061": 2}', "a: is given twice"],
    ['{"__proto__": {"a": 1}}', "is not a key"],
    ['{"a": "${B}"}', "the environment variable B is not set"],
  ])("%s is refused as the same YAML is", (text, message) => {
    expect(linesOf(text)[0]).toContain(message);
  });

  test("has its mistakes placed as YAML has", () => {
    expect(linesOf('{\n  "routes": [\n    { "nmae": "shop" }\n  ]\n}').find((line) => line.includes("nmae"))).toContain("routes.yaml:3:7: routes[0].nmae: is not a known key");
  });
});

describe("documents that are not well-formed", () => {
  test("a syntax error names its line and column", () => {
    expect(linesOf("routes:\n  - name: [a\n")[0]).toMatch(/^routes\.yaml:3:1: is not well-formed: .* Mend the YAML or JSON here\.$/);
  });

  test("an unquoted ${...} inside braces says that it needs quotes", () => {
    expect(linesOf("routes: {a: ${B}}")[0]).toContain("Put it in quotes");
  });

  test("a key given twice is refused, with the place of the first", () => {
    expect(linesOf("routes: []\nother: 1\nroutes: []\n")).toContain("routes.yaml:3:1: routes: is given twice (first on line 1). Keep one of them.");
  });

  test("__proto__ as a key is refused", () => {
    expect(linesOf('{"routes": [{"__proto__": {"name": "x"}}]}')[0]).toContain("is not a key");
  });

  test("an empty file is refused", () => {
    expect(linesOf("")[0]).toContain("is empty");
    expect(linesOf("# nothing\n")[0]).toContain("is empty");
  });

  test("two documents in one file are refused", () => {
    expect(linesOf("routes: []\n---\nroutes: []\n")[0]).toContain("is not well-formed");
  });

  test("aliases that multiply without end are refused instead of filling memory", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x,x]", ..."bcdefgh".split("").map((key, i) => `${key}: &${key} [${`*${"abcdefg"[i]},`.repeat(10)}]`)].join("\n");
    expect(linesOf(bomb)[0]).toContain("cannot be read");
  });

  test("no text whatever makes the parser throw", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => void linesOf(text)));
    const yamlish = fc.array(fc.constantFrom("routes:", "\n", "  ", "- ", "name: ", "{", "}", "[", "]", "${", "A", ":-", "&a ", "*a", "!!x ", "|", '"', "'", "? ", "<<: ", "null", ",", "#"), { maxLength: 40 });
    fc.assert(fc.property(yamlish, (parts) => void linesOf(parts.join(""))), { numRuns: 300 });
  }, 30_000);
});
