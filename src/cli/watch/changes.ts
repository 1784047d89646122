/** What is new between two looks at a sidecar: for everything that is no terminal. */
import type { Status } from "../../admin/status.ts";
import type { RolloutPhase, WaitReason } from "../../core/reasons.ts";
import type { ExplainedDecision, RolloutStatus } from "../../rollout/status.ts";
import { titleOf } from "./frame.ts";
import { lineText } from "./spans.ts";

export type Change =
  /** What there is when the watching begins, or when a rollout appears. */
  | { readonly kind: "rollout"; readonly time: string; readonly rollout: string; readonly phase: RolloutPhase; readonly waiting: WaitReason | null; readonly weight: number; readonly text: string }
  | { readonly kind: "decision"; readonly time: string; readonly rollout: string; readonly phase: RolloutPhase; readonly waiting: WaitReason | null; readonly weight: number; readonly reason: string; readonly text: string }
  | { readonly kind: "gone"; readonly time: string; readonly rollout: string; readonly text: string }
  /** The sidecar itself: readiness, its configuration, whether it answers. */
  | { readonly kind: "sidecar"; readonly time: string; readonly ok: boolean; readonly text: string };

export function changes(before: Status | null, after: Status, only: string | null): Change[] {
  const { time } = after;
  const watched = (status: Status | null): readonly RolloutStatus[] => (status?.rollouts ?? []).filter(({ name }) => only === null || name === only);
  const earlier = new Map(watched(before).map((rollout) => [rollout.name, rollout]));
  const later = watched(after);
  const found: Change[] = [];
  if (before !== null && before.ready !== after.ready) found.push({ kind: "sidecar", time, ok: after.ready, text: after.ready ? "the sidecar is ready" : `the sidecar is not ready: ${after.notReady.join("; ")}` });
  const refusal = after.configuration.lastRefusal;
  if (before !== null && after.configuration.refusals !== before.configuration.refusals && refusal !== null) found.push({ kind: "sidecar", time, ok: false, text: `a document was refused: ${refusal.detail.split("\n")[0]!}` });
  for (const rollout of later) {
    const { name, phase, waiting, weight } = rollout;
    const known = earlier.get(name);
    if (known === undefined) found.push({ kind: "rollout", time, rollout: name, phase, waiting, weight, text: lineText(titleOf(rollout, Date.parse(time)), Number.POSITIVE_INFINITY, false) });
    else for (const decision of decidedSince(known, rollout)) found.push(decisionChange(name, decision));
  }
  for (const name of earlier.keys()) if (!later.some((rollout) => rollout.name === name)) found.push({ kind: "gone", time, rollout: name, text: "the rollout has been taken out of the configuration" });
  return found;
}

function decidedSince(before: RolloutStatus, after: RolloutStatus): readonly ExplainedDecision[] {
  const known = new Set(before.decisions.map(keyOf));
  return after.decisions.filter((decision) => !known.has(keyOf(decision)));
}

const keyOf = ({ atMs, reason, to }: ExplainedDecision): string => `${atMs} ${reason} ${to}`;

const decisionChange = (rollout: string, { atMs, reason, to, waiting, weight, sentence }: ExplainedDecision): Change => ({ kind: "decision", time: new Date(atMs).toISOString(), rollout, phase: to, waiting, weight, reason, text: sentence });

/** One line for people. */
export function changeText(change: Change): string {
  const what = change.kind === "decision" ? `${change.reason}: ${change.text}` : change.kind === "gone" ? `${change.rollout}: ${change.text}` : change.text;
  return `${change.time.slice(0, 19)}Z  ${what}`;
}
