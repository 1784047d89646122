import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { until } from "../hooks/world.ts";
import { Receiver, signingKey } from "../support/receiver.ts";
import { TwoVersions } from "../support/two-versions.ts";

/** Real processes start and stop, on a machine that others use as well. */
vi.setConfig({ testTimeout: 120_000 });

let shop: TwoVersions;
let receiver: Receiver;

beforeEach(async () => {
  shop = new TwoVersions();
  receiver = await Receiver.start();
});
afterEach(async () => {
  shop.clear();
  await receiver.down();
});

it("is there within 10 s of the end of a rollback, beside the running sidecar, with all that happened", async () => {
  const webhooks = { allow: ["127.0.0.1"], targets: [{ name: "ops", url: receiver.url, secret: signingKey }] };
  const sidecar = await shop.start({ steps: [{ weight: 50, dwell: "1s", minRequests: 20, evidence: false }, { weight: 60 }, 100], exposureBudget: 5_000, playbook: [{ name: "revert-code", target: "ops" }] }, webhooks);
  await shop.whileUsersCome(sidecar, shop.decided("stepCompleted"));
  shop.status = 503;
  await shop.whileUsersCome(sidecar, shop.decided("verified"));
  const endedMs = performance.now();
  const { code, stdout, stderr } = await shop.cli("report", "shop", "--config", "ebbgate.json");
  expect(performance.now() - endedMs).toBeLessThan(10_000);
  expect([code, stderr]).toEqual([0, ""]);
  for (const said of [
    "# shop: v2 (2.0.0) was rolled back", "| 50% |", "| 60% |", "the breaker tripped", "done by ops after 1 attempt", "The baseline was back inside its earlier limits", "of 5000 bad candidate answers",
    "data:image/svg+xml;base64,",
  ]) expect(stdout).toContain(said);
  expect(stdout).toMatch(/\d+ requests of at least \d+ users \(cohorts\) reached the candidate/);

  expect((await shop.cli("report", "shop", "-c", "ebbgate.json", "-o", "shop.html")).code).toBe(0);
  const page = readFileSync(join(shop.place.directory, "shop.html"), "utf8");
  expect(page).toMatch(/^<!doctype html>/);
  expect(page.match(/<svg /g)).toHaveLength(3);
  const told = JSON.parse((await shop.cli("report", "shop", "-c", "ebbgate.json", "--json")).stdout) as { outcome: string; exposure: { cohorts: number }; playbook: unknown[] };
  expect(told).toMatchObject({ outcome: "rolledBack", playbook: [{ record: { step: "revert-code", outcome: "done" } }] });
  expect(told.exposure.cohorts).toBeGreaterThan(10);
  await until(() => shop.recorded().some(({ kind }) => kind === "playbook"));
  expect((await shop.cli("audit", "list", "-c", "ebbgate.json")).stdout).toContain("playbook: shop: step 'revert-code' after the rollback of record");
  expect(await sidecar.stop()).toBe(0);
});

it.each([
  [["report"], 2, "NAME is missing"],
  [["report", "shop", "--format", "pdf"], 2, "--format is one of markdown, html, json, not 'pdf'"],
  [["report", "shop", "--config", "nothing.json"], 1, "nothing.json: does not exist"],
  [["report", "shop", "--file", "nothing.jsonl"], 1, "nothing.jsonl does not exist"],
])("%j ends with a code and one helpful line", async (args, code, line) => {
  const ended = await shop.cli(...args);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain(line);
  expect(ended.stdout).toBe("");
});

it("of a rollout that the log does not know names those that it knows", async () => {
  const sidecar = await shop.start({ steps: [50, 100] });
  await until(shop.decided("started"));
  const { code, stderr } = await shop.cli("report", "shopp", "-c", "ebbgate.json");
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^ebbgate report: .* has no rollout 'shopp'; it has shop\n$/)]);
  const known = await shop.cli("report", "shop", "-c", "ebbgate.json");
  expect(known.stdout).toContain("# shop: v2 (2.0.0) is under way");
  expect(await sidecar.stop()).toBe(0);
});
