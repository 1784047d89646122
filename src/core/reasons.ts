/** Why a request got its variant: one value, the same in log, metric, event, audit and page. */
export const routingReasons = ["weighted", "default", "allowed", "denied", "targeted", "killed", "laned", "asset"] as const;
export type RoutingReason = (typeof routingReasons)[number];

/** Whether the split alone has decided: such requests are a random sample of the route's, and may be compared. */
export const isDealt = (reason: RoutingReason): boolean => reason === "weighted" || reason === "default";

/** A rollout's state (DESIGN section 6). */
export const rolloutPhases = [
  "pending", "progressing", "waiting", "baking", "succeeded", "rollingBack", "verifying", "rolledBack", "paused", "retired",
] as const;
export type RolloutPhase = (typeof rolloutPhases)[number];

/** What a `waiting` rollout waits for. Waiting never disables rollback. */
export const waitReasons = [
  "approval", "evidence", "noTraffic", "baseline", "probe", "declaredProbes", "mirror", "outage", "sampleRatio", "freeze", "cooldown", "partition", "group", "externalGate",
] as const;
export type WaitReason = (typeof waitReasons)[number];

/** The judge's answer on a limit. */
export const verdicts = ["healthy", "breached", "inconclusive"] as const;
export type Verdict = (typeof verdicts)[number];

/** Why a rollout decided: exactly one for each decision, the same in log, metric, event, audit and page. */
export const rolloutReasons = [
  // forward
  "started", "stepCompleted", "stepEarly", "bakeStarted", "baked", "inconclusiveAdvanced",
  // holding and going on again
  "awaitingApproval", "awaitingEvidence", "awaitingProbes", "awaitingMirror", "awaitingGroup", "awaitingExternalGate", "noTraffic", "baselineUnhealthy", "sharedOutage", "sampleRatioMismatch", "frozen", "coolingDown",
  "partitioned", "inconclusivePaused", "holdEnded",
  // the breaker
  "breakerTripped", "probeStarted", "probePassed", "breakerTrippedAgain",
  // back
  "limitBreached", "exposureSpent", "inconclusiveRolledBack", "groupRolledBack", "regionLeft", "shrunk", "limitPaused", "limitNoted",
  "trafficStopped", "verified", "notVerified",
  // a rehearsed way back
  "drill", "drillPassed", "drillFailed", "drillEnded",
  // people
  "commandPause", "commandResume", "commandPromote", "commandApprove", "commandRollback", "commandOverride", "commandRefused",
  // configuration
  "planPaused", "planResumed", "planChanged", "planEdited", "approvalWithdrawn", "newRevision", "quarantined", "retired",
] as const;
export type RolloutReason = (typeof rolloutReasons)[number];
