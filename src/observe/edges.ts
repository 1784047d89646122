/** What the control thread sends to the recorders: class edges, by bucket of a histogram. */

/**
 * Latency edges as the control thread sends them: for each histogram bucket one byte, the location class in the low
 * four bits and the exceeded tails in bits 4 ... 7 (p95, p99, 2*p99, 1.5*p99).
 */
export interface LatencyEdges {
  /** 1, 2, 3, ...; rows remember theirs. 0 sets the late edge alone: nothing is classified. */
  readonly generation: number;
  readonly classOfBucket: Uint8Array;
  /** An exchange without a first byte at this age counts as bad for the breaker; 0: never. */
  readonly lateMs: number;
  /** Of a custom limit's numbers; absent: none, or they stay as they are. */
  readonly numbers?: NumberEdges;
}

/** For each bucket of numbers.ts one byte, the class 0 ... 7. */
export interface NumberEdges {
  readonly generation: number;
  readonly classOfBucket: Uint8Array;
}
