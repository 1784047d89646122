import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** The picture of ARCHITECTURE.md: imports point down only, and rooms on one row never import each other. */
const picture = /```rooms\n([\s\S]*?)```/.exec(readFileSync("ARCHITECTURE.md", "utf8"))?.[1] ?? "";

/** Room -> row. The root's own files are the room "src". */
const rows = new Map(
  picture
    .split("\n")
    .filter((line) => /^\s*\d/.test(line))
    .flatMap((line) => {
      const row = Number(/\d+/.exec(line)![0]);
      return [...line.matchAll(/src\/([a-z0-9]+\/|\*\.ts)/g)].map((match) => [match[1] === "*.ts" ? "src" : match[1]!.slice(0, -1), row] as const);
    }),
);

const sources = (directory: string): string[] =>
  readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? sources(path) : path.endsWith(".ts") ? [path] : [];
  });

const roomOf = (file: string): string => {
  const [, first, ...rest] = relative(".", file).split("/");
  return rest.length === 0 ? "src" : first!;
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Static imports, re-exports and dynamic imports of the project's own files. */
const imports: Import[] = sources("src").flatMap((from) =>
  [...readFileSync(from, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map((match) => ({ from, to: relative(".", resolve(dirname(from), match[1]!)) })),
);

describe("the structure that ARCHITECTURE.md draws", () => {
  it("names every room of src/, and no other", () => {
    const rooms = new Set(sources("src").map(roomOf));
    expect([...rows.keys()].toSorted()).toEqual([...rooms].toSorted());
  });

  it("finds the imports that it is to judge", () => {
    expect(imports.length).toBeGreaterThan(200);
    expect(imports.every(({ to }) => statSync(to).isFile())).toBe(true);
  });

  it("lets imports point down only, and never between rooms of one row", () => {
    const wrong = imports.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return !to.startsWith("src/") || (room !== other && rows.get(room)! <= rows.get(other)!);
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it("no Redis call on the request path: nothing that a proxy thread loads can reach the store, or Redis", () => {
    const loaded = new Set(["src/proxy/thread.ts"]);
    for (const file of loaded) for (const { from, to } of imports) if (from === file) loaded.add(to);
    // It follows imports: what parses heads is not imported by the thread itself.
    expect(loaded).toContain("src/http1/request-head.ts");
    expect([...loaded].map(roomOf).filter((room) => ["store", "fleet", "rollout", "src"].includes(room))).toEqual([]);
    expect([...loaded].filter((file) => /ioredis|undici|"node:https?"/.test(readFileSync(file, "utf8")))).toEqual([]);
  });

  it("keeps files small: two of src/ above 300 lines at most, and none above 340", () => {
    const lines = sources("src").map((file) => readFileSync(file, "utf8").split("\n").length - 1);
    expect(lines.filter((count) => count > 300).length).toBeLessThanOrEqual(2);
    expect(Math.max(...lines)).toBeLessThanOrEqual(340);
  });
});
