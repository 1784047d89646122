import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { baggageBytesMax, baggageLine, baggageMembersMax, laneOf, readBaggage } from "../../src/split/baggage.ts";

/** What a reader of the written line finds in it, by the grammar alone. */
const membersOf = (line: string): string[] => (line === "" ? [] : line.slice("baggage: ".length, -2).split(",").map((member) => member.trim()));
const carried = (lines: readonly string[], lane: string): string[] => membersOf(baggageLine(readBaggage(lines), lane));

describe("baggage", () => {
  it.each([
    ["none at all", [], "v2", ["ebbgate-variant=v2"]],
    ["others, which stay as they are and where they are", ["user=a%20b;ttl=5 , n=1"], "v2", ["user=a%20b;ttl=5", "n=1", "ebbgate-variant=v2"]],
    ["several lines, which are one list", ["a=1", "b=2, c=3"], "v2", ["a=1", "b=2", "c=3", "ebbgate-variant=v2"]],
    ["ours, wherever it is", ["ebbgate-variant=v9,a=1", "b=2 ,\tebbgate-variant = v8 ;x"], "v2", ["a=1", "b=2", "ebbgate-variant=v2"]],
    ["ours in another case, which somebody might read", ["Ebbgate-Variant=v9,a=1"], "v2", ["a=1", "ebbgate-variant=v2"]],
    ["ours without a value", ["ebbgate-variant,ebbgate-variant;p=1,a=1"], "v2", ["a=1", "ebbgate-variant=v2"]],
    ["what only looks like ours", ["ebbgate-variants=v9,x-ebbgate-variant=v8,a=ebbgate-variant"], "v2", ["ebbgate-variants=v9", "x-ebbgate-variant=v8", "a=ebbgate-variant", "ebbgate-variant=v2"]],
    ["a property of another member, which is the other's", ["a=1;ebbgate-variant=v9"], "v2", ["a=1;ebbgate-variant=v9", "ebbgate-variant=v2"]],
    ["nothing to tell", ["a=1,ebbgate-variant=v9"], "", ["a=1"]],
    ["nothing to tell and nothing there", ["ebbgate-variant=v9"], "", []],
  ])("with %s", (_what, lines, lane, expected) => {
    expect(carried(lines, lane)).toEqual(expected);
  });

  it.each([["ebbgate-variant=v2", "v2"], ["a=1, ebbgate-variant\t= v2 ;p", "v2"], ["ebbgate-variant=v2,ebbgate-variant=v3", "v2"], ["ebbgate-variant=,ebbgate-variant=v3", "v3"], ["ebbgate-variant=v%32", ""], ["ebbgate-variant=-v", ""], [`ebbgate-variant=${"v".repeat(65)}`, ""], ["a=ebbgate-variant", ""]])("%j names the lane %j", (line, lane) => {
    expect(readBaggage([line]).lane).toBe(lane);
  });

  it("keeps what is there, and not ours, where both would pass the limits that everybody must carry", () => {
    const many = Array.from({ length: baggageMembersMax }, (_, i) => `k${i}=v`);
    expect(carried([many.join(",")], "v2")).toEqual(many);
    expect(carried([many.slice(1).join(",")], "v2")).toHaveLength(baggageMembersMax);
    const large = `k=${"v".repeat(baggageBytesMax - 50)}`;
    expect(carried([large], "v2")).toEqual([large]);
  });

  it("never loses, repeats or alters another's member, nor lets a lane through that is not ours", () => {
    const part = fc.oneof(fc.string({ unit: fc.constantFrom(..."ab=;,\" \t\u00e9%-".split("")), maxLength: 12 }), fc.constantFrom("ebbgate-variant=v9", " EBBGATE-variant=v9;p", "ebbgate-variant", "a=1"));
    fc.assert(fc.property(fc.array(fc.array(part, { maxLength: 6 }).map((parts) => parts.join(",")), { maxLength: 3 }), fc.constantFrom("", "v2"), (lines, lane) => {
      const all = lines.flatMap((line) => line.split(",")).filter((member) => !/^[ \t]*$/.test(member));
      const others = all.filter((member) => !/^[ \t]*ebbgate-variant[ \t]*([=;]|$)/i.test(member));
      const read = readBaggage(lines);
      expect(read.others.split(",").filter((member) => member !== "")).toEqual(others.map((member, i) => (i === 0 ? member.replace(/^[ \t]+/, "") : member)));
      const again = readBaggage([baggageLine(read, lane).slice("baggage: ".length, -2)]);
      expect(again.lane).toBe(lane);
      expect(laneOf(again.lane)).toBe(again.lane);
    }), { numRuns: 500 });
  });
});
