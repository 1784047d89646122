import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { documentKinds, jsonSchema, type DocumentKind } from "../../src/config/json-schema.ts";
import { loadConfiguration, loadDynamic } from "../../src/config/load.ts";
import { generatedFiles } from "../../scripts/config-reference.ts";

const root = join(import.meta.dirname, "../..");
const samples = readdirSync(join(root, "config")).filter((name) => name.endsWith(".yaml"));

/** Compiled once for all samples: that takes ajv longer than all of them together. */
const compiled = new Map<DocumentKind, ValidateFunction>();
function validatorOf(kind: DocumentKind): ValidateFunction {
  const known = compiled.get(kind) ?? new Ajv({ strict: false, allErrors: true }).compile(jsonSchema(kind));
  compiled.set(kind, known);
  return known;
}

describe("what is published with the configuration's schema is current", () => {
  test.each([...generatedFiles()])("%s (else run: node scripts/config-reference.ts)", (path, expected) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(expected);
  });
});

describe("every sample", () => {
  test.each(samples)("config/%s is a good configuration", async (name) => {
    const path = join(root, "config", name);
    const loaded = name.endsWith(".dynamic.yaml") ? await loadDynamic(path, {}) : await loadConfiguration(path, {});
    expect(loaded).toMatchObject({ ok: true });
  });

  test.each(samples)("config/%s names its schema for editors, and an editor finds no fault with it", (name) => {
    const written = readFileSync(join(root, "config", name), "utf8");
    const kind = name.endsWith(".dynamic.yaml") ? "dynamic" : "bootstrap";
    expect(written.split("\n")[0]).toBe(`# yaml-language-server: $schema=schema/${kind}.json`);
    // As an editor sees it: parsed, but with `${VAR}` still in place.
    const validate = validatorOf(kind);
    validate(parse(written));
    expect(validate.errors ?? []).toEqual([]);
  });
});

test.each(documentKinds)("the JSON Schema of the %s document refuses unknown keys and missing ones", (kind) => {
  const validate = validatorOf(kind);
  const sample = parse(readFileSync(join(root, kind === "dynamic" ? "config/routes.dynamic.yaml" : "config/minimal.yaml"), "utf8")) as object;
  expect(validate(sample)).toBe(true);
  expect(validate({ ...sample, unknown: 1 })).toBe(false);
  expect(validate({})).toBe(false);
});
