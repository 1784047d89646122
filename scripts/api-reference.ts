/**
 * Writes docs/api.md from the admin API's table. Run it after a change of a row: `node scripts/api-reference.ts`. A test holds the file against it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openapi } from "../src/admin/api/openapi.ts";
import { permissions, roles, may } from "../src/admin/api/roles.ts";
import { api } from "../src/admin/api/table.ts";
import type { AdminPorts } from "../src/admin/ports.ts";
import type { Endpoint } from "../src/admin/api/endpoint.ts";
import { version } from "../src/version.ts";

// The rows ask the ports only when they are asked themselves.
const nobody = new Proxy({}, { get: (_target, name) => (name === "identity" ? { version } : (): never => { throw new Error("nothing runs here"); }) }) as AdminPorts;
const { table } = api(nobody);
const document = openapi(table, version) as unknown as OpenApi;

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly description?: string; readonly schema: Readonly<Record<string, unknown>> }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, { readonly schema?: Readonly<Record<string, unknown>> }>> }>>;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function typeOf(schema: Readonly<Record<string, unknown>>): string {
  const { $ref, type, enum: choices, minimum, maximum, default: fallback, format, maxLength } = schema;
  if (typeof $ref === "string") return `\`${$ref.split("/").at(-1)}\``;
  const kind = Array.isArray(choices) ? choices.map((one) => `\`${String(one)}\``).join(" ") : `${String(format ?? type ?? "any")}${minimum !== undefined && maximum !== undefined && Number(maximum) < 1e9 ? ` ${String(minimum)} to ${String(maximum)}` : ""}${maxLength === undefined ? "" : `, at most ${String(maxLength)} characters`}`;
  return fallback === undefined ? kind : `${kind}, default \`${JSON.stringify(fallback)}\``;
}

function permissionOf({ permission }: Endpoint): string {
  return permission === "none" ? "none needed" : permission === "look" ? "none needed on a loopback address; elsewhere \`read\`" : `\`${permission}\``;
}

function section(row: Endpoint): string {
  const { parameters, responses } = document.paths[row.path]![row.method.toLowerCase()]!;
  const body = (row.body?.contentTypes ?? ["application/json"]).map((type) => `\`${type}\``).join(" or ");
  const fields = row.body === null ? [] : bodyFields(row);
  const params = parameters.map(({ name, in: where, required, description = "", schema }) => `| \`${name}\` | ${where}${required ? ", required" : ""} | ${cell(typeOf(schema))} | ${cell(description)} |`);
  // What every row answers alike is told once, above.
  const answers = Object.entries(responses).filter(([status]) => status in row.answers || ["412", "428"].includes(status)).map(([status, { description, content = {} }]) => {
    const [type, of] = Object.entries(content)[0] ?? ["", {}];
    return `| ${status} | ${cell(description)} | ${type === "" ? "" : type === "application/json" ? cell(typeOf(of.schema ?? {})) : `\`${type}\``} |`;
  });
  return [
    `### ${row.method} ${row.path}`, `${row.summary}${row.more === undefined ? "" : ` ${row.more}`} Permission: ${permissionOf(row)}.`,
    ...(params.length + fields.length === 0 ? [] : [["| parameter | in | type | meaning |", "|---|---|---|---|", ...params, ...fields].join("\n")]),
    ...(row.body === null || fields.length > 0 ? [] : [`Body: ${body}.`]),
    ["| status | meaning | body |", "|---|---|---|", ...answers].join("\n"),
  ].join("\n\n");
}

function bodyFields(row: Endpoint): string[] {
  const operation = document.paths[row.path]![row.method.toLowerCase()] as unknown as { readonly requestBody: { readonly content: Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>> } };
  const [content] = Object.values(operation.requestBody.content);
  const { $ref } = content!.schema;
  const schema = (typeof $ref === "string" ? (document as unknown as { components: { schemas: Record<string, unknown> } }).components.schemas[$ref.split("/").at(-1)!] : content!.schema) as { readonly properties?: Readonly<Record<string, Readonly<Record<string, unknown>>>>; readonly required?: readonly string[] };
  return Object.entries(schema.properties ?? {}).map(([name, of]) => `| \`${name}\` | body${schema.required?.includes(name) === true ? ", required" : ""} | ${cell(typeOf(of))} | ${cell(String(of["description"] ?? ""))} |`);
}

function page(): string {
  const tags = [...new Set(table.map(({ tag }) => tag))];
  return `# The admin API

<!-- Made by scripts/api-reference.ts from the table in src/admin/api/. Do not edit. -->

On the admin port (default 9901). \`GET /openapi.json\` has all of this for programs (OpenAPI 3.1).

- **Who asks**: \`Authorization: Bearer TOKEN\`, or \`X-API-Key: TOKEN\`. Who may do what:

| role | ${permissions.join(" | ")} |
|---|${permissions.map(() => "---").join("|")}|
${roles.map((role) => `| \`${role}\` | ${permissions.map((permission) => (may(role, permission) ? "yes" : "")).join(" | ")} |`).join("\n")}

- **Changes** are JSON with \`Content-Type: application/json\`; an empty body is \`{}\`. What raises a candidate's share needs \`If-Match\` with the ETag that a GET gave: nobody
  changes what they have not seen. What takes users away from a candidate may name one, and never has to.
- **Sent twice**: with the same \`Idempotency-Key\` a verb counts once and is answered alike, for a day, by the sidecar that was asked.
- **Errors** are problems (RFC 9457): \`{"type", "title", "status", "detail", "errors"?}\`. Beside what is said below, any request may be answered 401 (no token that holds), 403 (the role may not),
  429 (too many failed attempts; \`Retry-After\`), 400, 413, 415 and 422 (the request is not what is wanted), 421 (another server's name), 404 and 405 (nothing there), 500 (a fault of ours, which is a bug),
  503 (the store cannot be reached).
- **Lists** come in pages: \`next\` is given back as \`cursor\`; null was the last page.
- **Other origins** read nothing: there is no CORS.

${tags.map((tag) => [`## ${tag.charAt(0).toUpperCase()}${tag.slice(1)}`, ...table.filter((row) => row.tag === tag).map(section)].join("\n\n")).join("\n\n")}
`;
}

export const apiReferenceFile = "docs/api.md";
export const apiReference = page;

if (import.meta.main) writeFileSync(join(import.meta.dirname, "..", apiReferenceFile), page());
