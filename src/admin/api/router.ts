/** From a request to a handler: which row, who asks, whether they may, whether what they sent is what the row wants. No socket is known here. */
import { z } from "zod";
import type { Access } from "../access/access.ts";
import { type Answer, type FieldError, problem } from "../problem.ts";
import { StoreError } from "../../store/store.ts";
import type { Question } from "../question.ts";
import { unmet } from "./conditions.ts";
import { bodyBytesMax, type Call, type Endpoint } from "./endpoint.ts";
import type { Idempotency } from "./idempotency.ts";
import { may, type Permission, type Principal } from "./roles.ts";

interface Route {
  readonly segments: readonly string[];
  readonly byMethod: ReadonlyMap<string, Prepared>;
  readonly allow: string;
}

interface Prepared {
  readonly row: Endpoint;
  /** Texts of the query that are told as numbers and truths. */
  readonly numeric: ReadonlySet<string>;
  readonly boolean: ReadonlySet<string>;
}

interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

interface Read {
  readonly value: unknown;
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

const anybody: Principal = { name: "anybody", role: "viewer", verified: false };
const close = { connection: "close" } as const;

export class Router {
  private readonly routes: readonly Route[];
  private readonly access: Access;
  private readonly idempotency: Idempotency;

  constructor(table: readonly Endpoint[], access: Access, idempotency: Idempotency) {
    this.routes = routesOf(table);
    this.access = access;
    this.idempotency = idempotency;
  }

  async answer(question: Question): Promise<Answer> {
    let read = false;
    const body = (bytesMax: number): Promise<Uint8Array | null> => {
      read = true;
      return question.body(bytesMax);
    };
    const answer = await this.dispatch({ ...question, body }).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      return problem(503, `The store cannot do this now: ${error.message}. Nothing was changed that was not confirmed; look, and ask again.`, { "retry-after": "1" });
    });
    // A body that nobody reads would be taken for the next request's head.
    return question.hasBody && !read ? { ...answer, headers: { ...answer.headers, ...close } } : answer;
  }

  private async dispatch(question: Question): Promise<Answer> {
    const { method, target } = question;
    const [path, query] = divide(target, "?");
    const found = this.find(path);
    if (found === null) return problem(404, `There is nothing at ${JSON.stringify(path.slice(0, 200))}. GET /openapi.json lists all there is.`);
    const prepared = found.route.byMethod.get(method === "HEAD" ? "GET" : method);
    if (prepared === undefined) return problem(405, `${method} is not possible at ${path.slice(0, 200)}: only ${found.route.allow}.`, { allow: found.route.allow });
    const { row } = prepared;
    const admitted = await this.admit(row, question, path);
    if ("status" in admitted) return admitted;
    const call = { principal: admitted, question, stillAdmitted: () => this.isStillAdmitted(row, question) };
    if (row.raw) return row.handle({ ...call, params: found.params, query: {}, body: undefined, contentType: "" });
    return this.checked(prepared, found.params, query, call);
  }

  private async checked(prepared: Prepared, given: Found["params"], query: string, call: Pick<Call, "principal" | "question" | "stillAdmitted">): Promise<Answer> {
    const { row } = prepared;
    const { question, principal } = call;
    const params = row.params.safeParse(given);
    if (!params.success) return problem(404, `There is nothing at ${JSON.stringify(question.target.slice(0, 200))}: ${params.error.issues[0]!.message}.`);
    const asked = queryOf(query, prepared);
    const queried = asked instanceof Error ? asked : row.query.safeParse(asked);
    if (queried instanceof Error) return problem(400, queried.message);
    if (!queried.success) return invalid(400, "query", queried.error);
    const read = await readBody(row, question);
    if ("status" in read) return read;
    const body = row.body === null ? undefined : row.body.schema.safeParse(read.value);
    if (body !== undefined && !body.success) return invalid(422, "body", body.error);
    const ready: Call = { ...call, params: params.data, query: queried.data, body: body?.data, contentType: read.contentType };
    const run = async (): Promise<Answer> => (await precondition(row, ready)) ?? row.handle(ready);
    if (!row.idempotent) return run();
    return this.idempotency.once(question.header("idempotency-key"), `${principal.name} ${row.id} ${JSON.stringify(given)}`, read.bytes, run);
  }

  private find(path: string): Found | null {
    const segments = path.split("/");
    for (const route of this.routes) {
      const params = paramsOf(route.segments, segments);
      if (params !== null) return { route, params };
    }
    return null;
  }

  private async admit(row: Endpoint, question: Question, path: string): Promise<Principal | Answer> {
    const permission = this.needed(row);
    if (permission === null) return anybody;
    const { method, peer } = question;
    const admission = await this.access.admit(credentialsOf(question));
    if ("answer" in admission) {
      const { status } = admission.answer;
      if (status === 401 || status === 429) this.access.denied({ principal: null, peer, method, path, status, why: admission.why ?? permission });
      return admission.answer;
    }
    const { principal } = admission;
    if (may(principal.role, permission)) return principal;
    this.access.denied({ principal, peer, method, path, status: 403, why: `it needs the permission '${permission}', and ${article(principal.role)} has it not` });
    return problem(403, `${principal.name} is ${article(principal.role)}, which may not do this: it needs the permission '${permission}'.`);
  }

  private needed({ permission }: Endpoint): Permission | null {
    if (permission === "look") return this.access.exposed ? "read" : null;
    return permission === "none" ? null : permission;
  }

  private async isStillAdmitted(row: Endpoint, question: Question): Promise<boolean> {
    const permission = this.needed(row);
    if (permission === null) return true;
    const admission = await this.access.admit(credentialsOf(question));
    return "principal" in admission && may(admission.principal.role, permission);
  }
}

