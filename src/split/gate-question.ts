import type { Fields } from "../core/fields.ts";
import { markHead, Marks, type MarkedHead } from "./gate-marks.ts";
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

/** Marks that no line of a request's head says. */
export interface CommonMarks {
  mark(marks: Marks, hash: number, nowMs: number): void;
}

let asked = 0;

/** One question to a route's gates. Scratch: one for each thread, filled in anew by `ask` and read within the call. */
export class GateQuestion {
  request!: GateRequest;
  /** The cohort key; undefined: the request has none. */
  key: string | undefined;
  /** Wall time since 1970. */
  nowMs = 0;
  /** Of all questions in this thread. */
  number = 0;
  /** What is known of the request at a glance; null: nothing, and every rule is asked. */
  marks: Marks | null = null;
  private readonly scratch = new Marks();
  private claimsOf: ClaimsOf | null = null;
  private claims: Claims | null | undefined;

  /** @param claimsOf verified claims of the request's token; null: no token is believed */
  ask(request: GateRequest, key: string | undefined, nowMs: number, claimsOf: ClaimsOf | null): this {
    this.request = request;
    this.key = key;
    this.nowMs = nowMs;
    this.claimsOf = claimsOf;
    this.claims = undefined;
    this.marks = null;
    this.number = ++asked;
    return this;
  }

  /**
   * Spares the rules that cannot match. For the request path, in the call in which the head was parsed.
   *
   * @param head the same request @param common what rules of the snapshot have in common @param hash of the cohort key under the route's salt; -1: it has none
   */
  glance(head: MarkedHead, common: CommonMarks, hash: number): this {
    const marks = this.scratch;
    marks.next();
    common.mark(marks, hash, this.nowMs);
    markHead(marks, head);
    this.marks = marks;
    return this;
  }

  /** A claim of the verified token, as text; read at most once for each request. */
  claim(name: string): string | undefined {
    this.claims ??= this.claimsOf === null ? null : this.claimsOf(this.request, this.nowMs);
    return this.claims === null ? undefined : claimText(this.claims, name);
  }
}
