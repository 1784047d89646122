import { createHash } from "node:crypto";
import type { DynamicConfiguration, GateDefinition, RouteDefinition, VariantDefinition } from "./definition.ts";
import type { DynamicDocument, RouteDocument, VariantDocument } from "./dynamic-schema.ts";
import { compileGate, compileJwt, compilePolicy } from "./gate-compile.ts";
import { policyFindings } from "./gate-policy.ts";
import { compilePath } from "./path-schema.ts";
import { formatPath } from "./problem.ts";
import { compileRollout } from "./rollout-compile.ts";
import { candidatesOf } from "./rollout-strategies.ts";
import type { CohortSnapshot, HealthCheckSettings, LaneSettings, MirrorSettings, RouteMatch } from "./snapshot.ts";

/** Compiles a document that has passed every check. Pure: the same document gives the same definitions and hash. */
export function compileDynamic(document: DynamicDocument): DynamicConfiguration {
  const gates = document.gates.map(compileGate);
  const routes = document.routes.map((route) => compileRoute(route, gates));
  const policy = compilePolicy(document.gatePolicy);
  const jwt = compileJwt(document.jwt);
  const warnings = policy.mode === "warn" ? policyFindings(document.gates, document.gatePolicy, []).map(({ path, message, remedy }) => `${formatPath(path)}: ${message}. ${remedy}.`) : [];
  return { routes, gates, policy, jwt, warnings, hash: hashOf([routes, gates, policy, jwt]) };
}

/** Of the variants, which one is the baseline: the marked one, or the first. */
export function baselineIndex(variants: readonly VariantDocument[]): number {
  return Math.max(0, variants.findIndex((variant) => variant.baseline === true));
}

function compileRoute(route: RouteDocument, gates: readonly GateDefinition[]): RouteDefinition {
  const baseline = route.variants[baselineIndex(route.variants)]!;
  const candidates = route.variants.filter((variant) => variant !== baseline);
  const moved = route.rollout === undefined ? [] : candidatesOf(route.rollout);
  const variants = [
    compileVariant(baseline, baseline, null),
    ...candidates.map((variant) => compileVariant(variant, baseline, moved.includes(variant.name) ? null : (variant.weight ?? 0))),
  ];
  const { connect, firstByte, idle, total, pending, tunnelIdle } = route.timeouts;
  return {
    name: route.name,
    match: compileMatch(route.match),
    cohort: compileCohort(route),
    variants,
    fallback: route.fallback,
    timeouts: { connectMs: connect, firstByteMs: firstByte, idleMs: idle, totalMs: total, pendingMs: pending, tunnelIdleMs: tunnelIdle },
    limits: route.limits,
    health: compileHealth(route.health),
    lane: compileLane(route.lane),
    assets: route.assets === undefined ? null : { paths: route.assets.paths.map(compilePath), cookie: route.assets.cookie ?? null },
    mirror: compileMirror(route.mirror),
    gates: gates.filter((gate) => gate.route === route.name).map(({ name, variant, rules }) => ({ name, rules, variant: variants.findIndex((one) => one.name === variant) })),
    rollouts: route.rollout === undefined ? [] : compileRollout(route.name, route.rollout, variants),
  };
}

function compileHealth(health: RouteDocument["health"]): HealthCheckSettings | null {
  if (health === undefined) return null;
  const { path, interval, timeout, unhealthyAfter, healthyAfter } = health;
  return { path, intervalMs: interval, timeoutMs: timeout, unhealthyAfter, healthyAfter };
}

function compileLane(lane: RouteDocument["lane"]): LaneSettings | null {
  if (lane === "start") return null;
  return { join: lane === "join" ? null : Object.entries(lane.join) };
}

function compileMirror(mirror: RouteDocument["mirror"]): MirrorSettings | null {
  if (mirror === undefined) return null;
  const { variant, share, timeout, compareBodies, bodyBytesMax, ignore, slower, logBodies, concurrencyMax } = mirror;
  return {
    variant, share, timeoutMs: timeout, compareBodies, bodyBytesMax, ignore,
    slower: slower === undefined ? null : { times: slower.times, floorMs: slower.floor }, logBodies, concurrencyMax,
  };
}

function compileMatch(match: RouteDocument["match"]): RouteMatch {
  return {
    hosts: match.hosts,
    path: compilePath(match.path),
    methods: match.methods,
    headers: match.headers.map(({ name, value }) => ({ name: name.toLowerCase(), value: value ?? null })),
  };
}

function compileCohort({ name, cohort }: RouteDocument): CohortSnapshot {
  if (cohort === "random") return { mode: "random", sources: [], salt: name, sticky: null };
  const sticky = cohort.sticky === undefined ? null : { cookie: cohort.sticky.cookie, maxAgeSeconds: Math.round(cohort.sticky.maxAge / 1000) };
  return { mode: "key", sources: cohort.key, salt: cohort.salt ?? name, sticky };
}

/** One without endpoints is a variant by header: the baseline's endpoints, told which one it is to be. */
function compileVariant(variant: VariantDocument, baseline: VariantDocument, weight: number | null): VariantDefinition {
  const endpoints = variant.endpoints ?? baseline.endpoints ?? [];
  const headers = Object.entries(variant.headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const revision = variant.revision ?? `auto-${hashOf([endpoints, headers]).slice(0, 16)}`;
  return { name: variant.name, endpoints, headers, weight, revision };
}

/** Every compiled value is built in one fixed key order, so its JSON is canonical. */
function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
