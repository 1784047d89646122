import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CohortSource } from "../../src/config/snapshot.ts";
import { bucketOf } from "../../src/split/bucket.ts";
import { cohortKeyBytesMax, compileCohortKey, type CohortKeySource } from "../../src/split/cohort-key.ts";
import { bearer, fieldsOf } from "./fields.ts";

const ip = "192.0.2.7";
const header: CohortKeySource = { kind: "header", name: "x-user" };
const cookie: CohortKeySource = { kind: "cookie", name: "uid" };
const jwt: CohortKeySource = { kind: "jwt", claim: "sub" };

test("the sources are asked in their order, and the first with a key decides", () => {
  // The configuration's sources are these sources.
  const sources: readonly CohortSource[] = [header, cookie, jwt, { kind: "ip" }];
  const keyOf = compileCohortKey(sources);
  const token = bearer({ sub: "from-token" });
  expect(keyOf(fieldsOf(token, ["Cookie", "uid=from-cookie"], ["X-User", "from-header"]), ip)).toBe("from-header");
  expect(keyOf(fieldsOf(token, ["Cookie", "uid=from-cookie"]), ip)).toBe("from-cookie");
  expect(keyOf(fieldsOf(token), ip)).toBe("from-token");
  expect(keyOf(fieldsOf(), ip)).toBe(ip);
  expect(compileCohortKey([cookie, header])(fieldsOf(["X-User", "from-header"], ["Cookie", "uid=from-cookie"]), ip)).toBe("from-cookie");
});

test("without any source, or with none that has a key, there is no key", () => {
  expect(compileCohortKey([])(fieldsOf(["X-User", "a"]), ip)).toBeUndefined();
  expect(compileCohortKey([header, cookie, jwt])(fieldsOf(["X-Other", "a"]), ip)).toBeUndefined();
});

test("an empty value counts as absent in every source", () => {
  const keyOf = compileCohortKey([header, cookie, jwt, { kind: "ip" }]);
  expect(keyOf(fieldsOf(["X-User", ""], ["Cookie", 'uid=""'], bearer({ sub: "" })), ip)).toBe(ip);
  expect(compileCohortKey([{ kind: "ip" }])(fieldsOf(), "")).toBeUndefined();
});

test("a long key counts whole, and one over 4 KiB not at all", () => {
  const keyOf = compileCohortKey([header, { kind: "ip" }]);
  const longest = "k".repeat(cohortKeyBytesMax);
  expect(keyOf(fieldsOf(["X-User", longest]), ip)).toBe(longest);
  expect(keyOf(fieldsOf(["X-User", `${longest}k`]), ip)).toBe(ip);
  const wide = "é".repeat(cohortKeyBytesMax / 2);
  expect(keyOf(fieldsOf(["X-User", wide]), ip)).toBe(wide);
  expect(keyOf(fieldsOf(["X-User", `${wide}é`]), ip)).toBe(ip);
  expect(compileCohortKey([jwt])(fieldsOf(bearer({ sub: `${wide}é` })), ip)).toBeUndefined();
});

test("a name in UTF-8 is the same user in a header, a cookie and a claim", () => {
  for (const name of ["Zoë", "用户", "😀"]) {
    expect(compileCohortKey([header])(fieldsOf(["X-User", name]), ip)).toBe(name);
    expect(compileCohortKey([cookie])(fieldsOf(["Cookie", `uid=${name}`]), ip)).toBe(name);
    expect(compileCohortKey([jwt])(fieldsOf(bearer({ sub: name })), ip)).toBe(name);
  }
  // As published in docs/splitting.md.
  expect(bucketOf("checkout", compileCohortKey([header])(fieldsOf(["X-User", "Zoë"]), ip)!)).toBe(23_759);
});

test("bytes that are not UTF-8 are still one user each", () => {
  const latin1 = (value: string): string | undefined => compileCohortKey([header])({ get: () => value, all: () => [value] }, ip);
  expect(latin1("Zo\u00eb")).toBe("Zoë");
  expect(latin1("\u00ff")).not.toBe(latin1("\u00fe"));
});

test("an IPv4 user is the same on an IPv6 listener", () => {
  const keyOf = compileCohortKey([{ kind: "ip" }]);
  expect(keyOf(fieldsOf(), "::ffff:192.0.2.7")).toBe("192.0.2.7");
  expect(keyOf(fieldsOf(), "2001:db8::7")).toBe("2001:db8::7");
});

test("a header named like a member of Object.prototype is an ordinary header", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    const keyOf = compileCohortKey([{ kind: "header", name }]);
    expect(keyOf(fieldsOf(), ip)).toBeUndefined();
    expect(keyOf(fieldsOf([name, "u"]), ip)).toBe("u");
  }
});

