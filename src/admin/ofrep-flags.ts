/**
 * Ebbgate's decisions as OpenFeature flags. A route whose users are dealt by a key is a text, the name of the variant that a key gets; a gate is a boolean,
 * whether the key gets the gate's variant.
 */
import type { RouteSnapshot, Snapshot } from "../config/snapshot.ts";
import type { RoutingReason } from "../core/reasons.ts";
import { Explainer, type Explanation } from "../proxy/explain.ts";
import { type EvaluationContext, Refused } from "./ofrep-context.ts";
import { describeRequest, gateRequest, type DescribedRequest } from "./ofrep-request.ts";

/** OFREP's `evaluationSuccess`. */
export interface Evaluation {
  readonly key: string;
  readonly value: string | boolean;
  readonly variant: string;
  readonly reason: "STATIC" | "TARGETING_MATCH" | "SPLIT" | "DISABLED" | "UNKNOWN";
  /** Texts, numbers and booleans only. */
  readonly metadata: Readonly<Record<string, string | number>>;
}

interface Flag {
  readonly route: RouteSnapshot;
  /** The gate's variant; null: the flag is the route's. */
  readonly opens: string | null;
}

/** Compiled once for each snapshot. */
export class Flags {
  private readonly explainer: Explainer;
  private readonly flags = new Map<string, Flag>();
  private readonly random = new Set<string>();

  /** @param region the sidecar's; null: it has none */
  constructor(snapshot: Snapshot, region: string | null) {
    this.explainer = new Explainer(snapshot, region);
    for (const route of snapshot.routes) this.add(route.name, { route, opens: null });
    // A gate after the routes: where it has a route's name, it is what people mean by a flag.
    for (const route of snapshot.routes) for (const gate of route.gates) this.add(gate.name, { route, opens: route.variants[gate.variant]!.name });
  }

  private add(key: string, flag: Flag): void {
    if (flag.route.cohort.mode === "key") this.flags.set(key, flag);
    else this.random.add(key);
  }

  evaluate(key: string, context: EvaluationContext, nowMs: number): Evaluation | Refused {
    const described = describeRequest(context.attributes);
    if (described instanceof Refused) return described;
    const flag = this.flags.get(key);
    return flag === undefined ? this.unknown(key) : this.decide(key, flag, context.targetingKey, described, nowMs);
  }

  /** Of all flags. */
  evaluateAll(context: EvaluationContext, nowMs: number): readonly Evaluation[] | Refused {
    const described = describeRequest(context.attributes);
    if (described instanceof Refused) return described;
    return [...this.flags].map(([key, flag]) => this.decide(key, flag, context.targetingKey, described, nowMs));
  }

  private decide(key: string, { route, opens }: Flag, targetingKey: string, described: DescribedRequest, nowMs: number): Evaluation {
    const { claims } = described;
    const told = this.explainer.cohort(route.name, gateRequest(described, route.match.path.value), targetingKey, { nowMs, ...(claims !== null && { claims }) })!;
    const { variant, bucket, reason, gate, rule } = told;
    return {
      key, value: opens === null ? variant : opens === variant, variant, reason: isStatic(route, told) ? "STATIC" : isShut(key, told) ? "DISABLED" : openFeatureReasons[reason],
      metadata: { route: route.name, bucket: bucket!, routingReason: reason, ...(gate !== null && { gate }), ...(rule !== null && { rule }) },
    };
  }

  private unknown(key: string): Refused {
    const name = JSON.stringify(key.slice(0, 100));
    if (this.random.has(key)) return new Refused("FLAG_NOT_FOUND", `The route of ${name} deals each request at random, so there is no decision for a key. Give it a cohort.key.`);
    return new Refused("FLAG_NOT_FOUND", `There is no flag ${name}. A flag has the name of a gate, or of a route with a cohort.key.`);
  }
}

/** Whoever asks, and whatever with: the answer is the same. */
const isStatic = ({ gates, allocation }: RouteSnapshot, { reason }: Explanation): boolean => gates.length === 0 && reason === "weighted" && allocation.every(({ variant }) => variant === allocation[0]!.variant);

/** Whether a gate keeps the user from its variant: one that is closed, or has a deny rule that matched. */
function isShut(key: string, { gates }: Explanation): boolean {
  const own = gates.find(({ gate }) => gate === key);
  const last = own?.rules.at(-1);
  return own !== undefined && (own.closed !== null || (last?.effect === "deny" && last.miss === null));
}

/** https://openfeature.dev/specification/types/#resolution-reason, as far as OFREP allows. */
const openFeatureReasons: Readonly<Record<RoutingReason, Evaluation["reason"]>> = {
  weighted: "SPLIT", default: "SPLIT", allowed: "TARGETING_MATCH", targeted: "TARGETING_MATCH",
  // Of a route, or of a gate that has no part in it.
  denied: "SPLIT", killed: "SPLIT",
  // A request's own: no key alone is in a lane, or on a page.
  laned: "UNKNOWN", asset: "UNKNOWN",
};
