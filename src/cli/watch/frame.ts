/** One picture of a sidecar's rollouts, as lines: from its status and what was seen before. It knows no terminal and no clock. */
import type { Status, VariantStatus } from "../../admin/status.ts";
import type { Verdict } from "../../core/reasons.ts";
import { limitValues, limitWords, odds, percent } from "../../rollout/explain.ts";
import type { RolloutStatus } from "../../rollout/status.ts";
import { type History, samplesOf } from "./history.ts";
import { nextStep, span } from "./next-step.ts";
import { type Colour, type Line, printable } from "./spans.ts";
import { highest, sparkline } from "./sparkline.ts";

export interface View {
  /** Where it comes from. */
  readonly url: string;
  /** The last one; null: there was none yet. */
  readonly status: Status | null;
  /** Why there is no newer one, and since when (wall time); null: it is new. */
  readonly fault: { readonly why: string; readonly sinceMs: number } | null;
  readonly history: History;
  /** Only this rollout; null: all. */
  readonly only: string | null;
  /** The signs of curves, from low to high. */
  readonly signs: string;
}

export interface Size {
  readonly columns: number;
  /** Infinity: nothing is left out. */
  readonly rows: number;
}

/** How much is said of a rollout: 0 is one line. */
type Detail = 0 | 1 | 2 | 3;
const decisionsByDetail = [0, 1, 3, 8] as const;
const nameWidth = 12;

export function frame(view: View, size: Size): Line[] {
  const head = [...header(view), []];
  const { status } = view;
  if (status === null) return head.slice(0, size.rows);
  const rollouts = status.rollouts.filter(({ name }) => view.only === null || name === view.only);
  if (rollouts.length === 0) return [...head, [view.only === null ? "the configuration has no rollout" : (["warning", `there is no rollout '${view.only}' any more`] as const)]].slice(0, size.rows);
  const nowMs = Date.parse(status.time);
  const body = (detail: Detail): Line[] => rollouts.flatMap((rollout, i) => [...(i > 0 && detail > 0 ? [[]] : []), ...block(view, status, rollout, detail, size.columns, nowMs)]);
  const room = size.rows - head.length;
  const fitting = ([3, 2, 1] as const).map(body).find((lines) => lines.length <= room) ?? body(0);
  if (fitting.length <= room) return [...head, ...fitting];
  const kept = Math.max(0, room - 1);
  return [...head, ...fitting.slice(0, kept), [["grey", `and ${fitting.length - kept} more: ebbgate watch NAME shows one alone`] as const]].slice(0, size.rows);
}

function header({ url, status, fault }: View): Line[] {
  const alert: Line[] = fault === null ? [] : [[["bad", `since ${timeOf(fault.sinceMs)} ${fault.why}`]]];
  if (status === null) return [[["bold", "ebbgate"], `  ${url}`], ...alert];
  const { version, instance, region, ready, notReady, revision, time, fleet } = status;
  const state = ready ? (["good", "ready"] as const) : (["bad", `not ready: ${notReady.join("; ")}`] as const);
  const lines: Line[] = [[["bold", "ebbgate"], ` ${version}  ${instance}${region === null ? "" : ` in ${region}`}  revision ${revision}  `, state, ["grey", `  ${timeOf(Date.parse(time))}  ${url}`]]];
  if (fleet !== null) {
    const leads = fleet.leader === null ? (["bad", "no leader is heard"] as const) : `${fleet.leader} leads ${fleet.size} ${fleet.size === 1 ? "sidecar" : "sidecars"}`;
    lines.push(["fleet: ", leads, ...(fleet.stragglers.length === 0 ? [] : [["warning", `  behind: ${fleet.stragglers.join(", ")}`] as const])]);
  }
  if (!status.configuration.lastLoadOk && status.configuration.lastRefusal !== null) lines.push([["bad", `the last document was refused: ${status.configuration.lastRefusal.detail.split("\n")[0]!}`]]);
  return [...lines, ...alert];
}

function block(view: View, status: Status, rollout: RolloutStatus, detail: Detail, columns: number, nowMs: number): Line[] {
  const title = titleOf(rollout, nowMs);
  if (detail === 0) return [title];
  const variants = status.routes.find(({ name }) => name === rollout.route)?.variants ?? [];
  const [baseline, candidate] = [rollout.baseline, rollout.candidate].map((name) => variants.find((one) => one.name === name));
  const decisions = rollout.decisions.slice(-decisionsByDetail[detail]).toReversed();
  return [
    title,
    steps(rollout),
    [["grey", `  ${"".padEnd(nameWidth)}  weight     req/s   errors        p50        p99  in flight`]],
    ...(baseline === undefined ? [] : [row(baseline)]),
    ...(candidate === undefined ? [] : [row(candidate)]),
    ...(detail >= 2 && baseline !== undefined && candidate !== undefined ? curves(view, rollout.route, [baseline.name, candidate.name], columns) : []),
    ...(detail >= 2 ? rollout.limits.map((limit): Line => [
      `  ${limitWords(limit).padEnd(nameWidth + 2)}  `, [verdictColours[limit.verdict], limit.verdict.padEnd(12)], ` ${limitValues(limit)}`, ["grey", `  evidence ${odds(limit.groupWealth)} of ${odds(limit.threshold)}, ${limit.action}`],
    ]) : []),
    ...(detail >= 2 ? [risks(rollout)] : []),
    [["bold", "  next"], `  ${nextStep(rollout, nowMs)}`],
    ...decisions.map(({ atMs, reason, sentence, weight, fromWeight }, i): Line => [["grey", `  ${i === 0 ? "last" : "    "}  ${timeOf(atMs)}  `], [weight < fromWeight ? "bad" : "warning", reason], `: ${sentence}`]),
  ];
}

