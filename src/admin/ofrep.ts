/**
 * OpenFeature's Remote Evaluation Protocol (OFREP 0.3.0, https://github.com/open-feature/protocol, service/openapi.yaml): an application asks which variant a
 * user has, and gets the decision that the proxy makes.
 */
import type { Snapshot } from "../config/snapshot.ts";
import { names, tagOfText } from "./api/conditions.ts";
import { parseContext, Refused, type ErrorCode } from "./ofrep-context.ts";
import { Flags } from "./ofrep-flags.ts";
import type { AdminPorts } from "./ports.ts";
import { json, problem, type Answer } from "./problem.ts";

/** Of a request body. */
export const ofrepBodyBytesMax = 65_536;

export interface OfrepQuestion {
  /** The flag; null: all of them. */
  readonly key: string | null;
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

  async answer({ key, contentType, ifNoneMatch, body }: OfrepQuestion): Promise<Answer> {
    // A page of another origin can send anything but this without being asked for (CORS): so no page makes an operator's browser ask.
    if (!/^application\/json(?:\s*;|$)/i.test(contentType ?? "")) return problem(415, "The body has to be application/json.", { accept: "application/json", connection: "close" });
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
  const etag = tagOfText(answer.body);
  if (ifNoneMatch !== undefined && names(ifNoneMatch, etag, true)) return { status: 304, contentType: answer.contentType, body: "", headers: { etag } };
  return { ...answer, headers: { etag } };
}
