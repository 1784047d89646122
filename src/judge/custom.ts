/**
 * A custom metric: a number that the service sends in a response header, sorted into ordered classes like a latency
 * (JUDGE 2). The classes come from earlier baseline traffic (`latencyModel` in edges.ts takes any histogram), the margin is
 * in the candidate's edges, and where lower is worse, the arms are swapped: the candidate's numbers are then classified by
 * `baselineTable`, and the baseline's by `candidateTable`. Requests without the number weigh 1: they say
 * nothing.
 */
import { emptyLatency, type LatencyCounts } from "./counts.ts";
import { addLocationLlr, type LatencyWeights } from "./latency.ts";

/** Which way a number gets worse. */
export type WorseWhen = "higher" | "lower";

/** Class counts of one stratum, from good to bad for `higher`, from bad to good for `lower`. */
export interface CustomCounts {
  readonly nC: number;
  readonly nB: number;
  readonly classesC: ArrayLike<number>;
  readonly classesB: ArrayLike<number>;
}

/**
 * @param weights of the classes' generation, `latencyWeights(model, 1)`; with direction -1 it is evidence for advance (JUDGE 6)
 * @param out `locationEtas.length` values in nats, added to
 */
export function addCustomLlr(counts: CustomCounts, worseWhen: WorseWhen, weights: LatencyWeights, out: Float64Array): void {
  addLocationLlr(worseWhen === "higher" ? asLatency(counts) : swapped(counts), weights, out);
}

function asLatency({ nC, nB, classesC, classesB }: CustomCounts): LatencyCounts {
  return { ...emptyLatency(weightless), nC, nB, locationC: Float64Array.from(classesC), locationB: Float64Array.from(classesB) };
}

const swapped = ({ nC, nB, classesC, classesB }: CustomCounts): LatencyCounts => asLatency({ nC: nB, nB: nC, classesC: classesB, classesB: classesC });

/** The caller has looked up the weights by generation. */
const weightless = 0;