const verdictColours: Readonly<Record<Verdict, Colour>> = { healthy: "good", breached: "bad", inconclusive: "grey" };

export function titleOf({ name, candidate, revision, baseline, phase, waiting, sinceMs, weight, escalated, persisted, drill }: RolloutStatus, nowMs: number): Line {
  const bad = phase === "rollingBack" || phase === "verifying" || phase === "rolledBack";
  const colour: Colour = bad ? "bad" : phase === "succeeded" ? "good" : phase === "waiting" || phase === "paused" ? "warning" : "bold";
  return [
    ["bold", name], `  ${candidate}${revision === candidate ? "" : ` ${revision}`} at ${percent(weight)} beside ${baseline}  `, [colour, `${phase}${waiting === null ? "" : ` (${waiting})`}`],
    ["grey", ` for ${span(nowMs - sinceMs)}`], ...(drill?.outcome === "underWay" ? [["warning", "  drill"] as const] : []), ...(escalated ? [["bad", "  escalated"] as const] : []), ...(persisted ? [] : [["warning", "  not stored yet"] as const]),
  ];
}

function steps({ steps: weights, step }: RolloutStatus): Line {
  return ["  ", ...weights.flatMap((weight, i) => [...(i > 0 ? [["grey", " > "] as const] : []), i === step ? (["bold", `[${percent(weight)}]`] as const) : (["grey", percent(weight)] as const)])];
}

function row({ name, weight, inFlight, recent }: VariantStatus): Line {
  const failing = (recent.errorRate ?? 0) > 0.01;
  return [
    `  ${printable(name).slice(0, nameWidth).padEnd(nameWidth)}${percent(weight).padStart(8)}${recent.requestsPerSecond.toFixed(1).padStart(10)}`,
    failing ? ["bad", rate(recent.errorRate).padStart(9)] : rate(recent.errorRate).padStart(9),
    `${millis(recent.p50Ms).padStart(11)}${millis(recent.p99Ms).padStart(11)}${String(inFlight).padStart(11)}`,
  ];
}

/** Errors and p99 of both on one scale, to be compared; the rates each on its own. */
function curves({ history, signs }: View, route: string, names: readonly [string, string], columns: number): Line[] {
  const [a, b] = names.map((name) => samplesOf(history, route, name)) as [ReturnType<typeof samplesOf>, ReturnType<typeof samplesOf>];
  if (a.rate.length < 2) return [];
  const labels = names.map((name) => printable(name).slice(0, nameWidth));
  const width = Math.min(60, Math.floor((columns - 14 - labels.join("").length) / 2));
  if (width < 8) return [];
  const line = (title: string, first: readonly (number | null)[], second: readonly (number | null)[], mostOf: (row: readonly (number | null)[]) => number): Line => [
    ["grey", `  ${title.padEnd(6)}  ${labels[0]!} `], sparkline(first, width, mostOf(first), signs), ["grey", `  ${labels[1]!} `], sparkline(second, width, mostOf(second), signs),
  ];
  // Less than a percent of errors is not to look like a wall.
  const [errorsMost, slowest] = [Math.max(0.01, highest(a.errors, b.errors)), highest(a.p99Ms, b.p99Ms)];
  return [line("req/s", a.rate, b.rate, highest), line("errors", a.errors, b.errors, () => errorsMost), line("p99", a.p99Ms, b.p99Ms, () => slowest)];
}

function risks({ breaker, badResponses, exposureBudget, rollbacks = 0 }: RolloutStatus): Line {
  const tripped = breaker.tripped ? (["bad", "tripped"] as const) : "armed";
  const budget = exposureBudget === null ? `${badResponses} bad responses` : `${badResponses} of ${exposureBudget} bad responses spent`;
  return [`  ${"breaker".padEnd(nameWidth + 2)}  `, tripped, ["grey", `, evidence ${odds(breaker.wealth)} of ${odds(breaker.threshold)}`], `; ${budget}${rollbacks > 0 ? `; ${rollbacks} ${rollbacks === 1 ? "rollback" : "rollbacks"} since the last success` : ""}`];
}

export const rate = (share: number | null): string => (share === null ? "-" : share === 0 ? "0%" : `${(share * 100).toFixed(share < 0.001 ? 2 : 1)}%`);
export const millis = (ms: number | null): string => (ms === null ? "-" : `${ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`);
/** UTC: what the audit log says, too. */
export const timeOf = (wallMs: number): string => `${new Date(wallMs).toISOString().slice(11, 19)}Z`;
