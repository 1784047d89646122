/** How loudly a decision is told. */
import type { RolloutReason } from "../core/reasons.ts";

/** `page`: somebody has to look now, because users are hurt or the sidecar cannot help them. */
export type Severity = "info" | "warn" | "page";

const paging: ReadonlySet<RolloutReason> = new Set(["baselineUnhealthy", "sharedOutage", "notVerified", "drillFailed"]);
const warning: ReadonlySet<RolloutReason> = new Set([
  "breakerTripped", "breakerTrippedAgain", "limitBreached", "exposureSpent", "inconclusiveRolledBack", "inconclusivePaused", "groupRolledBack", "regionLeft",
  "shrunk", "sampleRatioMismatch", "limitPaused", "limitNoted", "partitioned", "approvalWithdrawn", "commandOverride", "quarantined", "drill", "drillPassed",
]);

export const severityOf = (reason: RolloutReason): Severity => (paging.has(reason) ? "page" : warning.has(reason) ? "warn" : "info");
