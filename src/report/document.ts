/** A report as a document: what happened, to whom, on what evidence, who did what, and how it was seen to be over. Pure. */
import { formatDuration } from "../core/duration.ts";
import { limitWords, millis, odds, percent, plain, share } from "../rollout/explain.ts";
import type { LimitEvidence, VariantWindow } from "../rollout/types.ts";
import { type Block, heading, paragraph, table } from "./blocks.ts";
import { toHtml } from "./html.ts";
import { toMarkdown } from "./markdown.ts";
import { plotsOf } from "./plots.ts";
import { type Outcome, outcomeWords, type Report, type Rollback } from "./report.ts";

export const reportMarkdown = (report: Report): string => toMarkdown(blocksOf(report));
export const reportHtml = (report: Report): string => toHtml(titleOf(report), blocksOf(report));

const titleOf = ({ name, candidate, revision, outcome }: Report): string => `${name}: ${candidate} ${revision === candidate ? "" : `(${revision}) `}${outcomes[outcome].title}`;

const outcomes: Readonly<Record<Outcome, { readonly title: string; readonly sentence: string }>> = {
  drilled: { title: "is being drilled", sentence: "A drill has taken its users away, and they are not back yet. Nothing is held against it." },
  rolledBack: { title: "was rolled back", sentence: "It was rolled back, and the rollback was verified." },
  escalated: { title: "was rolled back, and the route did not recover", sentence: "It was rolled back, and the route did not recover: the cause is elsewhere." },
  rollingBack: { title: "is being rolled back", sentence: "It has no users any more; the rollback is not verified yet." },
  succeeded: { title: "succeeded", sentence: "It succeeded." },
  retired: { title: "was taken out of the configuration", sentence: "It was taken out of the configuration." },
  underWay: { title: "is under way", sentence: "It is under way." },
};

function blocksOf(report: Report): Block[] {
  return [
    heading(titleOf(report), 1), ...summary(report), ...timeline(report), ...exposure(report), ...evidence(report.rollback), ...plotsOf(report),
    ...drills(report), ...people(report), ...playbook(report), ...recovery(report.rollback), ...budget(report),
  ];
}

function summary(report: Report): Block[] {
  const { route, candidate, revision, baseline, rollback, exposure: { requests, cohorts }, outcome, seqs, fromMs, untilMs, budget: { badResponses } } = report;
  const exposed = cohorts === null ? `${requests} requests` : `${requests} requests of at least ${cohorts} users (cohorts)`;
  return [
    paragraph(`Route ${route}: ${candidate}, revision ${revision}, beside ${baseline}. From ${time(fromMs)} to ${time(untilMs)}. ${outcomes[outcome].sentence}`),
    ...(rollback === null ? [] : [paragraph(rollback.sentence)]),
    paragraph(`${exposed} reached the candidate, ${badResponses} of its answers were bad. ${rollback === null ? "" : `The decision came ${span(rollback.foundAfterMs)} after the last weight was given.`}`.trim()),
    paragraph(`Made from records ${seqs[0]} to ${seqs[1]} of the audit log, and from nothing else. ebbgate audit verify says whether they are unaltered, ebbgate replay makes each decision again.`),
  ];
}

const timeline = (report: Report): Block[] => [
  heading("Timeline"),
  table(["time (UTC)", "after", "record", "what", ""], report.timeline.map(({ seq, atMs, severity, what, sentence }) => [time(atMs), atMs < report.fromMs ? "before" : span(atMs - report.fromMs), String(seq), what, `${severity === "page" ? "(pages) " : ""}${sentence}`])),
];

function exposure({ exposure: { parts } }: Report): Block[] {
  if (parts.length === 0) return [heading("Who was exposed"), paragraph("Nobody: the candidate never had a weight above 0.")];
  return [
    heading("Who was exposed"),
    table(["weight", "from (UTC)", "for", "requests", "users (cohorts)", "bad answers"], parts.map(({ weight, fromMs, untilMs, requests, cohorts, badResponses }) =>
      [percent(weight), time(fromMs), untilMs === null ? "still" : span(untilMs - fromMs), count(requests), count(cohorts), String(badResponses)])),
    paragraph("Counted when each weight ended (users of a fleet by its leader alone). A larger weight keeps the users of the one before. Bad answers that the baseline made good in time (fallback) count, although no user saw them."),
  ];
}

function evidence(rollback: Rollback | null): Block[] {
  if (rollback === null) return [];
  const { limits, breaker, candidateWindow, baselineWindow } = rollback;
  return [
    heading("Evidence"),
    paragraph("What was known when it was decided to go back. Evidence is odds that the candidate is worse; a group of limits convicts at its threshold."),
    ...(limits.length === 0 ? [] : [table(["limit", "action", "candidate", "baseline", "bound", "outcomes of both", "evidence", "of its group", "convicts at", "verdict"], limits.map(limitRow))]),
    ...(breaker === null ? [] : [paragraph(`Breaker: ${breaker.bad} bad and ${breaker.ok} good outcomes of at least ${breaker.clients} clients; evidence ${odds(breaker.wealth)}, trips at ${odds(breaker.threshold)}${breaker.tripped ? "; it tripped" : ""}.`)]),
    windows("the last 10 s", [["candidate", candidateWindow], ["baseline", baselineWindow]]),
  ];
}

