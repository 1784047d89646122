/** A bucket is an integer 0 ... 99,999, so one bucket is 0.001% of the users: the grain of a weight. */
export const bucketCount = 100_000;

/** Buckets from (inclusive) ... to (exclusive) belong to `variants[variant]`; `order` rises with each grant. */
export interface BucketRange {
  readonly from: number;
  readonly to: number;
  /** Index into the route's variants; 0 is the baseline. */
  readonly variant: number;
  /** When this range was given, as a rank among the allocation's grants: the highest is given back first. */
  readonly order: number;
}
