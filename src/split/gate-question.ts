import type { Fields } from "../core/fields.ts";
import { claimText, type Claims, type ClaimsOf } from "./claims.ts";

/** What a gate may ask of a request; a parsed head is one. */
export interface GateRequest extends Fields {
  /** Upper case. */
  readonly method: string;
  /** Normalised, as routes are matched on. */
  readonly path: string;
  /** Origin-form, as it was written, with its query. */
  readonly target: string;
}

/** One question to a route's gates. Scratch: one for each thread, filled in anew by `ask` and read within the call. */
export class GateQuestion {
  request!: GateRequest;
  /** The cohort key; undefined: the request has none. */
  key: string | undefined;
  /** Wall time since 1970. */
  nowMs = 0;
  private claimsOf: ClaimsOf | null = null;
  private claims: Claims | null | undefined;

  /** @param claimsOf verified claims of the request's token; null: no token is believed */
  ask(request: GateRequest, key: string | undefined, nowMs: number, claimsOf: ClaimsOf | null): this {
    this.request = request;
    this.key = key;
    this.nowMs = nowMs;
    this.claimsOf = claimsOf;
    this.claims = undefined;
    return this;
  }

  /** A claim of the verified token, as text; read at most once for each request. */
  claim(name: string): string | undefined {
    this.claims ??= this.claimsOf === null ? null : this.claimsOf(this.request, this.nowMs);
    return this.claims === null ? undefined : claimText(this.claims, name);
  }
}
