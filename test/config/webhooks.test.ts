import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restartNeeded } from "../../src/config/compile-bootstrap.ts";
import type { BootstrapConfiguration } from "../../src/config/definition.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { parseShared } from "../../src/config/shared.ts";
import { signingKey } from "../support/receiver.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ebbgate-webhook-config-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const environment = { KEY: signingKey, HOOK: "https://hooks.example.com/services/T0/B0/in-the-path", ROUTING: "0123456789abcdef0123456789abcdef", BAD: "ftp://user:pass-in-url@example.com" };

async function load(webhooks: object, env: Record<string, string> = environment): Promise<BootstrapConfiguration | string[]> {
  const path = join(directory, "ebbgate.yaml");
  const routes = [{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }] }];
  await writeFile(path, JSON.stringify({ listeners: [{ address: "127.0.0.1:8080" }], webhooks, dynamic: { routes } }));
  const loaded = await loadConfiguration(path, env);
  return loaded.ok ? loaded.value.bootstrap : loaded.problems.map((problem) => formatProblem({ ...problem, file: "" }).replace(/^:\d+:\d+: webhooks\./, ""));
}

test("targets of every format can be written, with their secrets from the environment and from files", async () => {
  const loaded = await load({
    allow: ["10.0.0.0/8"],
    targets: [
      { name: "events", url: "${HOOK}", secret: "${KEY}", notify: {} },
      { name: "chat", format: "slack", url: { file: "chat-url" }, notify: { from: "warn", routes: ["shop"] } },
      { name: "pager", format: "pagerduty", routingKey: "${ROUTING}", notify: { from: "page" }, giveUpAfter: "1d", timeout: "5s" },
    ],
  });
  expect(loaded).toMatchObject({
    webhooks: {
      source: "/ebbgate", allow: ["10.0.0.0/8"],
      targets: [
        { name: "events", format: "cloudevents", timeoutMs: 10_000, giveUpAfterMs: 3_600_000, notify: { from: "info", routes: null } },
        { name: "chat", url: { kind: "file", path: join(directory, "chat-url") }, secret: null, notify: { from: "warn", routes: ["shop"] } },
        { name: "pager", timeoutMs: 5_000, giveUpAfterMs: 86_400_000, notify: { from: "page" } },
      ],
    },
  });
});

test("whoever prints a configuration sees none of its secrets, and yet sees that one has changed", async () => {
  const targets = [{ name: "events", url: "${HOOK}", secret: "${KEY}", bearer: "${ROUTING}", notify: {} }];
  const loaded = (await load({ targets })) as BootstrapConfiguration;
  const shown = `${JSON.stringify(loaded)} ${inspect(loaded, { depth: 20, showHidden: true })} ${String(Object.values(loaded.webhooks.targets[0]!).map(String))}`;
  for (const secret of [signingKey, signingKey.slice(6), "in-the-path", environment.ROUTING]) expect(shown).not.toContain(secret);
  const other = (await load({ targets }, { ...environment, KEY: `whsec_${"B".repeat(40)}` })) as BootstrapConfiguration;
  expect(restartNeeded(loaded, other)).toEqual(["webhooks"]);
});

test.each<[string, object, string]>([
  ["no url", { secret: "${KEY}" }, "targets[0]: has no url. Write url: ${NAME}."],
  ["no secret", { url: "${HOOK}" }, "targets[0]: has no secret to sign with. Write secret: ${NAME}."],
  ["no routing key", { format: "pagerduty" }, "targets[0]: has no routingKey. Write routingKey: ${NAME}."],
  ["a routing key too many", { format: "slack", url: "${HOOK}", routingKey: "${ROUTING}" }, "targets[0].routingKey: stands beside format: slack. Remove it, or write format: pagerduty."],
  ["a weak secret", { url: "${HOOK}", secret: "hunter2" }, "targets[0].secret: is not a signing secret. Make one with: echo whsec_$(openssl rand -base64 32); write ${NAME}, and put it into that environment variable."],
  ["a strange url", { url: "${BAD}", secret: "${KEY}" }, "targets[0].url: is not an http or https URL. Write https://host/path."],
  ["credentials in a url", { url: "https://user:pass-in-url@example.com", secret: "${KEY}" }, "targets[0].url: carries credentials. Write the URL without user and password, and give bearer."],
  ["a private address", { url: "http://10.0.0.7/", secret: "${KEY}" }, "targets[0].url: is not a public address, and webhooks.allow does not have it. Add 10.0.0.7 to webhooks.allow."],
  ["a metadata address", { url: "http://169.254.169.254/", secret: "${KEY}" }, "targets[0].url: is a link-local, metadata or multicast address, which is never called. Name another address."],
  ["an unknown format", { format: "slak", url: "${HOOK}" }, "targets[0].format: must be one of cloudevents, slack, pagerduty (got \"slak\"). Did you mean 'slack'? The choices are cloudevents, slack, pagerduty."],
])("%s is said with its place and remedy, and without its value", async (_, target, line) => {
  expect(await load({ targets: [{ name: "one", ...target }] })).toEqual([line]);
});

test("two targets have two names", async () => {
  const one = { name: "one", url: "${HOOK}", secret: "${KEY}" };
  expect(await load({ targets: [one, one] })).toEqual(["targets[1].name: is the name of an earlier target (got \"one\"). Give each target its own name."]);
});

test.each<[string, object, string]>([
  ["a playbook", { playbook: [{ name: "revert", target: "deplyo" }] }, "dynamic.routes[0].rollout.playbook[0].target: is not a target of this sidecar (got \"deplyo\"). Did you mean 'deploy'? Otherwise declare it under webhooks.targets."],
  ["an external gate", { steps: [{ weight: 100, externalGates: ["calendar"] }] }, "dynamic.routes[0].rollout.steps[0].externalGates[0]: is not a target of this sidecar (got \"calendar\"). Write deploy or chat, or declare it under webhooks.targets in the bootstrap document."],
  ["a gate that gives no answer", { steps: [{ weight: 100, externalGates: ["chat"] }] }, "dynamic.routes[0].rollout.steps[0].externalGates[0]: has format: slack, which gives no answer (got \"chat\"). Name a target with format: cloudevents."],
])("%s that names no target of the sidecar is refused, with the document that it stands in", async (_, rollout, line) => {
  const path = join(directory, "ebbgate.yaml");
  const targets = [{ name: "deploy", url: "${HOOK}", secret: "${KEY}" }, { name: "chat", format: "slack", url: "${HOOK}" }];
  const variants = [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }, { name: "v2", endpoints: ["http://127.0.0.1:3002"] }];
  await writeFile(path, JSON.stringify({ listeners: [{ address: "127.0.0.1:8080" }], webhooks: { targets }, dynamic: { routes: [{ name: "shop", variants, rollout: { candidate: "v2", ...rollout } }] } }));
  const loaded = await loadConfiguration(path, environment);
  expect(loaded.ok ? [] : loaded.problems.map((problem) => formatProblem({ ...problem, file: "" }).replace(/^:\d+:\d+: /, ""))).toEqual([line]);
  const shared = parseShared(JSON.stringify({ routes: [{ name: "shop", variants, rollout: { candidate: "v2", ...rollout } }] }), "the store", { listeners: [], admin: { address: { host: "127.0.0.1", port: 9901 } }, targets: [{ name: "deploy", format: "cloudevents" }, { name: "chat", format: "slack" }], endpoints: null });
  expect(shared.ok ? [] : shared.problems.map((problem) => formatProblem({ ...problem, file: "" }).replace(/^:\d+:\d+: /, ""))).toEqual([line.replace("dynamic.", "")]);
});
