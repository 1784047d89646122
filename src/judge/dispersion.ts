/**
 * How far the baseline's own history is from independent requests (JUDGE 4.3 and 4.5), from blocks of 10 s. What comes of it
 * is captured when a stratum closes, so it is always older than what it is applied to: a predictable factor keeps the promise.
 * phi is empirical, not a guarantee.
 */
import { phiOf, ShadowArms, type Excess } from "./shadow-arms.ts";

/** One block by unit: cohort shards (a power of two of them) and endpoints. The slab's blocks (observe/reader.ts) have this shape. */
export interface BlockCounts {
  readonly errors: ArrayLike<number>;
  readonly classed: ArrayLike<number>;
  readonly classSum: ArrayLike<number>;
  readonly classSquares: number;
  readonly slow: ArrayLike<number>;
  readonly endpointErrors: ArrayLike<number>;
  readonly endpointClassed: ArrayLike<number>;
  readonly endpointClassSum: ArrayLike<number>;
  readonly endpointSlow: ArrayLike<number>;
}

/** What a stratum is judged with. */
export interface Dispersion {
  /** phi of errors, at least 1. */
  readonly errors: number;
  /** phi of the bulk of the latencies. */
  readonly location: number;
  /** phi of the tails. */
  readonly tails: number;
  /** The least rho that sticky assignment allows (JUDGE 4.5); 1: assignment adds nothing. */
  readonly rho: number;
}

/** Requests that know nothing of each other. */
export const independent: Dispersion = { errors: 1, location: 1, tails: 1, rho: 1 };

const units = { errors: 128, latency: 32, endpoints: 16 } as const;
/** Of the history, in blocks of 10 s: an hour. Services change, and so does what they are like. */
const halfLifeBlocks = 360;
const fadePerBlock = 0.5 ** (1 / halfLifeBlocks);
const sigmas = 2.5;

export class DispersionBook {
  private readonly errors = new ShadowArms(units.errors);
  private readonly location = new ShadowArms(units.latency);
  private readonly tails = new ShadowArms(units.latency);
  private readonly endpointErrors = new ShadowArms(units.endpoints);
  private readonly endpointLocation = new ShadowArms(units.endpoints);
  private readonly endpointTails = new ShadowArms(units.endpoints);
  private readonly uneven = new UnevenShards(units.latency);

  /** Takes in one block of the baseline. */
  add(block: BlockCounts): void {
    for (const arms of [this.errors, this.location, this.tails, this.endpointErrors, this.endpointLocation, this.endpointTails]) arms.fade(fadePerBlock);
    this.errors.add(block.errors, null, 1, sum(block.errors));
    this.endpointErrors.add(block.endpointErrors, block.endpointClassed, 1, sum(block.endpointErrors));
    this.uneven.add(block.errors, block.classed);
    const classed = sum(block.classed);
    if (classed < 2) return;
    const mean = sum(block.classSum) / classed;
    const variance = block.classSquares / classed - mean * mean;
    this.location.add(block.classSum, block.classed, variance, classed);
    this.endpointLocation.add(block.endpointClassSum, block.endpointClassed, variance, sum(block.endpointClassed));
    this.tails.add(block.slow, block.classed, 1, sum(block.slow));
    this.endpointTails.add(block.endpointSlow, block.endpointClassed, 1, sum(block.endpointSlow));
  }

  /** @param weight as in `at` */
  found(weight: number): DispersionFound {
    const of = (shards: ShadowArms, endpoints: ShadowArms) => ({ shards: shards.found(weight), endpoints: endpoints.known ? endpoints.found(weight) : null });
    return { errors: of(this.errors, this.endpointErrors), location: of(this.location, this.endpointLocation), tails: of(this.tails, this.endpointTails) };
  }

  /** @param weight the candidate's, as a share in (0, 1) */
  at(weight: number): Dispersion {
    const larger = (shards: ShadowArms, endpoints: ShadowArms): number => Math.max(shards.phi(weight), endpoints.known ? endpoints.phi(weight) : 1);
    return {
      errors: larger(this.errors, this.endpointErrors),
      location: larger(this.location, this.endpointLocation),
      tails: larger(this.tails, this.endpointTails),
      rho: Math.exp(sigmas * Math.sqrt(this.uneven.variance(weight))),
    };
  }
}

