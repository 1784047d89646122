/** What comes next in a rollout, and what a person could do about it: one sentence, from its status alone. */
import type { WaitReason } from "../../core/reasons.ts";
import { percent } from "../../rollout/explain.ts";
import type { RolloutStatus } from "../../rollout/status.ts";

export function nextStep(rollout: RolloutStatus, nowMs: number): string {
  const { name, candidate, revision, phase } = rollout;
  if (rollout.drill?.outcome === "underWay") return `a drill by ${rollout.drill.by}: its users come back to ${percent(rollout.drill.weight)} when the way back has been measured`;
  switch (phase) {
    case "pending":
      return rollout.cooldownUntilMs && rollout.cooldownUntilMs > nowMs ? `${candidate} starts when the cooldown is over, in ${span(rollout.cooldownUntilMs - nowMs)}` : `${candidate} starts with ${following(rollout)}`;
    case "progressing":
      return `${following(rollout)} when its time is over and it has been shown to be not worse`;
    case "waiting":
      return waitingFor(rollout, rollout.waiting ?? "evidence", nowMs);
    case "baking":
      return "succeeds when the bake time is over without a breach";
    case "succeeded":
      return `${candidate} has all users; make it the baseline in the configuration`;
    case "paused":
      return `stays as it is until somebody says: ebbgate resume ${name}`;
    case "rollingBack":
      return "the candidate's last requests end; then the baseline is verified";
    case "verifying":
      return "the baseline is watched until it is inside its own earlier limits";
    case "rolledBack":
      return rollout.escalated ? `the route has not recovered: the cause is not ${candidate}; look at the baseline` : `revision ${revision} is quarantined: deploy another one, or ebbgate override ${name} --reason ...; ebbgate report ${name} tells what happened`;
    case "retired":
      return "the rollout has been taken out of the configuration, or another candidate was chosen";
  }
}

/** The step after this one, as `step 3 (50%)`. */
function following({ step, steps }: RolloutStatus): string {
  const weight = steps[step + 1];
  return weight === undefined ? "the bake time" : `step ${step + 2} of ${steps.length} (${percent(weight)})`;
}

function waitingFor(rollout: RolloutStatus, waiting: WaitReason, nowMs: number): string {
  const { name } = rollout;
  const next = following(rollout);
  switch (waiting) {
    case "approval":
      return `${next} waits for an approval: ebbgate approve ${name}`;
    case "evidence":
      return `${next} when there is enough evidence that it is not worse; more traffic makes it sooner`;
    case "noTraffic":
      return `${next} when requests reach the candidate again: no data is never success`;
    case "baseline":
      return "held until the baseline itself is well: nothing is shifted towards what fails";
    case "probe":
      return "the breaker's probe decides: it goes on, or back";
    case "declaredProbes":
      return `${next} when the declared probes are answered well in a row`;
    case "mirror":
      return `${next} when its copies have shown that it answers as the baseline does`;
    case "outage":
      return "held while both versions fail: neither is accused";
    case "sampleRatio":
      return `held while the versions do not get the shares that the weights say; ebbgate promote ${name} goes on regardless`;
    case "freeze":
      return `${next} when the freeze window ends`;
    case "cooldown":
      return `${next} when the cooldown is over${rollout.cooldownUntilMs && rollout.cooldownUntilMs > nowMs ? `, in ${span(rollout.cooldownUntilMs - nowMs)}` : ""}`;
    case "partition":
      return "no weight rises while the sidecar is cut off from its store";
    case "group":
      return `${next} when all of its group${rollout.group ? ` '${rollout.group}'` : ""} are ready`;
    case "externalGate":
      return `${next} when the external gate says yes${gates(rollout)}`;
    case "candidates":
      return `${next} as soon as the other candidates have given their users back`;
  }
}

const gates = ({ externalGates }: RolloutStatus): string => {
  const open = (externalGates ?? []).filter(({ answer }) => answer !== "yes");
  return open.length === 0 ? "" : `: ${open.map(({ target, answer, why }) => `${target} ${answer === "no" ? "says no" : "is silent"}${why === "" ? "" : ` (${why})`}`).join(", ")}`;
};

/** How long, in the two largest units that count. @param ms 0 or more */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: (readonly [number, string])[] = [[Math.floor(seconds / 86_400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "m"], [seconds % 60, "s"]];
  const first = parts.findIndex(([value]) => value > 0);
  return first < 0 ? "0s" : parts.slice(first, first + 2).map(([value, unit]) => `${value}${unit}`).join("");
}
