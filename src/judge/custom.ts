/**
 * A custom metric: a number that the service sends in a response header, sorted into eight ordered classes like a latency
 * (JUDGE 2). The classes come from earlier baseline traffic, and the margin is in the candidate's edges. Where lower is
 * worse, the histogram is one of reciprocals (observe/numbers.ts), so class 0 is always the best.
 *
 * A stratum's n are the answers that had a number, not its requests: a version that sends it less often is compared by what it sent. What
 * is still in flight may have none, so such a stratum says nothing until it is taken in.
 */
import type { LatencyCounts } from "./counts.ts";
import { latencyModel, type EdgeHistogram, type LatencyModel } from "./edges.ts";
import { addLocationLlr, type LatencyWeights } from "./latency.ts";

export const customClassCount = 8;

const none = { margin: 0, floorMs: 0 };

/** @param histogram not empty; `lowerMicros` in any unit. @param margin a share: 0.1 lets the candidate be a tenth worse */
export const customModel = (generation: number, histogram: EdgeHistogram, margin: number): LatencyModel =>
  latencyModel(generation, histogram, { location: { margin, floorMs: 0 }, p95: none, p99: none, "2xp99": none }, customClassCount);

/**
 * @param counts whose n is the number of classed answers
 * @param weights of the classes' generation, `latencyWeights(model, 1)`; with direction -1 it is evidence for advance (JUDGE 6)
 * @param out `locationEtas.length` values in nats, added to
 */
export const addCustomLlr = (counts: LatencyCounts, weights: LatencyWeights, out: Float64Array): void => addLocationLlr(counts, weights, out);
