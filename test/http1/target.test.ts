import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { routingPath } from "../../src/http1/target.ts";

const once = (path: string): string => path.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
const escape = (text: string): string => text.replaceAll(/./gs, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

const part = fc.constantFrom("/", "/", "/", "..", ".", "a", "admin", "%2e", "%2E", "%2f", "%5c", "\\", ";x", "%3b", "%25", "%252e", "%252f", "%61", "%", "%zz", "...", ".a", "a.", "~", "%c3%a9", "%7f", "%00");
const paths = fc.array(part, { maxLength: 12 }).map((parts) => `/${parts.join("")}`);

describe("the path that routes are matched on", () => {
  it("is the same before and after a service decodes", () => {
    fc.assert(
      fc.property(paths, (path) => {
        const route = routingPath(path);
        const decoded = once(path);
        if (route !== null) expect(routingPath(decoded)).toBe(route);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is the same for any part that is escaped", () => {
    fc.assert(
      fc.property(paths, fc.nat(), fc.nat({ max: 4 }), (path, place, length) => {
        const at = 1 + (place % path.length);
        const escaped = path.slice(0, at) + escape(path.slice(at, at + length)) + path.slice(at + length);
        const route = routingPath(path);
        const other = routingPath(escaped);
        // An escape inside an escape may spoil that one; both are then decoded to the same text or refused.
        if (route !== null && other !== null) expect(other).toBe(route);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is a fixed point without dot segments, empty segments, backslashes, escapes or control bytes", () => {
    fc.assert(
      fc.property(paths, (path) => {
        const route = routingPath(path);
        if (route === null) return;
        expect(routingPath(route)).toBe(route);
        expect(route).toMatch(/^\//);
        expect(route).not.toMatch(/\/\/|\\|%[0-9a-fA-F]{2}/);
        expect(route.split("").filter((c) => c < " " || c === "\x7f")).toEqual([]);
        expect(route.split("/").slice(1)).not.toContain("..");
        expect(route.split("/").slice(1)).not.toContain(".");
      }),
      { numRuns: 5_000 },
    );
  });

  it("is the path itself where nothing is to be decoded", () => {
    for (const path of ["/", "/a", "/a/", "/a/b.c", "/a;b=c", "/~a/b-c_d", "/a/b.", "/a:b@c"]) expect(routingPath(path)).toBe(path);
  });

  it("takes a time that grows with the path only, however it is built", () => {
    const startMs = performance.now();
    for (const path of [`/${"a/".repeat(4_000)}`, `/${"../".repeat(2_700)}`, `/${"%2e".repeat(2_700)}`, `/${"%25".repeat(2_700)}`, `/${"a".repeat(8_000)}%`, `/${"/".repeat(8_000)}`, `/${"%252e".repeat(1_600)}`]) routingPath(path);
    // A thousandfold of what it takes; a regular expression that backtracks takes minutes.
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});
