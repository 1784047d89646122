/** One row of the admin API's table: what it is called with, who may, what it answers. Routing, checks, OpenAPI document and reference page all come from it. */
import { z } from "zod";
import type { Answer } from "../problem.ts";
import type { Question } from "../question.ts";
import type { Permission, Principal } from "./roles.ts";

export type Method = "GET" | "POST" | "PUT";

export interface AnswerSpec {
  readonly means: string;
  /** Of a JSON answer; absent: another kind, or no body. */
  readonly schema?: z.ZodType;
  /** Beside `application/json`, which there is where there is a schema. */
  readonly contentType?: string | readonly string[];
}

export interface BodySpec<B extends z.ZodType = z.ZodType> {
  readonly schema: B;
  /** Default `["application/json"]`. Any other is given to the schema as text. */
  readonly contentTypes?: readonly string[];
  /** Default 65,536. */
  readonly bytesMax?: number;
}

/** What a handler is given: all of it was checked. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly principal: Principal;
  readonly question: Question;
  /** As the body's Content-Type says, without parameters; "" without a body. */
  readonly contentType: string;
  /** Whether who asks may still do so: for what goes on after the answer has begun. */
  readonly stillAdmitted: () => Promise<boolean>;
}

export interface Endpoint {
  readonly method: Method;
  /** `{name}` is one segment. */
  readonly path: string;
  /** OpenAPI's operationId. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly more?: string;
  /** `none`: anybody who reaches the port. `look`: anybody, and who may `read` where the port is exposed. */
  readonly permission: Permission | "none" | "look";
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: BodySpec | null;
  /** What If-Match is held against, and whether it has to be there; null: it is not looked at. */
  readonly match: { readonly demand: "optional" | "required"; readonly tag: (call: Call) => Tag | Promise<Tag> } | null;
  /** Idempotency-Key: the same answer is given again. */
  readonly idempotent: boolean;
  /** It reads the request's body itself, and answers errors in a form of its own. */
  readonly raw: boolean;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
}

/** Undefined: what would have one does not exist, and the handler says so. */
export type Tag = string | null | undefined;

interface Row<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> extends Pick<Endpoint, "method" | "path" | "id" | "tag" | "summary" | "more" | "permission" | "answers"> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: BodySpec<B>;
  readonly match?: { readonly demand: "optional" | "required"; readonly tag: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Tag | Promise<Tag> };
  readonly idempotent?: boolean;
  readonly raw?: boolean;
  readonly handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Answer | Promise<Answer>;
}

const nothing = z.strictObject({});

/** @returns the row, whose handler is only ever called with what the row's own schemas let pass */
export function endpoint<P extends z.ZodObject = typeof nothing, Q extends z.ZodObject = typeof nothing, B extends z.ZodType = z.ZodUndefined>(row: Row<P, Q, B>): Endpoint {
  return { params: nothing, query: nothing, idempotent: false, raw: false, ...row, body: row.body ?? null, match: (row.match ?? null) as Endpoint["match"], handle: row.handle as Endpoint["handle"] };
}

export const bodyBytesMax = 65_536;
