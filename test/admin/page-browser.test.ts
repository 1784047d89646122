/** The dashboard in a real Chromium. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Access } from "../../src/admin/access/access.ts";
import { problem } from "../../src/admin/problem.ts";
import { Browser, hasBrowser } from "../support/browser.ts";
import { loopback, start } from "./client.ts";
import { world } from "./world.ts";

describe.skipIf(!hasBrowser)("the dashboard", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.start();
  });
  afterAll(() => browser.close());

  it("shows variants, verdicts and decisions, and follows what changes", async () => {
    const w = world();
    const { port } = await start(w);
    const page = await browser.open(`http://127.0.0.1:${port}/`);
    await page.shows("rollout of v2");
    await page.shows("breached");
    w.state.rollouts = [{ ...w.state.rollouts[0]!, phase: "rolledBack" }];
    await page.shows("rolled back");
    w.state.posted = null;
    await page.shows("No route is configured");
    expect(await page.run("document.querySelector('#ready').textContent")).toBe("not ready");
  });

  it("shows whom the split gave how much, and that this is not what the weights say", async () => {
    const w = world();
    const split = { counts: "requests", candidate: 1_204, baseline: 22_796, share: 0.05, evidence: 0.02, threshold: 1_000, mismatch: false } as const;
    const give = (mismatch: boolean): unknown => (w.state.rollouts = [{ ...w.state.rollouts[0]!, split: { ...split, mismatch } }]);
    give(false);
    const { port } = await start(w);
    const page = await browser.open(`http://127.0.0.1:${port}/`);
    await page.shows("split of requests1,20422,7965% expected, is 5.0%as dealt");
    give(true);
    await page.shows("mismatch");
    w.state.rollouts = [{ ...w.state.rollouts[0]!, split: null, phase: "rolledBack" }];
    await page.shows("rolled back");
    expect(await page.run("document.querySelector('main').textContent")).not.toContain("split of");
  });

  it("asks for a token where one is needed, keeps it for the tab, and says so where it is not taken", async () => {
    const asked: (string | undefined)[] = [];
    const access: Access = {
      exposed: true, denied: () => undefined,
      admit({ authorization }) {
        asked.push(authorization);
        return Promise.resolve(authorization === "Bearer right" ? { principal: { name: "ada", role: "viewer", verified: true } } : { answer: problem(401, "Who is it?") });
      },
    };
    const { port } = await start(world(), loopback, access);
    const page = await browser.open(`http://127.0.0.1:${port}/`);
    const type = (token: string): Promise<unknown> => page.run(`document.querySelector("#token").value = ${JSON.stringify(token)}; document.querySelector("main button").click()`);
    await page.shows("Who is it?");
    await type("wrong");
    await page.shows("That token is not taken.");
    await type("right");
    await page.shows("rollout of v2");
    await page.run("location.reload()");
    await page.shows("rollout of v2");
    expect(new Set(asked)).toEqual(new Set([undefined, "Bearer wrong", "Bearer right"]));
    expect(await page.run("document.cookie + location.href")).not.toContain("right");
  });
});
