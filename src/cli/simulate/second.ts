/** What a dispatch second holds of both variants: traffic.ts fills it, a judge reads it. */

/** One failed request of a known client or endpoint. */
export interface Failure {
  readonly client: number;
  readonly endpoint: number;
}

/** One variant's requests of one second. */
export interface VariantSecond {
  n: number;
  /** Failures of requests that have nothing in common. */
  plain: number;
  /** Failures that share a client or an endpoint; n counts them as well. */
  readonly shared: Failure[];
  /** First-byte times in milliseconds, in no order; `n` of them where the plan has latencies. */
  latencyMs: Float64Array;
  /** The client of each of them, as far as shards and endpoints go: 16 bits. */
  clients: Uint16Array;
  /** Goals that were reached in it. */
  goals: number;
  /** Buckets of the numbers that its answers sent. */
  readonly numbers: number[];
}

/** The endpoint that has a request, of so many. */
export const endpointOf = (client: number, endpoints: number): number => ((client >>> 7) * endpoints) >>> 9;


export interface BothSecond {
  readonly candidate: VariantSecond;
  readonly baseline: VariantSecond;
}

const newSecond = (): VariantSecond => ({ n: 0, plain: 0, shared: [], latencyMs: new Float64Array(256), clients: new Uint16Array(256), goals: 0, numbers: [] });
export const newBoth = (): BothSecond => ({ candidate: newSecond(), baseline: newSecond() });
export type Side = keyof BothSecond;