/** What the phis come from, by kind, of shards and of endpoints (null: no block could be compared): what a fleet adds up. */
export type DispersionFound = Readonly<Record<"errors" | "location" | "tails", { readonly shards: Excess; readonly endpoints: Excess | null }>>;

const kinds = ["errors", "location", "tails"] as const;

/**
 * The dispersion of each sidecar of a fleet. One by itself sees few errors and would be held to overdisperse for as long as it takes to see
 * more; so what is believed beforehand is what all of them have shown together, and its own history moves it from there.
 */
export function fleetDispersion(all: readonly DispersionFound[]): (own: DispersionFound, alone: Dispersion) => Dispersion {
  const pooled = (kind: (typeof kinds)[number], of: "shards" | "endpoints"): number =>
    phiOf(all.reduce((found, one) => plus(found, one[kind][of]), { excess: 0, events: 0, information: 0 }));
  const priors = kinds.map((kind) => ({ shards: pooled(kind, "shards"), endpoints: pooled(kind, "endpoints") }));
  return (own, alone) => {
    const [errors, location, tails] = kinds.map((kind, i) => {
      const { shards, endpoints } = own[kind];
      return Math.max(phiOf(shards, priors[i]!.shards), endpoints === null ? 1 : phiOf(endpoints, priors[i]!.endpoints));
    }) as [number, number, number];
    return { errors, location, tails, rho: alone.rho };
  };
}

const plus = (a: Excess, b: Excess | null): Excess => (b === null ? a : { excess: a.excess + b.excess, events: a.events + b.events, information: a.information + b.information });

/**
 * How unevenly clients fail for good: the between-shard CV^2 of the error rate in excess of chance. Products of different blocks
 * only (the square of a sum less the sum of squares): a cluster within a block is phi's business and cancels here.
 */
class UnevenShards {
  private readonly deviations: Float64Array;
  private readonly folded: Float64Array;
  private squares = 0;
  private events = 0;

  constructor(shards: number) {
    this.deviations = new Float64Array(shards);
    this.folded = new Float64Array(shards);
  }

  add(errors: ArrayLike<number>, exposure: ArrayLike<number>): void {
    const { deviations, folded } = this;
    const shards = deviations.length;
    folded.fill(0);
    for (let i = 0; i < errors.length; i++) folded[i % shards]! += errors[i]!;
    const all = sum(folded);
    const total = sum(exposure);
    this.squares *= fadePerBlock * fadePerBlock;
    this.events = this.events * fadePerBlock + all;
    for (let s = 0; s < shards; s++) {
      const deviation = folded[s]! - all * (total > 0 ? exposure[s]! / total : 1 / shards);
      deviations[s] = deviations[s]! * fadePerBlock + deviation;
      this.squares += deviation * deviation;
    }
  }

  /** sigma^2 of ln(p_c / p_b): CV^2 (1/(k w) + 1/(k (1-w))) over k shards (JUDGE 4.5). */
  variance(weight: number): number {
    const { deviations, events } = this;
    const shards = deviations.length;
    if (events <= 0) return 0;
    let square = 0;
    for (const d of deviations) square += d * d;
    const mean = events / shards;
    // Less one standard error: without it, every other service of even clients would look uneven for its first minutes.
    const chance = this.squares * (1 + Math.sqrt(2 / (shards - 1)));
    const cv2 = Math.max(0, square - chance) / (shards - 1) / (mean * mean);
    const w = Math.min(1 - 1e-6, Math.max(1e-6, weight));
    return Math.min(varianceMax, cv2 * (1 / (shards * w) + 1 / (shards * (1 - w))));
  }
}

/** Beyond it rho would allow twelve times the errors: then limits on rates say nothing, and the breaker is what is left. */
const varianceMax = 1;

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
