import { createHash } from "node:crypto";
import { Script } from "node:vm";
import { describe, expect, it } from "vitest";
import { statusPage } from "../../src/admin/page.ts";

const between = (open: string, close: string): string => statusPage.body.split(open)[1]!.split(close)[0]!;
const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

describe("the status page", () => {
  it("runs its own script and style under its policy, and nothing else", () => {
    const policy = statusPage.headers!["content-security-policy"]!;
    expect(policy).toContain(`script-src ${hash(between("<script>", "</script>"))}`);
    expect(policy).toContain(`style-src ${hash(between("<style>", "</style>"))}`);
    expect(policy).not.toContain("unsafe");
  });

  it("is a script that parses, and takes names from the configuration as text only", () => {
    const script = between("<script>", "</script>");
    expect(() => new Script(script)).not.toThrow();
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/);
  });

  it("loads nothing from anywhere", () => {
    expect(statusPage.body).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(statusPage.body).not.toMatch(/<(?:link|img|iframe)\b|\bstyle="|\bon[a-z]+="/);
  });
});
