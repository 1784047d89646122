import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { compareAnswers } from "../../src/proxy/compare-answers.ts";
import type { MirrorSettings } from "../../src/config/snapshot.ts";
import type { MirroredAnswer } from "../../src/proxy/mirror-capture.ts";

const settings: MirrorSettings = {
  variant: "v2", share: 1, timeoutMs: 1_000, compareBodies: true, bodyBytesMax: 1_000, ignore: [], slower: null, logBodies: false, concurrencyMax: 1,
};
const answer = (body: string | Uint8Array, changes: Partial<MirroredAnswer> = {}): MirroredAnswer => ({
  status: 200, firstByteMs: 10, contentType: "application/json", contentEncoding: "", body: typeof body === "string" ? Buffer.from(body) : body, ...changes,
});
const json = (value: unknown, changes: Partial<MirroredAnswer> = {}): MirroredAnswer => answer(JSON.stringify(value), changes);

describe("two answers", () => {
  it("differ by their status before anything else", () => {
    expect(compareAnswers(json({ a: 1 }), json({ a: 2 }, { status: 500 }), settings)).toEqual({ kind: "status", at: "" });
  });

  it("differ by their media type, whatever its parameters", () => {
    expect(compareAnswers(json(1, { contentType: "Application/JSON; charset=utf-8" }), json(1), settings)).toBeNull();
    expect(compareAnswers(answer("x", { contentType: "text/html" }), answer("x", { contentType: "text/plain" }), settings)).toEqual({ kind: "mediaType", at: "" });
  });

  it("differ where the first member differs, and say where", () => {
    expect(compareAnswers(json({ items: [{ price: 1 }, { price: 2 }] }), json({ items: [{ price: 1 }, { price: 3 }] }), settings)).toEqual({ kind: "body", at: "/items/1/price" });
    expect(compareAnswers(json({ "a/b": { "~": 1 } }), json({ "a/b": {} }), settings)).toEqual({ kind: "body", at: "/a~1b/~0" });
    expect(compareAnswers(json([]), json({}), settings)).toEqual({ kind: "body", at: "" });
  });

  it("may differ in what is ignored, and only there", () => {
    const ignoring = { ...settings, ignore: ["/at", "/items/*/etag"] };
    const of = (at: number, etag: string, price: number): MirroredAnswer => json({ at, items: [{ etag, price }] });
    expect(compareAnswers(of(1, "a", 5), of(2, "b", 5), ignoring)).toBeNull();
    expect(compareAnswers(of(1, "a", 5), of(2, "b", 6), ignoring)).toEqual({ kind: "body", at: "/items/0/price" });
    expect(compareAnswers(json({ at: 1, deep: { at: 1 } }), json({ at: 2, deep: { at: 2 } }), ignoring)).toEqual({ kind: "body", at: "/deep/at" });
  });

  it("are held byte against byte where they are no JSON", () => {
    const text = { contentType: "text/plain" };
    expect(compareAnswers(answer("same", text), answer("same", text), settings)).toBeNull();
    expect(compareAnswers(answer("{ }", text), answer("{}", text), settings)).toEqual({ kind: "body", at: "" });
    expect(compareAnswers(answer("no json"), answer("no json either"), settings)).toEqual({ kind: "body", at: "" });
  });

  it("are compared as what they were before their compression", () => {
    const gzip = answer(gzipSync('{"a":1}'), { contentEncoding: "gzip" });
    expect(compareAnswers(gzip, answer(brotliCompressSync('{"a": 1}'), { contentEncoding: "br" }), settings)).toBeNull();
    expect(compareAnswers(gzip, json({ a: 2 }), settings)).toEqual({ kind: "body", at: "/a" });
  });

  it("are not compared by bodies that cannot be read, were too large, or are not wanted", () => {
    expect(compareAnswers(answer("x", { contentEncoding: "gzip" }), json(1), settings)).toBeNull();
    expect(compareAnswers(answer("x", { body: null }), json(1), settings)).toBeNull();
    expect(compareAnswers(json(1), json(2), { ...settings, compareBodies: false })).toBeNull();
  });

  it("differ by their time only where that is asked for, and only by enough", () => {
    const slower = { ...settings, slower: { times: 2, floorMs: 50 } };
    expect(compareAnswers(json(1), json(1, { firstByteMs: 5_000 }), settings)).toBeNull();
    expect(compareAnswers(json(1), json(1, { firstByteMs: 59 }), slower)).toBeNull();
    expect(compareAnswers(json(1), json(1, { firstByteMs: 60 }), slower)).toEqual({ kind: "time", at: "" });
    expect(compareAnswers(json(1, { firstByteMs: 40 }), json(1, { firstByteMs: 79 }), slower)).toBeNull();
  });
});

test("any JSON is equal to itself with its members in another order, and never to itself with one leaf changed", () => {
  const reversed = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(reversed) : typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).toReversed().map(([name, member]) => [name, reversed(member)])) : value;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const normal: unknown = JSON.parse(JSON.stringify(value));
      expect(compareAnswers(json(normal), json(reversed(normal)), settings)).toBeNull();
      expect(compareAnswers(json({ value: normal, leaf: 1 }), json({ value: reversed(normal), leaf: 2 }), settings)).toEqual({ kind: "body", at: "/leaf" });
    }),
  );
});
