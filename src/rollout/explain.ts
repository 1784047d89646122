/** A decision in one sentence, made from its record alone: the terminal, the page and the audit log say the same. */
import type { DrillState } from "./drill.ts";
import type { Decision, LimitEvidence } from "./types.ts";

export function explain(decision: Decision): string {
  const { candidate, route, step, weight, fromWeight } = decision;
  const who = `${route}: ${candidate}`;
  switch (decision.reason) {
    case "started":
      return `${who} starts at ${percent(weight)}.`;
    case "stepCompleted":
      return `${who} goes from ${percent(fromWeight)} to ${percent(weight)} (step ${step + 1}): ${decision.subject === "shown" ? "it has been shown to be not worse" : "nothing is held against it"}.`;
    case "stepEarly":
      return `${who} goes from ${percent(fromWeight)} to ${percent(weight)} (step ${step + 1}) before its time: it has been shown to be not worse.`;
    case "inconclusiveAdvanced":
      return `${who} goes on to ${onTo(decision)}: nothing could be shown in the time that the configuration gives, and nothing is held against it.`;
    case "inconclusivePaused":
      return `${who} is paused at ${percent(weight)}: it had the time that the configuration gives, and still ${lacking(decision)}.`;
    case "inconclusiveRolledBack":
      return `${who} is rolled back from ${percent(fromWeight)}: it had the time that the configuration gives, and still ${lacking(decision)}.${back(decision)}`;
    case "bakeStarted":
      return `${who} has its full ${percent(weight)} and is watched for the bake time.`;
    case "baked":
      return `${who} has succeeded: it kept its limits through the bake time.`;
    case "awaitingApproval":
      return `${who} waits for an approval of step ${nextOf(decision)}.`;
    case "awaitingEvidence":
      return `${who} stays at ${percent(weight)}: ${lacking(decision)}.`;
    case "awaitingProbes":
      return `${who} stays at ${percent(weight)}: step ${nextOf(decision)} asks for declared probes that are answered well in a row, and there are not enough yet.`;
    case "awaitingMirror":
      return `${who} stays at ${percent(weight)}: its copies have not shown yet that it answers as the baseline does.`;
    case "awaitingGroup":
      return `${who} stays at ${percent(weight)} until ${decision.subject ?? "another route"} of its group is ready too.`;
    case "awaitingExternalGate":
      return `${who} stays at ${percent(weight)} until the external gate '${decision.subject ?? "unnamed"}' says yes; it can still be rolled back.`;
    case "coolingDown":
      return `${who} waits at ${percent(weight)}: its route cools down after a rollback.`;
    case "frozen":
      return `${who} stays at ${percent(weight)} while the freeze window '${decision.subject ?? "unnamed"}' is open; it can still be rolled back.`;
    case "partitioned":
      return `${who} stays at ${percent(weight)}: the sidecar is cut off from its store, so no weight may rise; it can still be rolled back.`;
    case "sharedOutage":
      return `${who} is held at ${percent(weight)}: both versions fail (${share(decision.candidateWindow.errorRate)} and ${share(decision.baselineWindow.errorRate)} of the requests), so neither is accused.`;
    case "sampleRatioMismatch":
      return `${who} is held at ${percent(weight)}: ${given(decision)}, so the split or the counting is broken and no comparison means anything; it can still be rolled back.`;
    case "noTraffic":
      return `${who} stays at ${percent(weight)}: no request has reached it for 10 s, and no data is never success.`;
    case "baselineUnhealthy":
      return `${who} is held at ${percent(weight)}: the baseline itself fails (${decision.baselineWindow.settled > 0 ? `${share(decision.baselineWindow.errorRate)} of its requests` : "its probes"}), so nothing is shifted towards it.`;
    case "holdEnded":
      return `${who} goes on at ${percent(weight)}.`;
    case "breakerTripped":
    case "breakerTrippedAgain":
      return `${who} loses its traffic at once: the breaker tripped${decision.reason === "breakerTripped" ? "" : " again"} (${breaker(decision)}).${decision.to === "rollingBack" ? back(decision) : ""}`;
    case "probeStarted":
      return `${who} is probed with ${percent(weight)}.`;
    case "probePassed":
      return `${who} passed the probe and returns to ${percent(weight)}.`;
    case "limitBreached":
      return `${who} is rolled back from ${percent(fromWeight)}: ${limit(decision.limit)}.${back(decision)}`;
    case "exposureSpent":
      return `${who} is rolled back from ${percent(fromWeight)}: its exposure budget is spent with ${decision.badResponses} bad responses.`;
    case "groupRolledBack":
      return `${who} is rolled back from ${percent(fromWeight)} together with ${decision.subject ?? "another route"} of its group.${back(decision)}`;
    case "regionLeft":
      return `${who} loses the users of region ${decision.subject ?? "unknown"}, and goes on elsewhere: ${limit(decision.limit)}.`;
    case "shrunk":
      return `${who} shrinks from ${percent(fromWeight)} to ${percent(weight)}: ${limit(decision.limit)}.`;
    case "limitPaused":
      return `${who} is paused at ${percent(weight)}: ${limit(decision.limit)}.`;
    case "limitNoted":
      return `${who} breaks a limit that ${decision.limit?.action === "dryRun" ? "is tried out without acting" : "only notifies"}: ${limit(decision.limit)}.`;
    case "drill":
      return `${who} is taken back from ${percent(fromWeight)} for a drill by ${decision.command?.by ?? "nobody"} (${decision.command?.why ?? "no reason"}): nothing is held against it.`;
    case "drillPassed":
      return `${who}: the drill has passed: ${drillTimes(decision.drill)}. It goes back to ${percent(decision.drill?.weight ?? 0)}.`;
    case "drillFailed":
      return `${who}: the drill has failed: ${drillFault(decision.subject)}. It is paused at 0%: resume gives its users back when the route is well, promote at once.`;
    case "drillEnded":
      return `${who} is back at ${percent(weight)} (step ${step + 1}) after the drill, with evidence of its own.`;
    case "trafficStopped":
      if (decision.drill !== undefined) return `${who} receives nothing any more, in a drill; the baseline is being verified with all the users.`;
      return `${who} receives nothing any more; the baseline is being verified.`;
    case "verified":
      return `${route} has recovered: the baseline is inside its own earlier limits.`;
    case "notVerified":
      return `${route} has not recovered by rolling ${candidate} back: the cause is elsewhere.`;
    case "commandPause":
    case "commandResume":
    case "commandPromote":
    case "commandApprove":
    case "commandRollback":
      return `${who}: ${commandWords[decision.reason]} at ${percent(weight)} by ${decision.command?.by ?? "nobody"}${decision.command?.why ? ` (${decision.command.why})` : ""}.`;
    case "commandOverride":
      if (decision.subject !== null) return `${who}: ${decision.subject} is entered without the approval that it asks for, by ${decision.command?.by ?? "nobody"} (${decision.command?.why ?? "no reason"}).`;
      return `${who}: revision ${decision.revision} is run in spite of what held it, by ${decision.command?.by ?? "nobody"} (${decision.command?.why ?? "no reason"}).`;
    case "commandRefused":
      return `${who}: ${decision.command?.verb ?? "the command"} was refused: ${decision.refusal ?? "no reason given"}.`;
    case "planPaused":
      return `${who} is held at ${percent(weight)} by the configuration.`;
    case "planResumed":
      return `${who} is no longer held by the configuration.`;
    case "planChanged":
      return `${who} goes from ${percent(fromWeight)} to ${percent(weight)}: the configuration's steps have changed.`;
    case "planEdited":
      return `${who}: the configuration of its route was edited by ${decision.subject ?? "somebody who is not known"}: whoever edits it does not approve it.`;
    case "approvalWithdrawn":
      return `${who}: the configuration of its route was edited by ${decision.subject ?? "somebody who is not known"}, so the approval of step ${step + 2} counts no more.`;
    case "newRevision":
      return `${who} has a new revision, ${decision.revision}, and starts over.`;
    case "quarantined":
      return `${who} stays at 0%: revision ${decision.revision} was rolled back before and is quarantined.`;
    case "retired":
      return `${who}: the rollout has been taken out of the configuration.`;
  }
}

