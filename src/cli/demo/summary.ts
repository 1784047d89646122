/** What a demo proved, as the last line of its output; and whether it was a success. */
import { firstByteTimeoutMs, type View } from "./sidecar.ts";
import type { Tally } from "./tally.ts";

export const demoFaults = ["errors", "latency", "hang", "crash", "none"] as const;
export type DemoFault = (typeof demoFaults)[number];

export interface Summary {
  readonly fault: DemoFault;
  /** The candidate's weight is 0, the phase says so, and only the baseline answers. */
  readonly rolledBack: boolean;
  /** From the fault to a status that shows weight 0 on every proxy thread; null where that never was. */
  readonly secondsToRollback: number | null;
  /** For a hang: it was caught before the sidecar's own timeout struck for the first time; null for other faults. */
  readonly beforeFirstTimeout: boolean | null;
  /** The decision that took the traffic away. */
  readonly reason: string | null;
  /** Failures that the sidecar counted against the candidate, fallbacks included. */
  readonly candidateErrors: number;
  /** Requests that ended with no answer or a server error at the user. */
  readonly userVisibleErrors: number;
  readonly userVisibleErrorsSafe: number;
  /** Since the fault. */
  readonly safeRequestsAfterFault: number;
  readonly safeErrorsAfterFault: number;
  /** Answered by the baseline in the candidate's place. */
  readonly fallbacks: number;
  readonly requests: number;
  /** Of the answers after the rollback: by version. */
  readonly answeredAfterRollback: Readonly<Record<string, number>>;
  /** Latency that users felt, by stage. */
  readonly latencyMs: Readonly<Record<string, { readonly p50: number | null; readonly p99: number | null }>>;
  readonly userVisibleErrorsBy: Readonly<Record<string, number>>;
  readonly phase: string;
  readonly seconds: number;
}

export interface Timeline {
  readonly startedMs: number;
  readonly faultMs: number | null;
  readonly rollbackMs: number | null;
  /** The status in which the weight was 0 for the first time. */
  readonly atRollback: View | null;
}

export function summarise(fault: DemoFault, last: View, tally: Tally, times: Timeline, nowMs: number): Summary {
  const { ramp, fault: broken, after } = tally.stages;
  const seconds = times.faultMs === null || times.rollbackMs === null ? null : (times.rollbackMs - times.faultMs) / 1000;
  const onlyBaseline = (after.versions.get("1") ?? 0) > 0 && (after.versions.get("2") ?? 0) === 0;
  const decision = last.rollout.decisions.find(({ weight, fromWeight }) => weight === 0 && fromWeight > 0);
  const timeouts = times.atRollback?.v2.totals.errors["first_byte_timeout"] ?? 0;
  const badBy = new Map<string, number>();
  for (const stage of [ramp, broken, after]) for (const [what, count] of stage.badBy) badBy.set(what, (badBy.get(what) ?? 0) + count);
  return {
    fault,
    rolledBack: seconds !== null && last.rollout.weight === 0 && last.v2.weight === 0 && last.rollout.phase === "rolledBack" && onlyBaseline,
    secondsToRollback: seconds === null ? null : Number(seconds.toFixed(2)),
    beforeFirstTimeout: fault !== "hang" ? null : seconds !== null && seconds * 1000 < firstByteTimeoutMs && timeouts === 0,
    reason: decision?.reason ?? null,
    candidateErrors: last.v2.totals.failed,
    userVisibleErrors: tally.total((stage) => stage.bad),
    userVisibleErrorsSafe: tally.total((stage) => stage.safeBad),
    safeRequestsAfterFault: broken.safe + after.safe,
    safeErrorsAfterFault: broken.safeBad + after.safeBad,
    fallbacks: last.v2.totals.fallbacks,
    requests: tally.total((stage) => stage.requests),
    answeredAfterRollback: Object.fromEntries(after.versions),
    latencyMs: Object.fromEntries(
      Object.entries(tally.stages).map(([stage, found]) => [stage, { p50: rounded(found.latencyMs(0.5)), p99: rounded(found.latencyMs(0.99)) }]),
    ),
    userVisibleErrorsBy: Object.fromEntries(badBy),
    phase: last.rollout.phase,
    seconds: Number(((nowMs - times.startedMs) / 1000).toFixed(1)),
  };
}

const rounded = (ms: number | null): number | null => (ms === null ? null : Number(ms.toFixed(1)));

/** The same for people. */
export function tell(summary: Summary): string[] {
  const { fault, secondsToRollback, safeErrorsAfterFault, safeRequestsAfterFault } = summary;
  if (fault === "none") return [`${summary.requests} requests, ${summary.userVisibleErrors} ended badly for a user; the rollout is ${summary.phase}`];
  if (secondsToRollback === null) return [`version 2 was not rolled back: the rollout is ${summary.phase}`];
  const caught = fault === "hang" ? (summary.beforeFirstTimeout ? ", before the first timeout" : ", after the first timeout") : "";
  return [
    `version 2 failed ${summary.candidateErrors} times; its traffic was taken away ${secondsToRollback.toFixed(2)} s after the fault${caught} (${summary.reason})`,
    `${summary.fallbacks} of its failures were answered by version 1 instead`,
    `of ${safeRequestsAfterFault} reads after the fault, ${safeErrorsAfterFault} ended badly for a user; of all ${summary.requests} requests, ${summary.userVisibleErrors}`,
    summary.rolledBack
      ? `rolled back: ${summary.answeredAfterRollback["1"] ?? 0} answers since then, all by version 1`
      : `not confirmed: phase ${summary.phase}, answers since then by version ${JSON.stringify(summary.answeredAfterRollback)}`,
  ];
}
