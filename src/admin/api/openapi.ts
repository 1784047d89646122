/** The OpenAPI 3.1 document of a table: nothing in it is written twice. */
import { z } from "zod";
import type { Endpoint } from "./endpoint.ts";
import { problemShape } from "./shapes.ts";

type Schema = Record<string, unknown>;
type Json = Readonly<Record<string, unknown>>;

/** What the router answers by itself, before the row's own handler. */
function refusals(row: Endpoint): readonly (readonly [string, string])[] {
  const { permission, body, match, idempotent, raw } = row;
  return Object.entries({
    ...(permission !== "none" && { 401: "No token, or one that is not known, has expired or was revoked.", 403: `The role lacks the permission \`${permission === "look" ? "read" : permission}\`.`, 429: "Too many failed attempts: Retry-After says when to try again." }),
    400: "The query, a header or the body cannot be read.",
    ...(body !== null && { 413: "The body is too long.", 415: "The body is of another kind." }),
    ...(body === null && { 413: "There is a body, and this takes none." }),
    ...(body !== null && !raw && { 422: "The body is not what is wanted: `errors` names each field." }),
    ...(match !== null && { 412: "If-Match does not hold: it has changed since." }),
    ...(match?.demand === "required" && { 428: "If-Match is missing." }),
    ...(idempotent && { 409: "The first request with this Idempotency-Key is still under way." }),
    421: "The Host is not this server's.",
    500: "A fault of ours; the log says why.",
    503: "The store cannot be reached.",
  });
}

export function openapi(table: readonly Endpoint[], version: string): Json {
  const schemas: Record<string, Schema> = {};
  // As input: what is answered may grow, and a client that knows less must not refuse it.
  const schemaOf = (schema: z.ZodType): Schema => hoist(z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "inline" }), schemas);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of table) (paths[row.path] ??= {})[row.method.toLowerCase()] = operation(row, schemaOf);
  schemaOf(problemShape);
  return {
    openapi: "3.1.1",
    info: {
      title: "Ebbgate admin API", version, license: { name: "MIT", identifier: "MIT" },
      description: "Errors are RFC 9457 problems. What raises a candidate's share wants If-Match with the ETag that GET gave; verbs take an Idempotency-Key. There is no CORS: pages of other origins read nothing.",
    },
    servers: [{ url: "/" }],
    tags: [...new Set(table.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "`ebbgate token create` makes one. Without tokens, who reaches the loopback address may all." },
        key: { type: "apiKey", in: "header", name: "X-API-Key", description: "The same token, as OpenFeature's providers send it." },
      },
    },
  };
}

function operation(row: Endpoint, schemaOf: (schema: z.ZodType) => Schema): Json {
  const { id, tag, summary, more, permission, body } = row;
  return {
    operationId: id, tags: [tag], summary, ...(more !== undefined && { description: more }),
    security: permission === "none" ? [] : [{ token: [] }, { key: [] }, {}],
    "x-permission": permission,
    parameters: parameters(row, schemaOf),
    ...(body !== null && { requestBody: { required: true, content: Object.fromEntries((body.contentTypes ?? ["application/json"]).map((type) => [type, { schema: schemaOf(body.schema) }])) } }),
    responses: responses(row, schemaOf),
  };
}

function parameters(row: Endpoint, schemaOf: (schema: z.ZodType) => Schema): readonly Json[] {
  const fields = (where: "path" | "query", shape: z.ZodObject): Json[] => {
    const { properties = {}, required = [] } = schemaOf(shape) as { properties?: Record<string, Schema>; required?: readonly string[] };
    return Object.entries(properties).map(([name, { description, ...schema }]) => ({ name, in: where, required: where === "path" || required.includes(name), ...(description !== undefined && { description }), schema }));
  };
  const header = (name: string, required: boolean, description: string, schema: Schema): Json => ({ name, in: "header", required, description, schema });
  const text = { type: "string" };
  return [
    ...fields("path", row.params), ...fields("query", row.query),
    ...(row.match === null ? [] : [header("If-Match", row.match.demand === "required", "The ETag that GET gave.", text)]),
    ...(row.idempotent ? [header("Idempotency-Key", false, "The same key gives the same answer again, for a day.", { ...text, minLength: 1, maxLength: 128, pattern: "^[!#-\\[\\]-~]+$" })] : []),
    ...(row.id === "streamEvents" ? [header("Last-Event-ID", false, "The id of the last event that came.", { ...text, pattern: "^\\d{1,15}$" })] : []),
  ];
}

function responses(row: Endpoint, schemaOf: (schema: z.ZodType) => Schema): Json {
  const own = Object.entries(row.answers);
  const shared = refusals(row).filter(([status]) => !(status in row.answers));
  const problems = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const described = own.map(([status, { means, schema, contentType }]): [string, Json] => {
    const failed = Number(status) >= 400;
    const kinds = [contentType ?? []].flat();
    // OFREP has errors of its own form, and the router's beside them.
    const content = {
      ...Object.fromEntries(kinds.map((kind) => [kind, {}])), ...(schema !== undefined && { "application/json": { schema: schemaOf(schema) } }),
      ...(failed && (schema === undefined || row.raw) && problems),
    };
    return [status, { description: means, ...(Object.keys(content).length > 0 && { content }) }];
  });
  return Object.fromEntries([...described, ...shared.map(([status, description]): [string, Json] => [status, { description, content: problems }])].toSorted(([a], [b]) => Number(a) - Number(b)));
}

/** Parts that have a name go to the components, once. */
function hoist(schema: Schema, into: Record<string, Schema>): Schema {
  const { $schema: _, $defs = {}, ...rest } = schema as { $schema?: unknown; $defs?: Record<string, Schema> } & Schema;
  for (const [name, part] of Object.entries($defs)) into[name] = refer(part) as Schema;
  const top = refer(rest) as Schema;
  const { id, ...body } = top;
  if (typeof id !== "string") return top;
  into[id] = body;
  return { $ref: `#/components/schemas/${id}` };
}

function refer(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(refer);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).flatMap(([key, value]) => {
      if (key === "$ref" && typeof value === "string") return [[key, value.replace("#/$defs/", "#/components/schemas/")]];
      return [[key, refer(value)]];
    }),
  );
}
