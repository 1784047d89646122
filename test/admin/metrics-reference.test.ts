import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { metricTable } from "../../src/admin/metric-table.ts";
import { metricFiles } from "../../scripts/metrics-reference.ts";

it.each([...metricFiles()])("%s has what /metrics has: run `node scripts/metrics-reference.ts` after a change", (path, text) => {
  expect(readFileSync(join(import.meta.dirname, "../..", path), "utf8")).toBe(text);
  for (const { name } of metricTable) expect(text).toContain(name);
});
