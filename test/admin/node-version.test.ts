import { describe, expect, it } from "vitest";
import { nodeIsPatched, requirePatchedNode } from "../../src/admin/node-version.ts";

describe("CVE-2026-58044", () => {
  it("keeps Ebbgate from starting on a Node whose HTTP parser has the smuggling hole", () => {
    for (const version of ["18.20.0", "20.99.0", "22.23.1", "22.9.9", "23.11.1", "24.18.0", "24.9.0", "25.9.0", "26.5.0", "26.0.0", "26.5.1-rc.1", "nonsense", ""]) {
      expect(nodeIsPatched(version), version).toBe(false);
    }
    expect(() => requirePatchedNode("24.18.0")).toThrow("run 22.23.2, 24.18.1, 26.5.1 or later");
  });

  it("lets every repaired Node start, this one included", () => {
    for (const version of ["22.23.2", "22.24.0", "24.18.1", "24.19.0", "v26.5.1", "26.10.0", "26.6.0-nightly1", "27.0.0", "30.1.2"]) {
      expect(nodeIsPatched(version), version).toBe(true);
    }
    expect(() => requirePatchedNode()).not.toThrow();
  });
});
