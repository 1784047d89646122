import type { DocumentKind, JsonSchema } from "../src/config/json-schema.ts";

/** A Markdown section for each object of the schema, in the order in which a document has them. */
export function schemaReference(kind: DocumentKind, schema: JsonSchema): string {
  const lines = [`## The ${kind} document`, "", text(schema["description"]), ""];
  section("", schema, lines);
  return lines.join("\n");
}

function section(path: string, object: JsonSchema, lines: string[]): void {
  const properties = Object.entries((object["properties"] ?? {}) as Record<string, JsonSchema>).filter(([name]) => name !== "$schema");
  const required = (object["required"] ?? []) as readonly string[];
  lines.push("| key | value | default | |", "|---|---|---|---|");
  for (const [name, schema] of properties) {
    const fallback = required.includes(name) ? "**required**" : "default" in schema && !isEmptyObject(schema["default"]) ? code(schema["default"]) : "";
    lines.push(`| \`${name}\` | ${valueOf(schema)} | ${fallback} | ${text(schema["description"]).replaceAll("|", "\\|")} |`);
  }
  lines.push("");
  for (const [name, schema] of properties) {
    // The dynamic document has a chapter of its own.
    if (path === "" && name === "dynamic") continue;
    for (const [below, one] of objectsOf(schema, path === "" ? name : `${path}.${name}`)) {
      lines.push(`### \`${below}\``, "", ...(typeof one["description"] === "string" ? [one["description"], ""] : []));
      section(below, one, lines);
    }
  }
}

/** The objects that a value may be, or hold: itself, its forms, its entries. */
function objectsOf(schema: JsonSchema, path: string): [string, JsonSchema][] {
  if ("properties" in schema) return [[path, schema]];
  if ("items" in schema) return objectsOf(schema["items"] as JsonSchema, `${path}[]`);
  const forms = formsOf(schema).filter((form) => form !== schema);
  return forms.flatMap((form) => objectsOf(form, tagOf(form) === undefined ? path : `${path} (${tagOf(form)})`));
}

/** What tells this form of an object apart: `type: file`. */
function tagOf(schema: JsonSchema): string | undefined {
  const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
  const tag = Object.entries(properties).find(([, one]) => "const" in one);
  return tag === undefined ? undefined : `${tag[0]}: ${text(tag[1]["const"])}`;
}

function valueOf(schema: JsonSchema): string {
  if (typeof schema["title"] === "string" && !("properties" in schema)) return schema["title"] + range(schema);
  if ("const" in schema) return code(schema["const"]);
  if (Array.isArray(schema["enum"])) return schema["enum"].map(code).join(", ");
  if ("properties" in schema) return "object";
  if ("items" in schema) return `list of ${valueOf(schema["items"] as JsonSchema)}`;
  if (typeof schema["additionalProperties"] === "object") return `map of name to ${valueOf(schema["additionalProperties"] as JsonSchema)}`;
  const forms = formsOf(schema).filter((form) => form !== schema);
  return [...new Set(forms.map(valueOf))].join(" or ");
}

function range(schema: JsonSchema): string {
  const form = formsOf(schema).find((one) => "minimum" in one);
  return form === undefined || schema["title"] === "weight" ? "" : `, ${text(form["minimum"])} to ${text(form["maximum"])}`;
}

function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  const forms = (schema["anyOf"] ?? schema["oneOf"]) as readonly JsonSchema[] | undefined;
  return forms === undefined ? [schema] : forms.filter((form) => !("$ref" in form));
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