describe("cookies", () => {
  const keyOf = compileCohortKey([cookie]);
  const of = (...lines: string[]): string | undefined => keyOf(fieldsOf(...lines.map((line): [string, string] => ["Cookie", line])), ip);

  test.each([
    ["uid=a", "a"],
    ["x=1; uid=a; y=2", "a"],
    ["x=1;uid=a;y=2", "a"],
    ["x=1; \t uid=a \t; y=2", "a"],
    ["uid=a; uid=b", "a"],
    ["uid=a=b==", "a=b=="],
    ['uid="a b"', "a b"],
    ['uid="', '"'],
    ["uid=%41", "%41"],
    ["; ;; uid=a", "a"],
    ["uid=a;", "a"],
    ["xuid=1; uid=a", "a"],
    ["x=uid=1; uid=a", "a"],
  ])("%j gives %j", (line, key) => {
    expect(of(line)).toBe(key);
  });

  test.each([[""], ["uid"], ["uid="], ["UID=a"], ["xuid=a"], ["uid2=a"], ["uid =a"], ["uid= a"], ["x=uid=a"], ["x=1, uid=a"], ["x"], [" "]])("%j gives none", (line) => {
    expect(of(line)).toBeUndefined();
  });

  test("several Cookie lines are read in order", () => {
    expect(of("x=1", "uid=a; uid=b", "uid=c")).toBe("a");
    expect(of("x=1", "y=2")).toBeUndefined();
  });

  test("whatever else the lines hold, a cookie is found where it stands first", () => {
    const noise = fc.stringMatching(/^[ -:<-~]{0,12}$/).filter((pair) => !pair.trim().startsWith("uid="));
    fc.assert(
      fc.property(fc.array(noise), fc.array(noise), fc.stringMatching(/^[A-Za-z0-9=%]{1,20}$/), (before, after, value) => {
        expect(of([...before, `uid=${value}`, ...after].join("; "))).toBe(value);
        expect(of([...before, ...after].join(";"))).toBeUndefined();
      }),
    );
  });

  test("a cookie named __proto__ is an ordinary cookie", () => {
    const proto = compileCohortKey([{ kind: "cookie", name: "__proto__" }]);
    expect(proto(fieldsOf(["Cookie", "a=b"]), ip)).toBeUndefined();
    expect(proto(fieldsOf(["Cookie", "a=b; __proto__=u"]), ip)).toBe("u");
  });
});

describe("claims of a bearer token", () => {
  const keyOf = compileCohortKey([jwt]);
  const of = (authorization: string): string | undefined => keyOf(fieldsOf(["Authorization", authorization]), ip);
  const payload = (text: string): string => Buffer.from(text).toString("base64url");

  test("strings and integers name a user", () => {
    expect(keyOf(fieldsOf(bearer({ sub: "user-1" })), ip)).toBe("user-1");
    expect(keyOf(fieldsOf(bearer({ sub: 42 })), ip)).toBe("42");
    expect(keyOf(fieldsOf(bearer({ sub: -7 })), ip)).toBe("-7");
    expect(of(`bEARER h.${payload('{"sub":"a"}')}.`)).toBe("a");
  });

  test.each([[1.5], [true], [null], [["a"]], [{ id: 1 }], [2 ** 53], [""]])("the claim %j names nobody", (sub) => {
    expect(keyOf(fieldsOf(bearer({ sub })), ip)).toBeUndefined();
  });

  test.each([
    ["another scheme", `Basic h.${payload('{"sub":"a"}')}.s`],
    ["no token", "Bearer "],
    ["two parts", `Bearer h.${payload('{"sub":"a"}')}`],
    ["four parts", `Bearer h.${payload('{"sub":"a"}')}.s.t`],
    ["an encrypted token", `Bearer h.${payload('{"sub":"a"}')}.i.c.t`],
    ["no header", `Bearer .${payload('{"sub":"a"}')}.s`],
    ["an empty payload", "Bearer h..s"],
    ["padding", `Bearer h.${payload('{"sub":"ab"}')}=.s`],
    ["base64 instead of base64url", "Bearer h.eyJzdWIiOiI/Pz8+In0+.s"],
    ["no JSON", `Bearer h.${payload("{sub:a}")}.s`],
    ["an array", `Bearer h.${payload('["sub"]')}.s`],
    ["null", `Bearer h.${payload("null")}.s`],
    ["half a surrogate pair", `Bearer h.${payload('{"sub":"\\ud800"}')}.s`],
    ["bytes that are not UTF-8", `Bearer h.${Buffer.from('{"sub":"\u00ff"}', "latin1").toString("base64url")}.s`],
    ["deep nesting", `Bearer h.${payload("[".repeat(5_000))}.s`],
  ])("a malformed token leaves the question to the next source: %s", (_, authorization) => {
    expect(compileCohortKey([jwt, { kind: "ip" }])(fieldsOf(["Authorization", authorization]), ip)).toBe(ip);
  });

  test("a token over 8 KiB is not read", () => {
    const token = (bytes: number): string => {
      const start = `h.${payload('{"sub":"a"}')}.`;
      return `Bearer ${start}${"s".repeat(bytes - start.length)}`;
    };
    expect(of(token(8_192))).toBe("a");
    expect(of(token(8_193))).toBeUndefined();
  });

  test("a claim that every object inherits is absent unless the token carries it", () => {
    for (const claim of ["constructor", "__proto__", "toString"]) {
      const inherited = compileCohortKey([{ kind: "jwt", claim }]);
      expect(inherited(fieldsOf(bearer({ sub: "a" })), ip)).toBeUndefined();
      expect(inherited(fieldsOf(bearer(`{"${claim}":"u"}`)), ip)).toBe("u");
    }
  });

  test("no bytes in an Authorization header throw", () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 60 }), (text, bytes) => {
        for (const value of [text, `Bearer ${text}`, `Bearer h.${Buffer.from(bytes).toString("base64url")}.s`]) {
          const key = of(value);
          expect(key === undefined || key.length > 0).toBe(true);
        }
      }),
    );
  });
});
