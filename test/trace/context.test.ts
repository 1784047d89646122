import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTracestate, parseTraceparent } from "../../src/trace/context.ts";
import { TraceIds } from "../../src/trace/ids.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";

const hex = (length: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: length, maxLength: length });

describe("a traceparent", () => {
  it("is read as it was written", () => {
    fc.assert(fc.property(hex(32), hex(16), hex(2), (traceId, spanId, flags) => {
      fc.pre(!/^0+$/.test(traceId) && !/^0+$/.test(spanId));
      const bits = Number.parseInt(flags, 16);
      expect(parseTraceparent(`00-${traceId}-${spanId}-${flags}`)).toEqual({ traceId, spanId, sampled: (bits & 1) === 1, random: (bits & 2) === 2 });
    }));
  });

  it("is accepted exactly where the specification's grammar has it, also one character beside it", () => {
    // Level 1, section 3.2.2, written as an expression.
    const grammar = /^(?!ff)(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|(?!00)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)$/s;
    const oracle = (text: string): boolean => grammar.test(text) && !/^..-0{32}/.test(text) && !/^.{36}0{16}/.test(text);
    const near = fc.tuple(fc.constantFrom("00", "01", "fe", "ff", "0G", "cc"), fc.oneof(hex(32), fc.constant("0".repeat(32))), fc.oneof(hex(16), fc.constant("0".repeat(16))), hex(2), fc.constantFrom("", "-", "-more", ".x", " "))
      .map(([version, traceId, spanId, flags, more]) => `${version}-${traceId}-${spanId}-${flags}${more}`);
    const beside = fc.tuple(near, fc.nat(70), fc.constantFrom("", "-", "A", "g", " ", "\u0000", "0")).map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1));
    fc.assert(fc.property(fc.oneof(near, beside, fc.string({ maxLength: 70 })), (text) => {
      expect(parseTraceparent(text) !== null).toBe(oracle(text));
    }), { numRuns: 5_000 });
  });

  // Of the specification's own test suite (w3c/trace-context, test/test.py).
  it.each([
    `00-${trace}-${span}`, `00-${trace}-${span}-1`, `00-${trace}-${span}-01-`, `00-${trace}-${span}-01.`, `00-${trace}-${span}-01-what`, `ff-${trace}-${span}-01`,
    `0-${trace}-${span}-01`, `000-${trace}-${span}-01`, `00-${"0".repeat(32)}-${span}-01`, `00-${trace}-${"0".repeat(16)}-01`, `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span.toUpperCase()}-01`, `00-.${trace.slice(1)}-${span}-01`, `00-${trace}-${span}-.0`, `00-${trace}-${span}-0.`, "", "-", `00 ${trace} ${span} 01`, `.0-${trace}-${span}-01`,
  ])("%j is none", (text) => expect(parseTraceparent(text)).toBeNull());

  it.each([`cc-${trace}-${span}-01`, `cc-${trace}-${span}-01-what-the-future-will-be-like`, `fe-${trace}-${span}-01-`])("of a later version is read as far as it is known: %j", (text) => {
    expect(parseTraceparent(text)).toEqual({ traceId: trace, spanId: span, sampled: true, random: false });
  });
});

describe("a tracestate", () => {
  const member = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9_*/-]{0,20}$/), fc.stringMatching(/^[!-+\--<>-~]{1,20}$/)).map(([key, value]) => ({ key, value }));

  it("passes where keys differ and there are 32 at most, over one field or several", () => {
    fc.assert(fc.property(fc.uniqueArray(member, { selector: ({ key }) => key, maxLength: 40 }), fc.nat(40), (members, cut) => {
      const texts = members.map(({ key, value }) => `${key}=${value}`);
      expect(isTracestate([texts.slice(0, cut).join(","), texts.slice(cut).join(" ,\t")])).toBe(members.length <= 32);
    }));
  });

  it.each([
    [["foo=1,foo=2"]], [["foo=1", "foo=2"]], [["foo"]], [["foo="]], [["=1"]], [["FOO=1"]], [["foo =1"]], [["foo@=1"]], [["@foo=1"]], [["foo@@bar=1"]], [["foo=bar=baz"]], [["foo=1 2\t3"]],
    [[`${"z".repeat(257)}=1`]], [[`${"t".repeat(242)}@v=1`]], [[`t@${"v".repeat(15)}=1`]], [[`foo=${"v".repeat(257)}`]], [["foo=é"]],
    [[Array.from({ length: 33 }, (_, i) => `bar${i}=1`).join(",")]],
  ])("%j is none", (values) => expect(isTracestate(values)).toBe(false));

  it.each([[[]], [[""]], [["foo=1,,bar=2"]], [["foo=1 \t , \t bar=2"]], [["0tenant@vendor=x"]], [[`${"z".repeat(256)}=1`]], [[`foo=${"v".repeat(256)}`]], [["foo= a b"]]])("%j is one", (values) => expect(isTracestate(values)).toBe(true));
});

it("ids are well-formed, and no two of 20,000 are the same", () => {
  const ids = new TraceIds();
  const traces = Array.from({ length: 20_000 }, () => ids.trace());
  const spans = Array.from({ length: 20_000 }, () => ids.span());
  for (const [all, form] of [[traces, /^(?!0{32})[0-9a-f]{32}$/], [spans, /^(?!0{16})[0-9a-f]{16}$/]] as const) {
    expect(all.filter((id) => !form.test(id))).toEqual([]);
    expect(new Set(all).size).toBe(all.length);
  }
});
