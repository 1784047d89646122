/** What holds a rollout where it is, however far its step has come. None of it ever blocks a rollback. Pure. */
import type { Gate } from "./gates.ts";
import { failing, noTrafficMs } from "./health.ts";
import { targetUnhealthy } from "./surroundings.ts";
import type { Turn } from "./turn.ts";

/** Why the rollout stays where it is; null: nothing holds it. */
export function holdGate(turn: Turn): Gate | null {
  if (targetUnhealthy(turn)) return { waiting: "baseline", reason: "baselineUnhealthy", subject: null };
  if (sharedOutage(turn)) return { waiting: "outage", reason: "sharedOutage", subject: null };
  if (mismatch(turn)) return { waiting: "sampleRatio", reason: "sampleRatioMismatch", subject: null };
  return idle(turn) ? { waiting: "noTraffic", reason: "noTraffic", subject: null } : null;
}

/** Both versions fail much more than the baseline used to: it is not the candidate's fault, and no time to go on (JUDGE 8). */
export function sharedOutage({ evidence }: Turn): boolean {
  const { baseline, candidate, baselineEarlier } = evidence;
  return failing(baseline, baselineEarlier) && failing(candidate, baselineEarlier);
}

/** The variants do not get what the weights say: the split or the measuring is broken, and no comparison means anything (JUDGE 7). */
export const mismatch = ({ plan, evidence }: Turn): boolean => plan.sampleRatio !== false && evidence.split?.mismatch === true;

/** A step that asks for no request, before one that asks for probes, has its data from them. */
function idle({ plan, state, evidence, nowMs }: Turn): boolean {
  if (state.step < 0 || evidence.candidate.requests > 0 || nowMs - state.stepSinceMs < noTrafficMs) return false;
  const step = plan.steps[Math.min(state.step, plan.steps.length - 1)]!;
  return step.minRequests > 0 || (plan.steps[state.step + 1]?.probes ?? 0) === 0;
}
