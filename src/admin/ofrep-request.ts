/** The request that an evaluation context stands for, as far as a gate's rules may ask of it. */
import { routingPath } from "../http1/target.ts";
import { bytesOf } from "../split/attributes.ts";
import type { Claims } from "../split/claims.ts";
import type { GateRequest } from "../split/gate-question.ts";
import { isObject, Refused } from "./ofrep-context.ts";

/** What is not said is null or empty. */
export interface DescribedRequest {
  readonly method: string;
  readonly path: string | null;
  /** Encoded, with its `?`, or "". */
  readonly query: string;
  /** Names in lower case; one latin1 character for each byte of the text, as on the wire. */
  readonly fields: ReadonlyMap<string, string>;
  /** Null: a token in the fields says them, if it holds. */
  readonly claims: Claims | null;
}

/** @param attributes of the context: `request` is what is read here, any other is a claim */
export function describeRequest({ request = {}, ...claims }: Readonly<Record<string, unknown>>): DescribedRequest | Refused {
  if (!isObject(request)) return wrong("request", "is not an object", 'Send {"headers": {"x-plan": "pro"}}, or leave it out');
  const parts = { headers: textsOf(request, "headers"), cookies: textsOf(request, "cookies"), query: textsOf(request, "query") };
  for (const part of Object.values(parts)) if (part instanceof Refused) return part;
  const { headers, cookies, query } = parts as Record<keyof typeof parts, readonly (readonly [string, string])[]>;
  const broken = cookies.find(([name, value]) => unfitForCookie.test(name) || unfitForCookie.test(value));
  if (broken !== undefined) return wrong(`request.cookies.${broken[0].slice(0, 100)}`, "is what no cookie can carry", "Send it as the browser would");
  const fields = new Map(headers.map(([name, value]) => [name.toLowerCase(), bytesOf(value)]));
  if (cookies.length > 0) fields.set("cookie", bytesOf(cookies.map(([name, value]) => `${name}=${value}`).join("; ")));
  const { method = "GET", path } = request;
  if (typeof method !== "string") return wrong("request.method", "is not a text", "Send GET, or leave it out");
  const normal = path === undefined ? null : typeof path === "string" && path.startsWith("/") ? routingPath(path) : undefined;
  if (normal === undefined || (path !== undefined && normal === null)) return wrong("request.path", "is not a path", "Send one that starts with a slash, without its query");
  return { method: method.toUpperCase(), path: normal, query: query.length === 0 ? "" : `?${new URLSearchParams(query.map(([name, value]) => [name, value])).toString()}`, fields, claims: Object.keys(claims).length === 0 ? null : claims };
}

/** @param routePath of the route that is asked, where the context names no path */
export function gateRequest({ method, path, query, fields }: DescribedRequest, routePath: string): GateRequest {
  const at = path ?? routePath;
  return {
    method, path: at, target: at + query,
    get: (name) => fields.get(name),
    all: (name) => (fields.has(name) ? [fields.get(name)!] : []),
  };
}

/** It divides cookies, and so is in none. */
const unfitForCookie = /;/;

const wrong = (field: string, what: string, remedy: string): Refused => new Refused("INVALID_CONTEXT", `context.${field} ${what}. ${remedy}.`);

function textsOf(request: Readonly<Record<string, unknown>>, name: string): readonly (readonly [string, string])[] | Refused {
  const part = request[name];
  if (part === undefined) return [];
  if (!isObject(part)) return wrong(`request.${name}`, "is not an object", "Send names and their values");
  const texts: (readonly [string, string])[] = [];
  for (const [key, value] of Object.entries(part)) {
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return wrong(`request.${name}.${key.slice(0, 100)}`, "is neither text, number nor boolean", "Send one value for each name");
    texts.push([key, String(value)]);
  }
  return texts;
}
