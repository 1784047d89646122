/** The plots of a report: what the candidate had, how both versions fared, and what spoke against it, over time. Pure. */
import { type Block, plot } from "./blocks.ts";
import type { Report, Sample } from "./report.ts";
import { document, dot, faint, gridLine, ink, label, line, palette, scale } from "./svg.ts";

const width = 860;
const height = 230;
const left = 70;
const right = 24;
const top = 56;
const bottom = height - 34;
/** Evidence over its threshold: less than the first is nothing. */
const evidenceLeast = 0.001;
const evidenceMost = 100;

export function plotsOf({ course, fromMs, untilMs, rollback, candidate, baseline }: Report): Block[] {
  if (course.length === 0) return [];
  const endMs = Math.max(untilMs, fromMs + 1_000);
  const frame = (title: string, parts: readonly string[]): Block => {
    const x = scale(fromMs, endMs, left, width - right);
    const mark = rollback === null ? [] : [line(x(rollback.atMs), top - 8, x(rollback.atMs), bottom, palette[1], 1.5, "5 3"), label(x(rollback.atMs) + 4, top - 12, "rolled back", "start", palette[1], 11)];
    const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [label(left + part * (width - right - left), bottom + 18, seconds((endMs - fromMs) * part), part === 0 ? "start" : part === 1 ? "end" : "middle", faint, 11)]);
    return plot(title, document(width, height, title, [label(12, 22, title, "start", ink, 15), ...parts, ...mark, ...ticks, line(left, bottom, width - right, bottom, faint)]));
  };
  const x = scale(fromMs, endMs, left, width - right);
  return [
    frame(`Weight of ${candidate}, in percent`, [...rules([0, 25, 50, 75, 100], scale(0, 100, bottom, top), (tick) => `${tick}%`), ...steps(course, endMs, x, scale(0, 100, bottom, top))]),
    frame(`Share of failed requests: ${candidate} beside ${baseline}`, errors(course, x, [candidate, baseline])),
    frame("Evidence against the candidate, over what convicts", evidence(course, x)),
  ];
}

const rules = (ticks: readonly number[], y: (value: number) => number, words: (tick: number) => string): string[] =>
  ticks.flatMap((tick) => [gridLine(left, y(tick), width - right, y(tick)), label(left - 8, y(tick) + 4, words(tick), "end", faint, 11)]);

function steps(course: readonly Sample[], endMs: number, x: (ms: number) => number, y: (value: number) => number): string[] {
  let before = 0;
  return course.flatMap(({ atMs, weight }, index) => {
    const parts = [line(x(atMs), y(before), x(atMs), y(weight), palette[0], 2), line(x(atMs), y(weight), x(course[index + 1]?.atMs ?? endMs), y(weight), palette[0], 2), dot(x(atMs), y(weight), 3, palette[0])];
    before = weight;
    return parts;
  });
}

function errors(course: readonly Sample[], x: (ms: number) => number, names: readonly [string, string]): string[] {
  const known = course.flatMap(({ candidateErrors, baselineErrors }) => [candidateErrors ?? 0, baselineErrors ?? 0]);
  const most = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1].find((one) => one >= Math.max(...known)) ?? 1;
  const y = scale(0, most, bottom, top);
  const series = [course.map(({ atMs, candidateErrors }) => [atMs, candidateErrors] as const), course.map(({ atMs, baselineErrors }) => [atMs, baselineErrors] as const)];
  return [
    ...rules([0, most / 2, most], y, (tick) => `${Number((tick * 100).toPrecision(3))}%`),
    ...series.flatMap((points, index) => [...path(points, x, y, palette[index === 0 ? 1 : 0]), label(width - right - 4, 22 + index * 15, names[index]!, "end", palette[index === 0 ? 1 : 0], 12)]),
  ];
}

function evidence(course: readonly Sample[], x: (ms: number) => number): string[] {
  const y = scale(evidenceLeast, evidenceMost, bottom, top, true);
  const clamp = (value: number): number => Math.max(evidenceLeast, value);
  const limits = course.map((one) => [one.atMs, clamp(one.evidence)] as const);
  const breaker = course.map((one) => [one.atMs, clamp(one.breaker)] as const);
  return [
    ...rules([0.001, 0.01, 0.1, 1, 10, 100], y, String), line(left, y(1), width - right, y(1), palette[1], 1.5),
    ...path(limits, x, y, palette[0]), ...path(breaker, x, y, palette[3]),
    label(width - right - 4, 22, "limits", "end", palette[0], 12), label(width - right - 4, 37, "breaker", "end", palette[3], 12),
  ];
}

/** Dots where something is known, joined where the next one is known too. */
function path(points: readonly (readonly [number, number | null])[], x: (ms: number) => number, y: (value: number) => number, colour: string): string[] {
  return points.flatMap(([atMs, value], index) => {
    if (value === null) return [];
    const [nextMs, next] = points[index + 1] ?? [0, null];
    return [...(next === null ? [] : [line(x(atMs), y(value), x(nextMs), y(next), colour, 1.5)]), dot(x(atMs), y(value), 3.5, colour)];
  });
}

function seconds(ms: number): string {
  if (ms < 120_000) return `+${Number((ms / 1000).toFixed(1))} s`;
  return ms < 7_200_000 ? `+${Math.round(ms / 60_000)} min` : `+${Number((ms / 3_600_000).toFixed(1))} h`;
}