/** From 1. After a drill it is the step that it came from. */
const nextOf = ({ step, drill }: Decision): number => (step < 0 && drill !== undefined ? drill.step : step + 1) + 1;

const drillFaults: Readonly<Record<string, string>> = {
  stragglers: "30 s after the decision some sidecars still do not run weight 0", traffic: "30 s after the decision requests still reached the candidate",
  baseline: "the baseline fails with all the users", recovery: "within 60 s the baseline was not seen to be inside its earlier limits with all the users",
};

export const drillFault = (subject: string | null): string => drillFaults[subject ?? ""] ?? "the way back does not work";

export function drillTimes(drill: DrillState | undefined): string {
  if (drill === undefined) return "its times are not known";
  const { acknowledgedAfterMs, stoppedAfterMs, verifiedAfterMs } = drill;
  const parts = [
    ...(acknowledgedAfterMs === null ? [] : [`every sidecar ran weight 0 after ${seconds(acknowledgedAfterMs)}`]),
    ...(stoppedAfterMs === null ? [] : [`nothing reached the candidate any more after ${seconds(stoppedAfterMs)}`]),
    ...(verifiedAfterMs === null ? [] : [`the baseline was verified with all the users after ${seconds(verifiedAfterMs)}`]),
  ];
  return parts.length === 0 ? "it came to nothing" : parts.join(", ");
}

const seconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`);

const commandWords = {
  commandPause: "paused", commandResume: "resumed", commandPromote: "promoted", commandApprove: "approved", commandRollback: "rolled back",
} as const;

const onTo = (decision: Decision): string =>
  decision.to === "succeeded" ? "the end of its bake time" : decision.to === "baking" ? "its bake time" : `${percent(decision.weight)} (step ${decision.step + 1})`;

function lacking({ subject }: Decision): string {
  switch (subject) {
    case "requests":
      return "too few requests have been answered to go on";
    case "suspicion":
      return "something speaks against it, though too little to take it back";
    default:
      return "there is too little evidence that it is not worse";
  }
}

function given({ split }: Decision): string {
  if (split === undefined) return "the versions do not get what the weights say";
  const { candidate, baseline } = split;
  return `it got ${candidate} of ${candidate + baseline} ${split.counts}, which is ${share(candidate / Math.max(1, candidate + baseline))} where its weight says ${share(split.share)}`;
}

function limit(evidence: LimitEvidence | null): string {
  if (evidence === null) return "a limit was breached";
  return `${limitWords(evidence)} ${limitValues(evidence)}; evidence ${odds(evidence.groupWealth)} where ${odds(evidence.threshold)} convicts`;
}

/** What was seen of both, and what the candidate may not exceed. */
export function limitValues({ metric, candidateValue, baselineValue, candidateN, limitValue }: LimitEvidence): string {
  const show = metric === "latency" ? millis : metric === "custom" ? plain : share;
  const bound = limitValue === null ? "" : `, limit ${show(limitValue)}`;
  return metric === "mirror" ? `${show(candidateValue)} of ${candidateN}${bound}` : `${show(candidateValue)} beside the baseline's ${show(baselineValue)}${bound}`;
}

export function limitWords({ metric, quantile, name }: LimitEvidence): string {
  if (metric === "conversion" || metric === "custom") return `${metric === "custom" ? "custom metric" : metric} '${name ?? "unnamed"}'`;
  if (metric === "errorRate") return "error rate";
  if (metric === "mirror") return "copies that were answered otherwise";
  return quantile === "location" ? "latency" : `latency (${quantile})`;
}

const breaker = ({ breaker: seen }: Decision): string =>
  seen === null ? "no evidence kept" : `${seen.bad} bad and ${seen.ok} good outcomes, ${seen.clients} clients, evidence ${odds(seen.wealth)} where ${odds(seen.threshold)} trips`;

const back = (decision: Decision): string => ` ${decision.badResponses} bad responses so far; revision ${decision.revision} is quarantined.`;
export const percent = (weight: number): string => `${Number(weight.toFixed(3))}%`;
export const share = (value: number | null): string => (value === null ? "an unknown share" : `${Number((value * 100).toPrecision(3))}%`);
export const millis = (value: number | null): string => (value === null ? "unknown ms" : `${Number(value.toPrecision(3))} ms`);
export const plain = (value: number | null): string => (value === null ? "unknown" : String(Number(value.toPrecision(3))));
export const odds = (value: number): string => (value < 10 ? value.toPrecision(2) : value.toFixed(0));