function limitRow(limit: LimitEvidence): string[] {
  const show = limit.metric === "latency" ? millis : limit.metric === "custom" ? plain : share;
  return [
    limitWords(limit), limit.action, show(limit.candidateValue), show(limit.baselineValue), show(limit.limitValue), `${limit.candidateN} and ${limit.baselineN}`,
    odds(limit.wealth), odds(limit.groupWealth), odds(limit.threshold), limit.verdict,
  ];
}

const windows = (over: string, rows: readonly (readonly [string, VariantWindow])[]): Block =>
  table([over, "requests", "failed", "share", "p50", "p95", "p99"], rows.map(([name, { requests, failed, errorRate, p50Ms, p95Ms, p99Ms }]) => [name, String(requests), String(failed), share(errorRate), millis(p50Ms), millis(p95Ms), millis(p99Ms)]));

function drills({ drills: held, playbook: steps }: Report): Block[] {
  if (held.length === 0) return [];
  const after = (ms: number | null): string => (ms === null ? "not" : span(ms));
  return [
    heading("Drills"),
    table(["time (UTC)", "record", "by", "why", "from", "every sidecar had acknowledged after", "nothing reached the candidate after", "the baseline was verified after", "users back after", "outcome"],
      held.map(({ atMs, seq, by, why, weight, acknowledgedAfterMs, stoppedAfterMs, verifiedAfterMs, backAfterMs, outcome, fault }) =>
        [time(atMs), String(seq), by, why, percent(weight), after(acknowledgedAfterMs), after(stoppedAfterMs), after(verifiedAfterMs), after(backAfterMs), fault === null ? drillOutcomes[outcome] : `${drillOutcomes[outcome]}: ${fault}`])),
    paragraph("Rehearsed rollbacks: the candidate's users were taken away as by a rollback, and came back. Times are counted from the decision."),
    ...stepsTable(steps.filter(({ record }) => record.drill === true)),
  ];
}

const drillOutcomes = { underWay: "under way", passed: "passed", failed: "failed", abandoned: "it became a real rollback" } as const;

const people = (report: Report): Block[] => [
  heading("Who did what"),
  report.people.length === 0 ? paragraph("Nobody gave a command, and the configuration was not changed.") : table(["time (UTC)", "record", "who", "what", "why"], report.people.map(({ atMs, seq, who, what, why }) => [time(atMs), String(seq), who, what, why])),
];

function playbook({ playbook: steps, rollback }: Report): Block[] {
  if (rollback === null) return [];
  const called = steps.filter(({ record }) => record.drill !== true);
  return [
    heading("Playbook"),
    ...(called.length === 0 ? [paragraph("No step was called, or none has an outcome yet.")] : stepsTable(called)),
  ];
}

const stepsTable = (steps: Report["playbook"]): Block[] =>
  steps.length === 0 ? [] : [table(["step", "outcome", "ended (UTC)", "took", "record"], steps.map(({ atMs, seq, record }) => [`${record.index + 1}. ${record.step}`, outcomeWords(record), time(atMs), span(record.tookMs), String(seq)]))];

function recovery(rollback: Rollback | null): Block[] {
  if (rollback === null) return [];
  const { stoppedAfterMs, recovery: end } = rollback;
  const stopped = stoppedAfterMs === null ? "It is not recorded that the candidate's traffic stopped." : `Nothing reached the candidate any more ${span(stoppedAfterMs)} after the decision, half a second of silence included.`;
  if (end === null) return [heading("Recovery"), paragraph(`${stopped} The baseline is not verified yet.`)];
  const verdict = end.verified ? `The baseline was back inside its earlier limits ${span(end.afterMs)} after the decision.` : `The baseline was not back inside its earlier limits ${span(end.afterMs)} after the decision: that was escalated.`;
  const rows = ([["before the candidate had users", end.before], ["since the verification began", end.since]] as const).flatMap(([name, window]) => (window === null ? [] : [[name, window] as const]));
  return [heading("Recovery"), paragraph(`${stopped} ${verdict}`), ...(rows.length === 0 ? [] : [windows("the baseline", rows)])];
}

function budget({ budget: { badResponses, cap, alpha } }: Report): Block[] {
  const spent = cap === null ? `${badResponses} bad candidate answers; the rollout had no exposure budget.` : `${badResponses} of ${cap} bad candidate answers (${share(badResponses / cap)} of the exposure budget).`;
  return [heading("Budget"), paragraph(`${spent}${alpha === null ? "" : ` The promised probability of a false rollback within 24 hours is ${share(alpha)}.`}`)];
}

const count = (value: number | null): string => (value === null ? "unknown" : String(value));
const time = (ms: number): string => new Date(ms).toISOString().replace("T", " ").replace("Z", "");

function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${Number((ms / 1000).toFixed(1))} s` : formatDuration(Math.round(ms / 60_000) * 60_000);
}
