/** No secret is ever shown: every kind of them, searched for in everything that a real sidecar gives out. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { mintToken } from "../../src/admin/access/token.ts";
import { createToken, revokeTokens } from "../../src/admin/access/token-writer.ts";
import { dispatch } from "../../src/cli/args.ts";
import { commands } from "../../src/commands.ts";
import { capture } from "../cli/capture.ts";
import { fails, Receiver } from "../support/receiver.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import { entry } from "../support/entry.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const random = (): string => randomBytes(24).toString("base64url").replaceAll(/[-_]/g, "x");
/** What stands for each kind; long and random, so that where it is found it has leaked. */
const secrets = {
  storePassword: random(), signing: `whsec_${randomBytes(32).toString("base64")}`, bearer: random(), routingKey: random(), urlKey: random(), collector: random(),
  userToken: random(), userCookie: random(), apiKey: random(), operator: "", revoked: "", wrong: mintToken().text, pasted: mintToken().text, inPath: mintToken().text, inQuery: mintToken().text, asName: mintToken().text,
};

let place: Workplace;
let redis: RedisServer;
let hook: Receiver;
let sidecar: SidecarProcess;
let stderr = "";
beforeEach(async () => {
  if (!hasRedis) return;
  place = new Workplace();
  hook = await Receiver.start();
  redis = await RedisServer.start({ args: ["--requirepass", secrets.storePassword] });
  const tokens = join(place.directory, "tokens");
  secrets.operator = (await createToken(tokens, { name: "alice", role: "admin", by: "test", expires: null }, Date.now())).text;
  const { text, record } = await createToken(tokens, { name: "mallory", role: "admin", by: "test", expires: null }, Date.now());
  secrets.revoked = text;
  await revokeTokens(tokens, ({ id }) => id === record.id, "test", "found on the internet", Date.now());
  place.env = { STORE_PASSWORD: secrets.storePassword, HOOK_SECRET: secrets.signing, HOOK_BEARER: secrets.bearer, PAGER_KEY: secrets.routingKey, HOOK_URL: `http://127.0.0.1:${hook.port}/hook?key=${secrets.urlKey}`, COLLECTOR_KEY: secrets.collector };
  const to = { url: "${HOOK_URL}", giveUpAfter: "1s", timeout: "500ms", notify: {} };
  place.writeText(JSON.stringify({
    listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0", tokens: "tokens" }, log: { level: "trace", access: { enabled: true, sample: "100%" } },
    store: { type: "redis", address: `127.0.0.1:${redis.port}`, password: "${STORE_PASSWORD}" },
    tracing: { sample: "100%", export: { url: `http://127.0.0.1:${hook.port}/v1/traces`, headers: [{ name: "x-collector-key", value: "${COLLECTOR_KEY}" }] } },
    webhooks: { allow: ["127.0.0.1"], targets: [{ name: "all", secret: "${HOOK_SECRET}", bearer: "${HOOK_BEARER}", ...to }, { name: "pager", format: "pagerduty", routingKey: "${PAGER_KEY}", ...to }] },
    dynamic: { routes: [{ name: "shop", variants: [{ name: "v1", endpoints: [`http://127.0.0.1:${hook.port}`] }, { name: "v2", endpoints: [`http://127.0.0.1:${hook.port}`], revision: "2" }], rollout: { candidate: "v2", steps: [50, 100] } }] },
  }));
  sidecar = await place.start();
  stderr = "";
  sidecar.child.stderr!.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
});
afterEach(async () => {
  if (!hasRedis) return;
  place.clear();
  await hook.down();
  await redis.stop();
});

const ask = (path: string, token: string | null, init: RequestInit = {}): Promise<Response> => fetch(`${sidecar.admin}${path}`, { ...init, headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...(init.headers as Record<string, string>) } });
const textOf = async (path: string): Promise<string> => (await ask(path, secrets.operator)).text();
const body = (reason: string, headers: Record<string, string> = {}): RequestInit => ({ method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ reason }) });

/** A stream's text as it comes, from the first event on. */
async function events(): Promise<() => string> {
  const reader = (await ask("/api/v1/events?after=0", secrets.operator)).body!.getReader();
  const decoder = new TextDecoder();
  let got = "";
  const pump = async (): Promise<void> => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) got += decoder.decode(part.value, { stream: true });
  };
  pump().catch(() => undefined);
  return () => got;
}

