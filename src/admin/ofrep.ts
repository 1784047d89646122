/**
 * OpenFeature's Remote Evaluation Protocol (OFREP 0.3.0, https://github.com/open-feature/protocol, service/openapi.yaml): an application asks which variant a
 * user has, and gets the decision that the proxy makes.
 */
import { createHash } from "node:crypto";
import type { Snapshot } from "../config/snapshot.ts";
import { parseContext, Refused, type ErrorCode } from "./ofrep-context.ts";
import { Flags } from "./ofrep-flags.ts";
import type { AdminPorts } from "./ports.ts";
import { json, problem, type Answer } from "./problem.ts";

/** Of a request body. */
export const ofrepBodyBytesMax = 65_536;
export const bulkPath = "/ofrep/v1/evaluate/flags";

export interface OfrepQuestion {
  readonly method: string;
  /** Without query: `bulkPath`, or one of its flags. */
  readonly path: string;
  readonly contentType: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** @returns the whole body, or null where it is longer than `bytesMax` */
  readonly body: (bytesMax: number) => Promise<Uint8Array | null>;
}

export class Ofrep {
  private flags: { readonly of: Snapshot; readonly flags: Flags } | null = null;
  private readonly ports: Pick<AdminPorts, "posted" | "identity" | "clock">;

  constructor(ports: Pick<AdminPorts, "posted" | "identity" | "clock">) {
    this.ports = ports;
  }

  async answer({ method, path, contentType, ifNoneMatch, body }: OfrepQuestion): Promise<Answer> {
    if (method !== "POST") return problem(405, `${method} is not possible at ${path.slice(0, 200)}: only POST.`, { allow: "POST", connection: "close" });
    // A page of another origin can send anything but this without being asked for (CORS): so no page makes an operator's browser ask.
    if (!/^application\/json(?:\s*;|$)/i.test(contentType ?? "")) return problem(415, "The body has to be application/json.", { accept: "application/json", connection: "close" });
    const key = path === bulkPath ? null : decoded(path.slice(bulkPath.length + 1));
    const bytes = await body(ofrepBodyBytesMax);
    if (bytes === null) return refusal(413, key, new Refused("PARSE_ERROR", `The body is longer than ${ofrepBodyBytesMax} bytes.`), { connection: "close" });
    const flags = this.current();
    if (flags === null) return json(503, { errorDetails: "There is no configuration yet." });
    const context = parseContext(bytes);
    if (context instanceof Refused) return refusal(400, key, context);
    const nowMs = this.ports.clock.wallMs();
    const result = key === null ? flags.evaluateAll(context, nowMs) : flags.evaluate(key, context, nowMs);
    if (result instanceof Refused) return refusal(result.errorCode === "FLAG_NOT_FOUND" ? 404 : 400, key, result);
    return key === null ? bulk(result, ifNoneMatch) : json(200, result);
  }

  private current(): Flags | null {
    const snapshot = this.ports.posted()?.snapshot;
    if (snapshot === undefined) return null;
    if (this.flags?.of !== snapshot) this.flags = { of: snapshot, flags: new Flags(snapshot, this.ports.identity.region) };
    return this.flags.flags;
  }
}

const failure = (key: string | null, { errorCode, details }: Refused): { key?: string; errorCode: ErrorCode; errorDetails: string } => ({ ...(key !== null && { key }), errorCode, errorDetails: details });

const refusal = (status: number, key: string | null, refused: Refused, headers: Readonly<Record<string, string>> = {}): Answer => ({ ...json(status, failure(key, refused)), headers });

/** The tag changes with the decisions and with nothing else: polling is cheap while nothing moves. */
function bulk(flags: object, ifNoneMatch: string | undefined): Answer {
  const answer = json(200, { flags });
  const etag = `"${createHash("sha256").update(answer.body).digest("base64url").slice(0, 22)}"`;
  if (ifNoneMatch !== undefined && names(ifNoneMatch, etag)) return { status: 304, contentType: answer.contentType, body: "", headers: { etag } };
  return { ...answer, headers: { etag } };
}

/** RFC 9110 section 13.1.2: a list of tags, compared weakly, or `*`. */
const names = (ifNoneMatch: string, etag: string): boolean => ifNoneMatch.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);

/** A key that is not well-formed names no flag: it is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
