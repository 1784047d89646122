/** Which gates should go, and why. Pure. */
import type { GateDefinition, GatePolicy } from "../config/definition.ts";
import type { GateFacts } from "./facts.ts";

/** Every gate that is past one of these is stale; each reason is said. */
export const staleReasons = ["fullFor", "hiddenFor", "pastSunset", "noTraffic"] as const;
export interface Stale {
  readonly reason: (typeof staleReasons)[number];
  /** For how long, in whole days. */
  readonly days: number;
  /** What to do about it. */
  readonly remedy: string;
}

const dayMs = 86_400_000;

/**
 * - `fullFor`: full for `stale.full` or longer.
 * - `hiddenFor`: hidden for `stale.hidden` or longer.
 * - `pastSunset`: from the first moment (UTC) of its sunset day.
 * - `noTraffic`: no request of its route for `stale.idle`, counted from when it was first seen where there was none at all.
 *
 * @param facts undefined: no sidecar has seen it yet
 */
export function staleOf(gate: GateDefinition, facts: GateFacts | undefined, policy: GatePolicy, nowMs: number): Stale[] {
  const found: Stale[] = [];
  const add = (reason: Stale["reason"], sinceMs: number, remedy: string): void => void found.push({ reason, days: Math.floor((nowMs - sinceMs) / dayMs), remedy });
  const sunsetMs = gate.sunset === null ? Number.POSITIVE_INFINITY : Date.parse(gate.sunset);
  if (nowMs >= sunsetMs) add("pastSunset", sunsetMs, "take it out, or give it a later sunset and say why");
  if (facts === undefined) return found;
  const sinceMs = Date.parse(facts.since);
  if (facts.state === "full" && nowMs - sinceMs >= policy.fullMs) add("fullFor", sinceMs, `make ${gate.variant} the baseline, and take the gate out`);
  if (facts.state === "hidden" && nowMs - sinceMs >= policy.hiddenMs) add("hiddenFor", sinceMs, `go on with it, or take the gate and ${gate.variant} out`);
  const idleMs = Date.parse(facts.traffic ?? facts.first);
  if (nowMs - idleMs >= policy.idleMs) add("noTraffic", idleMs, "nobody uses its route: take the gate out, or the route");
  return found;
}
