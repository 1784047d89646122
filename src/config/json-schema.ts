import { z } from "zod";
import { bootstrapSchema } from "./bootstrap-schema.ts";
import { dynamicSchema } from "./dynamic-schema.ts";

export const documentKinds = ["bootstrap", "dynamic"] as const;
export type DocumentKind = (typeof documentKinds)[number];

export type JsonSchema = Readonly<Record<string, unknown>>;

/** The zod schema of a document. */
export function schemaOf(kind: DocumentKind): z.ZodType {
  return kind === "bootstrap" ? bootstrapSchema : dynamicSchema;
}

/** The JSON Schema (draft-07) of a document as people write it: for editors and other tools. */
export function jsonSchema(kind: DocumentKind): JsonSchema {
  const emitted = z.toJSONSchema(schemaOf(kind), { target: "draft-07", io: "input", reused: "inline" });
  const { $schema, title, description, ...rest } = allowSubstitution(emitted) as Record<string, unknown>;
  return { $schema, title, description, ...rest, definitions: { substitution } };
}

const substitution = { description: "A value from the environment: ${NAME} or ${NAME:-default}.", type: "string", pattern: "\\$\\{[A-Za-z_]" };

/** Wherever a scalar stands, `${VAR}` may stand too: editors see the text before it is substituted. */
function allowSubstitution(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(allowSubstitution);
  if (typeof node !== "object" || node === null) return node;
  const schema = node as Record<string, unknown>;
  if (isScalar(schema)) {
    const { title, description, default: fallback, examples, ...form } = schema;
    const forms = Array.isArray(form["anyOf"]) && Object.keys(form).length === 1 ? (form["anyOf"] as unknown[]) : [form];
    return defined({ title, description, default: fallback, examples, anyOf: [...forms, { $ref: "#/definitions/substitution" }] });
  }
  const walked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "properties") {
      walked[key] = Object.fromEntries(Object.entries(value as object).map(([name, below]: [string, unknown]) => [name, name === "$schema" ? below : allowSubstitution(below)]));
    } else {
      walked[key] = ["items", "additionalProperties", "anyOf", "oneOf", "allOf"].includes(key) ? allowSubstitution(value) : value;
    }
  }
  return walked;
}

/** A literal that tells an object's forms apart is left alone: with a substitution for it every form would fit. */
function isScalar(schema: Record<string, unknown>): boolean {
  if ("const" in schema) return false;
  if (Array.isArray(schema["anyOf"])) return (schema["anyOf"] as Record<string, unknown>[]).every((one) => "const" in one || isScalar(one));
  return typeof schema["type"] === "string" && !["object", "array"].includes(schema["type"]);
}

function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
