import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadConfiguration } from "../../src/config/load.ts";
import type { TracingConfiguration } from "../../src/config/definition.ts";

const directory = mkdtempSync(join(tmpdir(), "ebbgate-tracing-"));
afterAll(() => rmSync(directory, { recursive: true }));

const variants = [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }];

async function load(tracing: object | undefined): Promise<TracingConfiguration | null | string> {
  const file = join(directory, "ebbgate.json");
  writeFileSync(file, JSON.stringify({ listeners: [{ address: "127.0.0.1:8080" }], tracing, dynamic: { routes: [{ name: "shop", variants }] } }));
  const loaded = await loadConfiguration(file, { KEY: "k3y" });
  return loaded.ok ? loaded.value.bootstrap.tracing : loaded.problems.map(({ path, message, remedy }) => `${path} ${message}. ${remedy}`).join("\n");
}

it("no section means that requests are not traced; an empty one, that contexts are made and nothing is exported", async () => {
  expect(await load(undefined)).toBeNull();
  expect(await load({})).toEqual({ settings: { sample: 0.01, sampleCandidates: 0.1, trustedOnly: false, exported: false }, serviceName: "ebbgate", export: null });
});

it("candidates are sampled ten times as often unless it says otherwise, and never more than always", async () => {
  expect(await load({ sample: "50%" })).toMatchObject({ settings: { sample: 0.5, sampleCandidates: 1 } });
  expect(await load({ sample: "50%", sampleCandidates: "2%" })).toMatchObject({ settings: { sample: 0.5, sampleCandidates: 0.02 } });
});

it.each([["http://otel:4318", "http://otel:4318/v1/traces"], ["https://otel.example/", "https://otel.example/v1/traces"], ["http://otel:4318/own/path", "http://otel:4318/own/path"]])("spans for %s go to %s", async (url, to) => {
  expect(await load({ export: { url, headers: [{ name: "x-api-key", value: "${KEY}" }] } })).toMatchObject({ settings: { exported: true }, export: { url: to, headers: [["x-api-key", "k3y"]], timeoutMs: 5_000 } });
});

it.each([
  ["otel:4318", "neither http nor https"], ["", "is not an address"], ["http://otel:4317", "port of OTLP/gRPC"], ["http://ada:s3cret@otel:4318", "carries credentials"], ["http://otel:4318/?token=s3cret", "query"],
])("an address %j is refused, with the remedy", async (url, why) => {
  const problems = await load({ export: { url } });
  expect(problems).toContain(`tracing.export.url`);
  expect(problems).toContain(why);
  expect(problems).not.toContain("s3cret");
});