const article = (role: string): string => `${/^[aeiou]/.test(role) ? "an" : "a"} ${role}`;

function credentialsOf({ header, peer, certificate }: Question): Parameters<Access["admit"]>[0] {
  return { authorization: header("authorization"), apiKey: header("x-api-key"), user: header("ebbgate-user"), peer, certificate };
}

function routesOf(table: readonly Endpoint[]): readonly Route[] {
  const byPath = Map.groupBy(table, ({ path }) => path);
  const routes = [...byPath].map(([path, rows]) => {
    const methods = rows.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    return { segments: path.split("/"), byMethod: new Map(rows.map((row) => [row.method, { row, ...kindsOf(row) }])), allow: methods.join(", ") };
  });
  // A path as it stands goes before one with a name in it.
  return routes.toSorted((a, b) => Number(a.segments.some(isName)) - Number(b.segments.some(isName)));
}

const isName = (segment: string): boolean => segment.startsWith("{");

function paramsOf(wanted: readonly string[], given: readonly string[]): Readonly<Record<string, string>> | null {
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const text = given[index]!;
    if (!isName(segment)) {
      if (segment !== text) return null;
      continue;
    }
    params[segment.slice(1, -1)] = decoded(text);
  }
  return params;
}

/** What is not well-formed names nothing: it is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function kindsOf(row: Endpoint): Omit<Prepared, "row"> {
  const { properties = {} } = z.toJSONSchema(row.query, { io: "input" }) as { properties?: Record<string, { type?: unknown }> };
  const of = (...types: readonly string[]): Set<string> => new Set(Object.entries(properties).flatMap(([name, { type }]) => (types.includes(String(type)) ? [name] : [])));
  return { numeric: of("integer", "number"), boolean: of("boolean") };
}

function queryOf(text: string, { numeric, boolean }: Prepared): Record<string, unknown> | Error {
  const asked: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    if (Object.hasOwn(asked, name)) return new Error(`The query has ${JSON.stringify(name.slice(0, 100))} twice: say it once.`);
    asked[name] = numeric.has(name) && /^-?\d{1,15}$/.test(value) ? Number(value) : boolean.has(name) && /^(?:true|false)$/.test(value) ? value === "true" : value;
  }
  return asked;
}

async function readBody(row: Endpoint, question: Question): Promise<Read | Answer> {
  if (row.body === null) return question.hasBody ? problem(413, "This takes no request body.") : { value: undefined, bytes: new Uint8Array(), contentType: "" };
  const { contentTypes = ["application/json"], bytesMax = bodyBytesMax } = row.body;
  const contentType = (question.header("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
  // A page of another origin can send anything but these without being asked for (CORS): so no page makes an operator's browser ask.
  if (!contentTypes.includes(contentType)) return problem(415, `The body has to be ${contentTypes.join(" or ")}: say so in Content-Type.`, { accept: contentTypes.join(", ") });
  const bytes = await question.body(bytesMax);
  if (bytes === null) return problem(413, `The body is longer than ${bytesMax} bytes.`, close);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return problem(400, "The body is not UTF-8.");
  }
  if (contentTypes.length > 1) return { value: text, bytes, contentType };
  try {
    return { value: JSON.parse(text), bytes, contentType };
  } catch {
    return problem(400, `The body is not JSON${text === "" ? ": it is empty; send {} where there is nothing to say" : ""}.`);
  }
}

async function precondition(row: Endpoint, call: Call): Promise<Answer | null> {
  if (row.match === null) return null;
  const tag = await row.match.tag(call);
  return tag === undefined ? null : unmet(call.question.header("if-match"), tag, row.match.demand, call.question.target.split("?", 1)[0]!);
}

function invalid(status: 400 | 422, where: "query" | "body", error: z.ZodError): Answer {
  const errors: FieldError[] = error.issues.slice(0, 20).map(({ path, message }) => ({ in: where, field: path.map(String).join("."), detail: message }));
  const first = errors[0]!;
  return problem(status, `${first.field === "" ? `The ${where}` : `'${first.field}' in the ${where}`} is wrong: ${first.detail}.`, {}, errors);
}

function divide(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
