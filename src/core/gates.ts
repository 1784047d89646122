/** Feature gates as plain data: what the configuration compiles to, what crosses to the proxy threads, and what `split/gate.ts` evaluates. */
import type { TimeWindow } from "./time-window.ts";

/**
 * What a rule does with a request that matches it. `deny`: the variant is closed to it. `allow` and `target`: it gets the variant; an
 * allow rule names who is known, a target says what they are like.
 */
export const gateEffects = ["deny", "allow", "target"] as const;
export type GateEffect = (typeof gateEffects)[number];

/** The rules of one gate, as a route evaluates them. */
export interface RouteGate {
  readonly name: string;
  /** Index into the route's variants: a candidate. */
  readonly variant: number;
  /** The first that matches counts. */
  readonly rules: readonly GateRule[];
}

export interface GateRule {
  /** As written, or `rule-1`, `rule-2`, ... by its place. Unique within the gate. */
  readonly name: string;
  readonly effect: GateEffect;
  /** Every part must hold; an empty list of parts holds for every request. */
  readonly when: readonly GateCondition[];
  /** The rule does not match where all of these hold; empty: it says nothing. */
  readonly unless: readonly GateCondition[];
  /** Of the cohorts that it would match, 0 ... 100,000: by a hash of their own, independent of the split. 100,000: all, with or without a key. */
  readonly share: number;
}

export type GateCondition =
  | { readonly kind: "attribute"; readonly source: AttributeSource; /** Headers in lower case. */ readonly name: string; readonly test: TextTest }
  /** Cohort keys, one by one. */
  | { readonly kind: "keys"; readonly values: readonly string[] }
  /** A prefix matches on segment borders. */
  | { readonly kind: "paths"; readonly values: readonly { readonly kind: "prefix" | "exact"; readonly value: string }[] }
  /** Upper case. */
  | { readonly kind: "methods"; readonly values: readonly string[] }
  /** Of the sidecar. */
  | { readonly kind: "regions"; readonly values: readonly string[] }
  /** One of them is open. */
  | { readonly kind: "times"; readonly windows: readonly TimeWindow[] };

export const attributeSources = ["header", "cookie", "claim", "query"] as const;
export type AttributeSource = (typeof attributeSources)[number];

/** Of an attribute that the request has; what it lacks passes no test. */
export type TextTest =
  | { readonly kind: "present" }
  | { readonly kind: "in"; readonly values: readonly string[] }
  | { readonly kind: "prefix" | "suffix" | "contains"; readonly value: string };

/**
 * Why a gate gives its variant to nobody, whatever its rules and the weight say: the kill switch; the candidate's rollout was rolled back; its breaker has
 * taken the weight away; the sidecar's region is kept out; another candidate of its experiment was chosen; the rollout's state is not known yet.
 */
export const closures = ["killed", "rolledBack", "tripped", "regionOut", "notChosen", "unknown"] as const;
export type Closure = (typeof closures)[number];
