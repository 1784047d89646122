/**
 * The slab: what proxy threads observed, in shared memory. A page is one SharedArrayBuffer of `slotsPerPage` slots for
 * each thread; a thread writes its own part only, the control thread reads all parts. All cells are aligned 32-bit
 * integers (two 64-bit floats at the head of a slot), so a read is never torn, and no lock or message is needed.
 * Counters wrap at 2^32; a reader takes differences modulo 2^32 (see reader.ts).
 *
 * A slot is 24 KiB: exactly six memory pages. Strata and blocks are the last four, so an unjudged series never makes
 * them resident.
 */
import type { RoutingReason } from "../core/reasons.ts";
import { upstreamErrorCodes, errorCodes, errorTable, type ErrorCode } from "../core/errors.ts";

export const slotsPerPage = 64;
/** Length of a slot in 32-bit words. */
export const slotWords = 6144;
export const slotBytes = slotWords * 4;

/** Log-linear histogram of microseconds: see histogram.ts. */
export const histogramBuckets = 768;

/** Of a custom limit's numbers: what lies between the latency histograms and the strata. */
export const numberBuckets = 384;

/** Word offsets within a slot. */
export const offsets = {
  /** Two float64 (words 0-3): sum of first-byte and of total latency in microseconds. */
  sums: 0,
  counters: 4,
  errors: 68,
  firstByte: 128,
  total: 128 + histogramBuckets,
  /** The histogram of a custom limit's numbers, of judged requests (numbers.ts). */
  numbers: 128 + 2 * histogramBuckets,
  strata: 2048,
  blocks: 5184,
} as const;
/** The counters and the latency histograms end here. */
export const cumulativeWords = offsets.total + histogramBuckets;

/** Counter cells of a series slot, relative to `offsets.counters`. */
export const counters = {
  /** Dispatched by the split: one for each request, whatever happens to it later. */
  requests: 0,
  /** Responses by status class: responses + 1 ... responses + 5. */
  responses: 0,
  responses1xx: 1,
  responses2xx: 2,
  responses3xx: 3,
  responses4xx: 4,
  responses5xx: 5,
  /** Requests of this variant that the baseline answered after this variant failed them. */
  fallbacks: 6,
  /** Requests sent again on a fresh connection after a reused one had closed. */
  retries: 7,
  /** A gauge: exchanges under way. */
  inFlight: 8,
  requestBodyBytes: 9,
  responseBodyBytes: 10,
  /** Clients that went away before the response's end. */
  clientClosed: 11,
  /** Outcomes for the breaker (JUDGE 5): settled well and in time / failed or later than the late edge. */
  breakerOk: 12,
  breakerBad: 13,
  /** Upgraded connections under way: a gauge. */
  tunnels: 14,
  /** First-byte outcomes that are known (response head, failure, or client gone). */
  settled: 15,
  /** Outcomes that failed. */
  failed: 16,
  /** Answers delivered from this variant to requests that another variant failed (only the baseline has them). */
  fallbackAnswers: 17,
  /** Errors of judged requests, once a client and not beyond one endpoint's share: what a partial failure is told by. */
  failedSpread: 18,
  /** Cohorts seen for the first time since the weights last changed. */
  cohorts: 19,
  /** Conversions by goal: goals + 0 ... goals + 3. */
  goals: 20,
  /** Requests that a rule of the variant's gate decided about, or that found it closed: gated + the index in `gatedReasons`. */
  gated: 24,
} as const;

/** Routing reasons that a gate gives. */
export const gatedReasons = ["allowed", "targeted", "denied", "killed"] as const satisfies readonly RoutingReason[];

/** Counter cells of slot 0, which belongs to the thread itself, relative to `offsets.counters`. */
export const threadCounters = {
  connectionsAccepted: 0,
  /** A gauge. */
  connectionsActive: 1,
  /** Closed at once because `connectionsMax` was reached. */
  connectionsRefused: 2,
  upstreamConnectionsOpened: 3,
  /** A gauge. */
  upstreamConnectionsActive: 4,
  accessLogDropped: 5,
  /** Requests that were to be mirrored and were not, because too many copies waited. */
  mirrorsDropped: 6,
  /** Spans that were to be told of and were not, because the control thread was behind. */
  spansDropped: 7,
} as const;

