/** The same in a real browser: Debian's Chromium, where it is installed (apt-get install chromium). */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { chromium } from "../support/browser.ts";
import type { TestRoute } from "../support/proxy.ts";
import { ok } from "../support/raw-upstream.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const profile = mkdtempSync(join(tmpdir(), "ebbgate-chromium-"));
afterAll(() => rmSync(profile, { recursive: true, force: true, maxRetries: 10 }));
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--user-data-dir=${profile}`, "--dump-dom"];

/** A version of an application: its page loads scripts of its own version, the last one only when the weights have moved. */
const page = (version: string): string =>
  `<!doctype html><title>${version}</title><body><script>const seen = [];</script><script src="/app.js"></script><script src="/held.js"></script><script src="/late.js"></script><link rel="stylesheet" href="/late.css"><script>document.body.dataset.seen = seen.join(" ");</script>`;
const typed = (type: string): string => `content-type: ${type}\r\ncache-control: no-store\r\n`;

it.skipIf(chromium === undefined)("a page's scripts and styles come from its own version, also those that it loads when its user has moved on", async () => {
  let held: () => void = () => {};
  const asked: string[] = [];
  const application = (version: string) => upstreamFor(({ target, connection }) => {
    asked.push(`${version} ${target}`);
    if (target === "/") return ok(page(version), typed("text/html"));
    if (target.endsWith(".css")) return ok("", typed("text/css"));
    const script = ok(`seen.push("${version}:${target}");`, typed("text/javascript"));
    if (target !== "/held.js") return script;
    held = () => void connection.socket.write(script);
    return;
  });
  const [v1, v2] = await Promise.all([application("v1"), application("v2")]);
  const route = (weight: number): TestRoute => ({ name: "app", assets: { paths: [], cookie: null }, variants: { v1: { endpoints: [v1.id] }, v2: { endpoints: [v2.id], weight } } });
  const proxy = await proxyFor([route(0)]);
  // The browser brings no cohort key: at 100% all that it asks for, and that is no asset of an old page, is version 2's.
  const shown = promisify(execFile)(chromium!, [...flags, `http://127.0.0.1:${proxy.port}/`], { timeout: 60_000 });
  await v1.until(() => asked.includes("v1 /held.js"));
  await proxy.publish([route(100)]);
  held();
  expect((await shown).stdout).toContain('data-seen="v1:/app.js v1:/held.js v1:/late.js"');
  expect(asked.filter((line) => /\.(?:js|css)$/.test(line)).toSorted()).toEqual(["v1 /app.js", "v1 /held.js", "v1 /late.css", "v1 /late.js"]);
}, 90_000);
