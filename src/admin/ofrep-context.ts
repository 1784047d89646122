/** The evaluation context of an OFREP request, checked: whom a decision is asked for. */
import { cohortKeyBytesMax } from "../split/cohort-key.ts";

export interface EvaluationContext {
  /** The cohort key; never empty. Personal data: not for logs. */
  readonly targetingKey: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** OpenFeature's error codes, as far as OFREP has them. */
export type ErrorCode = "PARSE_ERROR" | "TARGETING_KEY_MISSING" | "INVALID_CONTEXT" | "FLAG_NOT_FOUND" | "GENERAL";

/** Why there is no evaluation. @param details one sentence that says what was wrong and what to do */
export class Refused {
  readonly errorCode: ErrorCode;
  readonly details: string;
  constructor(errorCode: ErrorCode, details: string) {
    this.errorCode = errorCode;
    this.details = details;
  }
}

/** @param body JSON, at most as long as `ofrepBodyBytesMax` */
export function parseContext(body: Uint8Array): EvaluationContext | Refused {
  const parsed = parseJson(body);
  if (parsed instanceof Refused) return parsed;
  if (!isObject(parsed) || !isObject(parsed["context"])) return new Refused("INVALID_CONTEXT", 'The body has no object "context". Send {"context": {"targetingKey": "user-1"}}.');
  const { targetingKey, ...attributes } = parsed["context"];
  if (targetingKey === undefined || targetingKey === null || targetingKey === "") {
    return new Refused("TARGETING_KEY_MISSING", "context.targetingKey is missing. Send what the route's cohort.key finds in a request: the user's id, as a rule.");
  }
  if (typeof targetingKey !== "string") return new Refused("INVALID_CONTEXT", "context.targetingKey is not a text. Send it as a JSON string.");
  if (!targetingKey.isWellFormed()) return new Refused("INVALID_CONTEXT", "context.targetingKey is not well-formed Unicode, so it has no UTF-8 bytes to hash. Send whole characters.");
  if (Buffer.byteLength(targetingKey) > cohortKeyBytesMax) return new Refused("INVALID_CONTEXT", `context.targetingKey is longer than ${cohortKeyBytesMax} bytes, and no cohort key for the proxy either.`);
  return { targetingKey, attributes };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)) as unknown;
  } catch {
    // What the parser says may quote the body, and with it a user's attributes.
    return new Refused("PARSE_ERROR", "The body is not JSON in UTF-8.");
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);
