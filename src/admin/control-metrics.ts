/** Rows of the metric table that are read from the control thread: configuration, threads, rollouts, the build. */
import { rolloutPhases } from "../core/reasons.ts";
import { counters } from "../observe/layout.ts";
import { differenceKinds } from "../proxy/compare-answers.ts";
import type { MirrorCounts } from "../proxy/mirrors.ts";
import type { LimitEvidence } from "../rollout/types.ts";
import type { MetricRow } from "./metric-row.ts";
import type { AdminPorts } from "./ports.ts";
import { readiness } from "./readiness.ts";

/** A limit's name in a label: `errorRate`, `latency:p99`, `conversion:checkout`. An absolute bound on a metric is the same limit. */
const limitName = (limit: LimitEvidence): string => [limit.metric, limit.quantile ?? limit.name].filter(Boolean).join(":");

const byRollout = ["route", "variant"] as const;
const byLimit = ["route", "variant", "limit"] as const;

function eachMirror(ports: AdminPorts, read: (route: string, counts: MirrorCounts) => void): void {
  for (const { name } of ports.posted()?.snapshot.routes ?? []) {
    const counts = ports.mirrors(name);
    if (counts !== null) read(name, counts);
  }
}

export const controlMetrics: readonly MetricRow[] = [
  {
    type: "gauge", name: "ebbgate_ready", labels: [], across: "min", help: "Whether /readyz says ready: 1, or 0.",
    read: ({ ports }, emit) => emit(readiness(ports).ready ? 1 : 0),
  },
  {
    type: "gauge", name: "ebbgate_config_revision", labels: [], across: "each", help: "Revision last posted to the proxy threads; 0 before the first.",
    read: ({ ports }, emit) => emit(ports.posted()?.snapshot.revision ?? 0),
  },
  {
    type: "gauge", name: "ebbgate_config_last_load_successful", labels: [], across: "min", help: "Whether the last document seen was taken: 1, or 0 while an older one serves on.",
    read: ({ ports }, emit) => emit(ports.configuration().lastLoadOk ? 1 : 0),
  },
  {
    type: "gauge", name: "ebbgate_config_last_load_success_timestamp_seconds", labels: [], across: "min", help: "When a document was last taken, in seconds since 1970.",
    read: ({ ports }, emit) => {
      const { loadedMs } = ports.configuration();
      if (loadedMs !== null) emit(loadedMs / 1000);
    },
  },
  {
    type: "counter", name: "ebbgate_config_refusals_total", labels: [], help: "Documents that were refused whole.",
    read: ({ ports }, emit) => emit(ports.configuration().refusals),
  },
  {
    type: "gauge", name: "ebbgate_store_reachable", labels: [], across: "min", help: "Whether the store answered when it was last asked: 1, or 0 while what was last known serves on.",
    read: ({ ports }, emit) => emit(ports.storeReachable?.() === false ? 0 : 1),
  },
  {
    type: "gauge", name: "ebbgate_thread_revision", labels: ["thread"], across: "each", help: "Revision that the proxy thread last acknowledged; 0 before the first.",
    read: ({ ports }, emit) => {
      for (const thread of ports.threads()) emit(thread.revision, String(thread.index));
    },
  },
  {
    type: "gauge", name: "ebbgate_thread_up", labels: ["thread"], across: "min", help: "Whether the proxy thread runs: 1, or 0.",
    read: ({ ports }, emit) => {
      for (const thread of ports.threads()) emit(thread.alive ? 1 : 0, String(thread.index));
    },
  },
  {
    type: "gauge", name: "ebbgate_rollout_phase", labels: [...byRollout, "phase"], help: "1 for the phase that the rollout is in, 0 for the others.",
    read: ({ ports }, emit) => {
      for (const rollout of ports.rollouts()) {
        for (const phase of rolloutPhases) emit(rollout.phase === phase ? 1 : 0, rollout.route, rollout.candidate, phase);
      }
    },
  },
  {
    type: "gauge", name: "ebbgate_rollout_weight_ratio", labels: byRollout, help: "Weight that the rollout last decided for the candidate, 0 ... 1.",
    read: ({ ports }, emit) => {
      for (const rollout of ports.rollouts()) emit(rollout.weight / 100, rollout.route, rollout.candidate);
    },
  },
  {
    type: "gauge", name: "ebbgate_rollout_step", labels: byRollout, help: "Index of the step that the rollout is in, from 0; -1 before the first.",
    read: ({ ports }, emit) => {
      for (const rollout of ports.rollouts()) emit(rollout.step, rollout.route, rollout.candidate);
    },
  },
  {
    type: "counter", name: "ebbgate_rollout_bad_responses_total", labels: byRollout, across: "max", help: "Bad candidate responses that the rollout has cost so far: what its exposure budget caps.",
    read: ({ ports }, emit) => {
      for (const rollout of ports.rollouts()) emit(rollout.badResponses, rollout.route, rollout.candidate);
    },
  },
  {
    type: "gauge", name: "ebbgate_limit_wealth", labels: byLimit, help: "Weighted evidence against the candidate on this limit. A breach is when the sum over an action's limits reaches the threshold.",
    read: ({ ports }, emit) => {
      for (const { route, candidate, limits } of ports.rollouts()) for (const limit of limits) emit(limit.wealth, route, candidate, limitName(limit));
    },
  },
  {
    type: "gauge", name: "ebbgate_limit_wealth_threshold", labels: byLimit, help: "What the summed evidence is held against: 2 / alpha.",
    read: ({ ports }, emit) => {
      for (const { route, candidate, limits } of ports.rollouts()) for (const limit of limits) emit(limit.threshold, route, candidate, limitName(limit));
    },
  },
  {
    type: "gauge", name: "ebbgate_limit_breached", labels: byLimit, help: "Whether the judge's verdict on this limit is breached: 1, or 0.",
    read: ({ ports }, emit) => {
      for (const { route, candidate, limits } of ports.rollouts()) {
        for (const limit of limits) emit(limit.verdict === "breached" ? 1 : 0, route, candidate, limitName(limit));
      }
    },
  },
  {
    type: "counter", name: "ebbgate_goals_total", labels: [...byRollout, "goal"], help: "Cohorts of the variant that reached the goal of a conversion limit, each once a day and weight.",
    read: ({ ports }, emit) => {
      for (const { route, baseline, candidate, limits } of ports.rollouts()) {
        limits.filter(({ metric }) => metric === "conversion").forEach(({ name = "" }, goal) => {
          for (const variant of [baseline, candidate]) emit(ports.slab.reader(ports.slab.slotOf(route, variant)).counter(counters.goals + goal), route, variant, name);
        });
      }
    },
  },
  {
    type: "gauge", name: "ebbgate_sample_ratio_evidence", labels: byRollout, help: "Odds that the versions do not get the shares that the weights say, since these last changed; at 1000 the rollout holds. Absent while there is nothing to compare.",
    read: ({ ports }, emit) => {
      for (const { route, candidate, split } of ports.rollouts()) if (split) emit(split.evidence, route, candidate);
    },
  },
  {
    type: "gauge", name: "ebbgate_breaker_wealth", labels: byRollout, help: "Evidence of a catastrophe against the candidate.",
    read: ({ ports }, emit) => {
      for (const { route, candidate, breaker } of ports.rollouts()) emit(breaker.wealth, route, candidate);
    },
  },
  {
    type: "counter", name: "ebbgate_decisions_total", labels: [...byRollout, "reason"], help: "Decisions on the route's rollout, by reason; the variant is the candidate. Reasons that are worth an alert are there from the start, with 0.",
    read: ({ ports }, emit) => {
      // What alerts ask for is there before it happens: `increase` does not see a series that begins at 1.
      for (const { route, candidate } of ports.rollouts()) ports.decisions.announce(route, candidate);
      for (const { route, variant, reason, count } of ports.decisions.list()) emit(count, route, variant, reason);
    },
  },
  {
    type: "counter", name: "ebbgate_mirror_copies_total", labels: byRollout, help: "Copies of users' requests whose outcome is known; the variant got them.",
    read: ({ ports }, emit) => eachMirror(ports, (route, counts) => emit(counts.compared, route, counts.variant)),
  },
  {
    type: "counter", name: "ebbgate_mirror_differences_total", labels: [...byRollout, "kind"], help: "Copies that were answered otherwise than the users, by the first thing that differed.",
    read: ({ ports }, emit) => eachMirror(ports, (route, counts) => {
      for (const kind of differenceKinds) emit(counts.differences[kind], route, counts.variant, kind);
    }),
  },
  {
    type: "gauge", name: "ebbgate_build_info", labels: ["version", "node"], help: "Always 1; the labels say what runs.",
    read: ({ ports }, emit) => emit(1, ports.identity.version, process.versions.node),
  },
];
