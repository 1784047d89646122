/** What a dynamic document names of the bootstrap document's `webhooks.targets`. */
import type { PlacedRoute } from "./dynamic-checks.ts";
import { nearest } from "./nearest.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { WebhookFormat } from "./webhook-settings.ts";

export interface NamedTarget {
  readonly name: string;
  readonly format: WebhookFormat;
}

export function targetFindings(targets: readonly NamedTarget[], routes: readonly PlacedRoute[]): Finding[] {
  return routes.flatMap(({ route: { rollout }, path }) => {
    const at = [...path, "rollout"];
    const playbook = (rollout?.playbook ?? []).flatMap(({ target }, index) => unknown(targets, target, [...at, "playbook", index, "target"]));
    const gates = (rollout?.steps ?? []).flatMap((step, index) => (typeof step === "number" ? [] : step.externalGates.flatMap((target, i) => gateFindings(targets, target, [...at, "steps", index, "externalGates", i]))));
    return [...playbook, ...gates];
  });
}

function unknown(targets: readonly NamedTarget[], name: string, path: ConfigPath): Finding[] {
  if (targets.some((target) => target.name === name)) return [];
  const names = targets.map((target) => target.name);
  const near = nearest(name, names);
  const remedy = near !== undefined ? `Did you mean '${near}'?` : names.length === 0 ? "Declare it under webhooks.targets in the bootstrap document" : `Write ${names.join(" or ")}, or declare it under webhooks.targets in the bootstrap document`;
  return [{ path, message: "is not a target of this sidecar", remedy: remedy.replace(/\?$/, "? Otherwise declare it under webhooks.targets") }];
}

function gateFindings(targets: readonly NamedTarget[], name: string, path: ConfigPath): Finding[] {
  const format = targets.find((target) => target.name === name)?.format ?? "cloudevents";
  return format === "cloudevents" ? unknown(targets, name, path) : [{ path, message: `has format: ${format}, which gives no answer`, remedy: "Name a target with format: cloudevents" }];
}