/** A series slot counts upstream errors by reason, slot 0 counts the others: both from `offsets.errors`. */
export const refusalCodes = errorCodes.filter((code) => errorTable[code].source !== "upstream");
const errorOffset = new Map<ErrorCode, number>();
for (const list of [upstreamErrorCodes, refusalCodes]) list.forEach((code, i) => errorOffset.set(code, offsets.errors + i));

/** Word offset of a code's counter within its slot. */
export const errorWord = (code: ErrorCode): number => errorOffset.get(code)!;

/** Strata by dispatch second (JUDGE 10): a ring of rows, written only for judged series. */
export const strataRows = 64;
export const strataRowWords = 49;
export const rowCells = {
  /** The dispatch second (`floor(monotonicMs / 1000)`); a row is valid only while this equals the second asked for. */
  second: 0,
  n: 1,
  /** Deduplicated: at most one for each known client in 10 s (JUDGE 4.2, error-filter.ts). */
  errors: 2,
  /** Outcomes known; the row is final once this equals n. */
  settled: 3,
  /** 128-bit set of the cohort shards (hash mod 128) that had an error, or were later than the late edge. */
  errorShards: 4,
  /** The generation of latency edges that this row is counted against; 0: none yet, nothing is classified. */
  generation: 8,
  /** Sixteen classes of first-byte latency, from fast to slow. */
  location: 9,
  /** Exceedances of p95, p99, 2*p99 and 1.5*p99. */
  tails: 25,
  /** 128-bit set of the cohort shards that were dispatched: how many clients there are to tell apart. */
  shards: 29,
  /** Every error. */
  errorsRaw: 33,
  /** Deduplicated, and without what a single endpoint had in excess of the others (error-filter.ts). */
  errorsSpread: 34,
  /** Cohorts that were seen for the first time since the weights last changed (cohort-set.ts). */
  cohorts: 35,
  /** Conversions by goal, in the second of the request that reached it. */
  goals: 36,
  /** Eight classes of a custom limit's numbers, from good to bad, and the generation of edges that they were counted against; 0: none yet. */
  numbers: 40,
  numberGeneration: 48,
} as const;
/** Goals of one route. */
export const goalsMax = 4;
export const numberClasses = 8;
export const locationClasses = 16;
export const tailEdges = 4;

/** Blocks of 10 s by dispatch, for the overdispersion phi (JUDGE 4.3): a ring, written only for judged series. */
export const blockSeconds = 10;
export const blockRing = 3;
export const blockWords = 320;
/** Cohort shards whose errors are counted apart. */
export const errorShards = 128;
/** Cohort shards whose latency is counted apart: classes are frequent, so fewer do. */
export const latencyShards = 32;
/** Endpoints that are told apart; more of them share a cell. */
export const endpointShards = 16;
export const blockCells = {
  /** `floor(second / 10)`; a block is valid only while this equals the one asked for. */
  block: 0,
  /** The sum of the squares of all classes. */
  classSquares: 1,
  /** Deduplicated and spread errors by cohort shard. */
  errors: 8,
  /** Outcomes with a location class by cohort shard modulo 32, and the sum of their classes (0 ... 15). */
  classed: 8 + errorShards,
  classSum: 8 + errorShards + latencyShards,
  /** By endpoint: deduplicated and spread errors, outcomes with a class, and the sum of their classes. */
  endpointErrors: 8 + errorShards + 2 * latencyShards,
  endpointClassed: 8 + errorShards + 2 * latencyShards + endpointShards,
  endpointClassSum: 8 + errorShards + 2 * latencyShards + 2 * endpointShards,
  /** Exceedances of p99 by endpoint, and by cohort shard modulo 32. */
  endpointSlow: 8 + errorShards + 2 * latencyShards + 3 * endpointShards,
  slow: 8 + errorShards + 2 * latencyShards + 4 * endpointShards,
} as const;

/** Byte size of a page for so many threads. */
export const pageBytes = (threads: number): number => threads * slotsPerPage * slotBytes;

/** Word offset of a slot within its page. */
export function slotOffset(slot: number, thread: number): number {
  return (thread * slotsPerPage + (slot % slotsPerPage)) * slotWords;
}
