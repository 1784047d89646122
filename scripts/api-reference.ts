/** Writes docs/api.md from the admin API's table. Run it after a change of a row: `node scripts/api-reference.ts`. A test holds the file against it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint } from "../src/admin/api/endpoint.ts";
import { openapi } from "../src/admin/api/openapi.ts";
import { may, permissions, roles } from "../src/admin/api/roles.ts";
import { api } from "../src/admin/api/table.ts";
import type { AdminPorts } from "../src/admin/ports.ts";
import { version } from "../src/version.ts";

export const apiReferenceFile = "docs/api.md";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly default?: string | number | boolean;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

type Contents = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly description?: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Contents };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Contents }>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

// The rows ask the ports only when they are asked themselves.
const nobody = new Proxy({}, { get: (_target, name) => (name === "identity" ? { version } : undefined) }) as AdminPorts;
const { table } = api(nobody);
const document = openapi(table, version) as unknown as OpenApi;

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string | number): string => `\`${text}\``;
const nameOf = (reference: string): string => reference.split("/").at(-1)!;

function typeOf({ $ref, type = "any", enum: choices, minimum, maximum, maxLength, default: fallback }: Schema): string {
  if ($ref !== undefined) return code(nameOf($ref));
  const range = minimum !== undefined && maximum !== undefined && maximum < 1e9 ? ` ${minimum} to ${maximum}` : "";
  const length = maxLength === undefined ? "" : `, at most ${maxLength} characters`;
  return `${choices === undefined ? `${type}${range}${length}` : choices.map(code).join(" ")}${fallback === undefined ? "" : `, default ${code(JSON.stringify(fallback))}`}`;
}

const resolved = (schema: Schema): Schema => (schema.$ref === undefined ? schema : (document.components.schemas[nameOf(schema.$ref)] ?? {}));

const line = (name: string, where: string, required: boolean, schema: Schema, description = ""): string => `| ${code(name)} | ${where}${required ? ", required" : ""} | ${cell(typeOf(schema))} | ${cell(description)} |`;

function inputs(row: Endpoint, { parameters, requestBody }: Operation): string[] {
  const params = parameters.map(({ name, in: where, required, schema, description }) => line(name, where, required, schema, description));
  const [content] = Object.values(requestBody?.content ?? {});
  const { properties = {}, required = [] } = resolved(content?.schema ?? {});
  const fields = Object.entries(properties).map(([name, schema]) => line(name, "body", required.includes(name), schema, schema.description));
  const rows = [...params, ...fields];
  return [
    ...(rows.length === 0 ? [] : [["| parameter | in | type | meaning |", "|---|---|---|---|", ...rows].join("\n")]),
    ...(row.body === null || fields.length > 0 ? [] : [`Body: ${(row.body.contentTypes ?? ["application/json"]).map(code).join(" or ")}.`]),
  ];
}

function outputs(row: Endpoint, { responses }: Operation): string {
  // What every row answers alike is told once, above.
  const own = Object.entries(responses).filter(([status]) => status in row.answers || status === "412" || status === "428");
  const rows = own.map(([status, { description, content = {} }]) => {
    const [type, { schema }] = Object.entries(content)[0] ?? ["", {}];
    return `| ${status} | ${cell(description)} | ${type === "" ? "" : type === "application/json" ? cell(typeOf(schema ?? {})) : code(type)} |`;
  });
  return ["| status | meaning | body |", "|---|---|---|", ...rows].join("\n");
}

function permissionOf({ permission }: Endpoint): string {
  return permission === "none" ? "none needed" : permission === "look" ? "none needed on a loopback address; elsewhere `read`" : code(permission);
}

function section(row: Endpoint): string {
  const operation = document.paths[row.path]?.[row.method.toLowerCase()];
  if (operation === undefined) throw new Error(`${row.method} ${row.path} is not in the OpenAPI document`);
  return [`### ${row.method} ${row.path}`, `${row.summary}${row.more === undefined ? "" : ` ${row.more}`} Permission: ${permissionOf(row)}.`, ...inputs(row, operation), outputs(row, operation)].join("\n\n");
}

const chapter = (tag: string): string => [`## ${tag.charAt(0).toUpperCase()}${tag.slice(1)}`, ...table.filter((row) => row.tag === tag).map(section)].join("\n\n");

export function apiReference(): string {
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

${[...new Set(table.map(({ tag }) => tag))].map(chapter).join("\n\n")}
`;
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, "..", apiReferenceFile), apiReference());