it.skipIf(!hasRedis)("a token, a password or a webhook secret never appears in logs, events, reports, /metrics or process titles", async () => {
  // Each is used, rightly and wrongly, in each place where somebody might put it.
  const streamed = await events();
  for (let i = 0; i < 5; i++) await (await fetch(`${sidecar.proxy}/basket?token=${secrets.inQuery}`, { headers: { authorization: `Bearer ${secrets.userToken}`, cookie: `session=${secrets.userCookie}`, "x-api-key": secrets.apiKey } })).text();
  const answers: string[] = [];
  const denied = async (path: string, token: string | null, headers: Record<string, string> = {}): Promise<void> => {
    const reply = await ask(path, token, { headers });
    expect([401, 404]).toContain(reply.status);
    // What says a part of its own path back to who sent it is no leak; everything else would be.
    if (reply.status === 401) answers.push(await reply.text());
  };
  await denied("/api/v1/status", secrets.wrong);
  await denied("/api/v1/status", secrets.revoked);
  await denied("/api/v1/status", null, { "x-api-key": secrets.apiKey });
  await denied(`/api/v1/status?access_token=${secrets.inQuery}`, null);
  await denied(`/api/v1/rollouts/${secrets.inPath}`, null);
  await denied("/api/v1/status", null, { "ebbgate-user": secrets.asName });
  hook.answer = fails(500);
  expect((await ask("/api/v1/rollouts/shop/rollback", secrets.operator, body(`it lets in whoever has ${secrets.pasted}`))).status).toBe(200);
  await until(() => streamed().includes("commandRollback"));
  // The calls fail, and are given up: what is kept of them is searched as well.
  await until(async () => (await textOf("/api/v1/webhooks/all/dead-letters")).includes("commandRollback"));

  const cli = async (...args: string[]): Promise<string> => {
    const io = capture({ cwd: place.directory, env: place.env as Record<string, string> });
    await dispatch(commands, args, io, "test");
    return io.out() + io.err();
  };
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const own = processes.filter((pid) => {
    try {
      return pid === String(sidecar.child.pid) || readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[3] === String(sidecar.child.pid);
    } catch {
      return false;
    }
  });
  const titles = await Promise.all(own.flatMap((pid) => ["cmdline", "comm", "stat"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => ""))));
  const places: Record<string, string> = {
    "the answers to who was denied": answers.join("\n"), "the event stream": streamed(), "process titles": titles.join("\n"),
    "what receivers are told": hook.received.map((one) => one.body).join("\n"),
    "ebbgate audit list": await cli("audit", "list", "-c", "ebbgate.json"), "ebbgate audit export": await cli("audit", "export", "-c", "ebbgate.json"), "ebbgate token list": await cli("token", "list", "--all", "-c", "ebbgate.json"),
    "ebbgate report": await cli("report", "shop", "-c", "ebbgate.json"), "ebbgate validate": await cli("validate", "ebbgate.json"), "the tokens file": await readFile(join(place.directory, "tokens"), "utf8"),
  };
  for (const path of ["/", "/metrics", "/openapi.json", "/api/v1/status", "/api/v1/rollouts", "/api/v1/config", "/api/v1/gates", "/api/v1/audit?evidence=true", "/api/v1/webhooks", "/api/v1/webhooks/all/dead-letters", "/api/v1/rollouts/shop/report", "/api/v1/rollouts/shop/report?format=html"]) places[path] = await textOf(path);
  await sidecar.stop();
  places["the log"] = sidecar.lines.map((line) => JSON.stringify(line)).join("\n") + stderr;
  places["the cache on the disk"] = await place.text();

  // What is searched is there.
  expect(places["the log"]).toMatch(/denied to a stranger.*"commandRollback"/s);
  expect(places["the event stream"]).toContain("dev.ebbgate.rollout.commandRollback");
  expect(places["ebbgate audit list"]).toMatch(/denied: GET \/api\/v1\/rollouts\/ebbgate_[a-z0-9]+_\[redacted\] \(401\)/);
  expect(places["ebbgate audit list"]).toMatch(/commandRollback: .* by alice \(it lets in whoever has ebbgate_[a-z0-9]+_\[redacted\]\)/);
  expect(places["/api/v1/rollouts/shop/report"]).toContain("alice");
  expect(places["what receivers are told"]).toContain("commandRollback");
  expect(titles.join("")).toContain(entry);

  const leaks = Object.entries(places).flatMap(([where, text]) => Object.entries(secrets).filter(([, secret]) => text.includes(secret) || text.includes(secret.slice(-32))).map(([name]) => `${name} in ${where}`));
  // PagerDuty wants its key in the body: that is whom it is for.
  expect(leaks.filter((leak) => leak !== "routingKey in what receivers are told")).toEqual([]);
});
