/** The OpenAPI document and the reference page are the table, and nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { apiReference, apiReferenceFile } from "../../../scripts/api-reference.ts";
import { api } from "../../../src/admin/api/table.ts";
import { ask, parsed, start } from "../client.ts";
import { world } from "../world.ts";

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string; readonly responses: object; readonly "x-permission": string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const { table } = api(world().ports);
const served = async (): Promise<OpenApi> => parsed<OpenApi>(await ask(await start(), "/openapi.json"));

it("is a valid OpenAPI 3.1 document, by the published schema", async () => {
  const document = await served();
  const { valid, errors } = await new Validator().validate({ ...document });
  expect(errors ?? []).toEqual([]);
  expect([valid, document.openapi]).toEqual([true, "3.1.1"]);
});

it("has each row once, with an id of its own and the permission that the router asks for", async () => {
  const document = await served();
  const listed = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, { operationId, "x-permission": permission }]) => [method.toUpperCase(), path, operationId, permission].join(" ")));
  expect(listed.toSorted((a, b) => a.localeCompare(b))).toEqual(table.map(({ method, path, id, permission }) => [method, path, id, permission].join(" ")).toSorted((a, b) => a.localeCompare(b)));
  expect(new Set(table.map(({ id }) => id)).size).toBe(table.length);
});

it("refers only to what it has", async () => {
  const document = await served();
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!);
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) expect(document.components.schemas).toHaveProperty([reference.replace("#/components/schemas/", "")]);
  expect(JSON.stringify(document)).not.toContain("$defs");
});

it("docs/api.md has what the table has: run `node scripts/api-reference.ts` after a change", () => {
  expect(readFileSync(join(import.meta.dirname, "../../..", apiReferenceFile), "utf8")).toBe(apiReference());
});
