import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeadScanner } from "../../src/http1/head-scanner.ts";

/** What a scanner makes of pieces: the head and what is left, a refusal, or nothing yet. */
function scan(pieces: readonly string[]): { head: string; rest: string } | "refused" | "open" {
  const scanner = new HeadScanner();
  for (const [i, piece] of pieces.entries()) {
    const used = scanner.push(piece);
    if (scanner.error !== null) return "refused";
    if (used >= 0) return { head: scanner.take(), rest: piece.slice(used) + pieces.slice(i + 1).join("") };
  }
  return "open";
}

/** The same, said in one line each. */
function reference(text: string): ReturnType<typeof scan> {
  const end = text.indexOf("\r\n\r\n");
  const bare = /(?<!\r)\n|\r(?!\n)/.exec(text.replace(/\r$/, ""));
  if (bare !== null && (end < 0 || bare.index < end)) return "refused";
  return end < 0 ? "open" : { head: text.slice(0, end + 4), rest: text.slice(end + 4) };
}

const texts = fc.array(fc.constantFrom("\r", "\n", "\r\n", "a", "b: c", "\0", "\xff"), { maxLength: 14 }).map((parts) => parts.join(""));

describe("the head scanner", () => {
  it("finds the first empty line and refuses a bare CR or LF before it, wherever the bytes are cut", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 5 }), (text, cuts) => {
        const expected = reference(text);
        const at = [...new Set(cuts.map((place) => place % (text.length + 1)))].toSorted((a, b) => a - b);
        expect(scan([0, ...at].map((start, i) => text.slice(start, [...at, text.length][i])))).toEqual(expected);
        expect(scan(text.split(""))).toEqual(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is empty again once its head is taken", () => {
    const scanner = new HeadScanner();
    for (let i = 0; i < 3; i++) {
      expect(scanner.push("a\r\n")).toBe(-1);
      expect(scanner.push("\r\nnext")).toBe(2);
      expect(scanner.take()).toBe("a\r\n\r\n");
      expect(scanner.length).toBe(0);
    }
  });
});
