import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { metricTable } from "../../src/admin/metric-table.ts";
import { metricsFile, metricsPage } from "../../scripts/metrics-reference.ts";

it("docs/metrics.md says what /metrics says: run `node scripts/metrics-reference.ts` after a change", () => {
  const page = metricsPage();
  expect(readFileSync(join(import.meta.dirname, "../..", metricsFile), "utf8")).toBe(page);
  for (const { name } of metricTable) expect(page).toContain(`| \`${name}\` |`);
});
