/** Rollouts, and what people may do to them. */
import { z } from "zod";
import type { CommandVerb } from "../../rollout/types.ts";
import type { RolloutStatus } from "../../rollout/status.ts";
import type { AdminPorts } from "../ports.ts";
import { type Answer, json, noSuch, problem } from "../problem.ts";
import { tagOf } from "./conditions.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import type { Permission } from "./roles.ts";
import { named, page, pageLimit, reasonText } from "./shapes.ts";
import { decision, rollout } from "./shapes-rollout.ts";

interface Verb {
  readonly permission: Permission;
  /** Whether somebody has to say why. */
  readonly reason: "demanded" | "optional";
  readonly summary: string;
}

/** What gives the candidate more needs If-Match; what takes users away from it never waits for a look. */
const verbs: Readonly<Record<CommandVerb, Verb>> = {
  promote: { permission: "raise", reason: "optional", summary: "Enter the next step now, or end the bake." },
  resume: { permission: "raise", reason: "optional", summary: "Go on after a pause, or take regions back in." },
  pause: { permission: "lower", reason: "optional", summary: "Stay at this weight until somebody resumes." },
  rollback: { permission: "lower", reason: "demanded", summary: "Take the candidate's users away, and quarantine its revision." },
  approve: { permission: "approve", reason: "optional", summary: "Allow the step that asks for an approval." },
  drill: { permission: "raise", reason: "demanded", summary: "Rehearse the rollback: take the users away, measure that, and give them back." },
  override: { permission: "override", reason: "demanded", summary: "Break the glass: run a quarantined revision again, or end a cooldown." },
};

type RolloutPorts = Pick<AdminPorts, "rollouts" | "command">;

/** What a person decides upon: not what moves by itself every second. */
const rolloutTag = ({ name, candidate, revision, phase, waiting, sinceMs, step, steps, weight, limits, exposureBudget, regionsOut, cooldownUntilMs, edition }: RolloutStatus): string =>
  tagOf([name, candidate, revision, phase, waiting, sinceMs, step, steps, weight, limits.map(({ metric, quantile, name: of, action, margin }) => [metric, quantile, of, action, margin]), exposureBudget, regionsOut, cooldownUntilMs, edition]);

export function rolloutEndpoints(ports: RolloutPorts): readonly Endpoint[] {
  const one = (name: string): RolloutStatus | undefined => ports.rollouts().find((each) => each.name === name);
  const missing = (name: string): Answer => noSuch("rollout", name, ports.rollouts().map((each) => each.name), "no route of the configuration has one");
  const params = named("rollout");
  return [
    endpoint({
      method: "GET", path: "/api/v1/rollouts", id: "listRollouts", tag: "rollouts", summary: "All rollouts, by name.", permission: "read",
      query: z.strictObject({ limit: pageLimit, cursor: z.string().max(253).optional() }),
      answers: { 200: { means: "A page of them.", schema: page(rollout, "RolloutPage") } },
      handle({ query: { limit, cursor } }) {
        const after = ports.rollouts().filter(({ name }) => cursor === undefined || name > cursor).toSorted((a, b) => (a.name < b.name ? -1 : 1));
        const items = after.slice(0, limit);
        return json(200, { items, next: after.length > limit ? items.at(-1)!.name : null });
      },
    }),
    endpoint({
      method: "GET", path: "/api/v1/rollouts/{name}", id: "getRollout", tag: "rollouts", summary: "One rollout; its ETag is what a change has to name.", permission: "read", params,
      answers: { 200: { means: "As it stands.", schema: rollout }, 404: { means: "There is none of that name." } },
      handle({ params: { name } }) {
        const found = one(name);
        return found === undefined ? missing(name) : json(200, found, { etag: rolloutTag(found) });
      },
    }),
    ...(Object.entries(verbs) as [CommandVerb, Verb][]).map(([verb, { permission, reason, summary }]) =>
      endpoint({
        method: "POST", path: `/api/v1/rollouts/{name}/${verb}`, id: `${verb}Rollout`, tag: "rollouts", summary, permission, params, idempotent: true,
        body: { schema: z.strictObject({ reason: reason === "demanded" ? reasonText.min(1, "is empty: say why, it is what the audit log and the report tell later") : reasonText.default("") }) },
        match: {
          demand: permission === "lower" ? "optional" : "required",
          tag({ params: { name } }) {
            const found = one(name);
            return found && rolloutTag(found);
          },
        },
        answers: {
          200: { means: "Decided.", schema: z.object({ outcome: z.literal("accepted"), decision, rollout }).meta({ id: "Accepted" }) },
          202: { means: "Another sidecar decides, and was told; the rollout shows what comes of it.", schema: z.object({ outcome: z.literal("forwarded"), detail: z.string(), rollout }).meta({ id: "Forwarded" }) },
          404: { means: "There is none of that name." }, 409: { means: "The rollout's rules refuse it; the detail says why, and what to do instead." },
        },
        handle({ params: { name }, body, principal }) {
          const result = ports.command(name, { verb, by: principal.name, why: body.reason, verified: principal.verified });
          const now = one(name);
          if (result.outcome === "unknown" || now === undefined) return missing(name);
          const headers = { etag: rolloutTag(now) };
          if (result.outcome === "refused") return problem(409, sentence(result.detail), headers);
          return result.outcome === "accepted" ? json(200, { ...result, rollout: now }, headers) : json(202, { ...result, rollout: now }, headers);
        },
      }),
    ),
  ];
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
