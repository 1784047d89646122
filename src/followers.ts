/** What of the running configuration each part of the sidecar is told to follow. */
import type { DynamicConfiguration, RouteDefinition } from "./config/definition.ts";
import type { MirroredRoute } from "./proxy/mirrors.ts";
import type { DeclaredProbes } from "./proxy/probes.ts";
import type { RolloutController } from "./rollout/controller.ts";
import type { Log } from "./core/log.ts";
import type { RolloutInput } from "./rollout/ports.ts";
import { severityOf } from "./rollout/severity.ts";
import type { ExplainedDecision } from "./rollout/status.ts";

/** A candidate whose gate is killed has nobody: its rollout waits as if the plan said `paused`, and goes on when the gate is revived. */
export function rolloutInputs({ routes, gates }: DynamicConfiguration, killed: ReadonlySet<string>): RolloutInput[] {
  return routes.flatMap(({ rollout, timeouts }): RolloutInput[] => {
    if (rollout === null) return [];
    const held = gates.some((gate) => gate.route === rollout.route && gate.variant === rollout.candidate && killed.has(gate.name));
    return [{ plan: held ? { ...rollout, paused: true } : rollout, firstByteTimeoutMs: timeouts.firstByteMs }];
  });
}

/** @param active whether copies may be sent at all */
export function mirroredRoutes({ routes, gates }: DynamicConfiguration, killed: ReadonlySet<string>, controller: RolloutController, active: boolean): MirroredRoute[] {
  return routes.flatMap(({ name, mirror, variants }): MirroredRoute[] => {
    const variant = variants.find((one) => one.name === mirror?.variant);
    if (mirror === null || variant === undefined) return [];
    const { endpoints, headers, revision } = variant;
    const closed = gates.some((gate) => gate.route === name && gate.variant === variant.name && killed.has(gate.name));
    return [{ route: name, settings: mirror, endpoints, headers, revision, active: active && !closed && controller.mayCopy(name, mirror.variant) }];
  });
}

export function probedEndpoints(routes: readonly RouteDefinition[], controller: RolloutController): Parameters<DeclaredProbes["follow"]>[0] {
  return controller.probing().flatMap((probed) => {
    const variant = routes.find(({ name }) => name === probed.route)?.variants.find(({ name }) => name === probed.variant);
    return variant === undefined ? [] : [{ ...probed, endpoints: variant.endpoints }];
  });
}

export function tellDecision(log: Log, { sentence, ...record }: ExplainedDecision): void {
  const severity = severityOf(record.reason);
  log[severity === "page" ? "error" : severity]({ decision: record, severity }, sentence);
}
