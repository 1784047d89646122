import { expect, test } from "vitest";
import { StickyCookie } from "../../src/split/sticky-cookie.ts";
import { fieldsOf } from "./fields.ts";

const settings = { cookie: "ebbgate-cohort", maxAgeSeconds: 2_592_000 };
const counted = (): ((bytes: number) => Uint8Array) => {
  let calls = 0;
  return (bytes) => new Uint8Array(bytes).fill(++calls);
};

test("a client without a key gets one that comes back as the same key", () => {
  const sticky = new StickyCookie(settings, counted());
  const { key, setCookie } = sticky.fresh();
  expect(setCookie).toBe("ebbgate-cohort=AQEBAQEBAQEBAQEBAQEBAQ; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
  expect(sticky.keyOf(fieldsOf(["Cookie", `theme=dark; ${setCookie.split(";")[0]}`]))).toBe(key);
});

test("the machine's randomness never gives the same key twice, and always one that is accepted", () => {
  const sticky = new StickyCookie(settings);
  const keys = new Set<string>();
  const refused: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    const { key } = sticky.fresh();
    keys.add(key);
    if (sticky.keyOf(fieldsOf(["Cookie", `ebbgate-cohort=${key}`])) !== key) refused.push(key);
  }
  expect(refused).toEqual([]);
  expect(keys.size).toBe(10_000);
});

test.each([
  [""],
  ["short"],
  ["AQEBAQEBAQEBAQEBAQEBA"],
  ["AQEBAQEBAQEBAQEBAQEBAQA"],
  ["AQEBAQEBAQEBAQEBAQEBA+"],
  ["AQEBAQEBAQEBAQEBAQEBAé"],
  // 22 characters of base64url, but no encoding of 128 bits: the last one has bits to spare.
  ["AQEBAQEBAQEBAQEBAQEBAB"],
  ["AQEBAQEBAQEB AQEBAQEBAQ"],
])("garbage in the cookie is not taken for a key: %j", (value) => {
  expect(new StickyCookie(settings).keyOf(fieldsOf(["Cookie", `ebbgate-cohort=${value}`]))).toBeUndefined();
});

test("a garbage cookie of a deeper path, which comes first, does not hide the good one", () => {
  const sticky = new StickyCookie(settings, counted());
  const { key } = sticky.fresh();
  expect(sticky.keyOf(fieldsOf(["Cookie", `ebbgate-cohort=evil; ebbgate-cohort=${key}`]))).toBe(key);
  expect(sticky.keyOf(fieldsOf(["Cookie", "ebbgate-cohort=evil"], ["Cookie", `ebbgate-cohort=${key}`]))).toBe(key);
});

test("what would break the Set-Cookie line is refused, naming field, value and remedy", () => {
  expect(() => new StickyCookie({ cookie: "a;b", maxAgeSeconds: 1 })).toThrow('sticky.cookie: "a;b" is not a cookie name. Use letters');
  expect(() => new StickyCookie({ cookie: "", maxAgeSeconds: 1 })).toThrow('sticky.cookie: "" is not a cookie name.');
  expect(() => new StickyCookie({ cookie: "a", maxAgeSeconds: 0.5 })).toThrow("sticky.maxAgeSeconds: 0.5 is not an age. Use a whole number of seconds, 1 or more.");
});
