/** Ebbgate's decisions as OpenFeature flags. A route whose users are dealt by a key is one: its value is the name of the variant that the proxy gives to that key. */
import type { RouteSnapshot, Snapshot } from "../config/snapshot.ts";
import type { RoutingReason } from "../core/reasons.ts";
import { bucketOfHash, cohortHash, type CohortHash } from "../split/bucket.ts";
import { compileTable, variantAt, type AllocationTable } from "../split/table.ts";
import { type EvaluationContext, Refused } from "./ofrep-context.ts";

/** OFREP's `evaluationSuccess`. */
export interface Evaluation {
  readonly key: string;
  readonly value: string | boolean;
  readonly variant: string;
  readonly reason: "STATIC" | "TARGETING_MATCH" | "SPLIT" | "DISABLED" | "UNKNOWN";
  /** Texts, numbers and booleans only. */
  readonly metadata: Readonly<Record<string, string | number>>;
}

interface RouteFlag {
  readonly definition: RouteSnapshot;
  readonly hash: CohortHash;
  readonly table: AllocationTable;
}

/** Compiled once for each snapshot. */
export class Flags {
  private readonly routes: ReadonlyMap<string, RouteFlag>;
  private readonly random: ReadonlySet<string>;

  constructor({ routes }: Snapshot) {
    const keyed = routes.filter(({ cohort }) => cohort.mode === "key");
    this.routes = new Map(keyed.map((definition) => [definition.name, { definition, hash: cohortHash(definition.cohort.salt), table: compileTable(definition.allocation) }]));
    this.random = new Set(routes.filter(({ cohort }) => cohort.mode === "random").map(({ name }) => name));
  }

  get keys(): readonly string[] {
    return [...this.routes.keys()];
  }

  evaluate(key: string, { targetingKey }: EvaluationContext): Evaluation | Refused {
    const route = this.routes.get(key);
    if (route === undefined) return this.unknown(key);
    const { definition, hash, table } = route;
    const bucket = bucketOfHash(hash(targetingKey));
    const variant = definition.variants[variantAt(table, bucket)]!.name;
    const reason = "weighted";
    return { key, value: variant, variant, reason: table.ends.length === 1 ? "STATIC" : openFeatureReasons[reason], metadata: { route: definition.name, bucket, routingReason: reason } };
  }

  private unknown(key: string): Refused {
    const name = JSON.stringify(key.slice(0, 100));
    if (this.random.has(key)) return new Refused("FLAG_NOT_FOUND", `The route ${name} deals each request at random, so there is no decision for a key. Give it a cohort.key.`);
    return new Refused("FLAG_NOT_FOUND", `There is no route ${name}. A flag has the name of a route with a cohort.key.`);
  }
}

/** https://openfeature.dev/specification/types/#resolution-reason, as far as OFREP allows. */
const openFeatureReasons: Readonly<Record<RoutingReason, Evaluation["reason"]>> = {
  weighted: "SPLIT", default: "SPLIT", allowed: "TARGETING_MATCH", targeted: "TARGETING_MATCH", denied: "DISABLED", killed: "DISABLED",
  // A request's own: no key alone is in a lane, or on a page.
  laned: "UNKNOWN", asset: "UNKNOWN",
};
