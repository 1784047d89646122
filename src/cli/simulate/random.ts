/**
 * Seeded randomness for billions of draws, and counts drawn exactly: a run of a million requests costs milliseconds
 * because a second's errors are one binomial draw, not five hundred coin flips.
 */
import type { Random } from "../../core/random.ts";
import { murmur3 } from "../../core/murmur3.ts";

/**
 * xoshiro128** (Blackman, Vigna 2018): period 2^128 - 1. The project's SplitMix32 walks one circle of 2^32 numbers,
 * which a full simulation would go round many times. @param seed any text: equal texts give equal streams
 * @returns uniform in (0, 1), 32 bits of it; never 0, so a logarithm is always finite
 */
export function streamOf(seed: string): Random {
  let a = murmur3(`${seed}/a`) | 0;
  let b = murmur3(`${seed}/b`) | 0;
  let c = murmur3(`${seed}/c`) | 0;
  let d = murmur3(`${seed}/d`) | 1;
  return () => {
    const r = Math.imul(b, 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return ((result >>> 0) + 0.5) / 4294967296;
  };
}

export function exponential(mean: number, random: Random): number {
  return -mean * Math.log(random());
}

/** The number of tries up to and with the first success: 1, 2, 3, ... with this mean, at least 1. */
export function geometric(mean: number, random: Random): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log(random()) / Math.log1p(-1 / mean));
}

/** A Poisson count: multiplication (Knuth) below a mean of 10, transformed rejection PTRS (Hormann 1993) above. Both are exact. */
export function poisson(mean: number, random: Random): number {
  if (mean <= 0) return 0;
  if (mean < 10) {
    const limit = Math.exp(-mean);
    let k = 0;
    for (let p = random(); p > limit; p *= random()) k++;
    return k;
  }
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const acceptance = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= acceptance) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const scale = 1.1239 + 1.1328 / (b - 3.4);
    if (Math.log((v * scale) / (a / (us * us) + b)) <= k * Math.log(mean) - mean - logFactorial(k)) return k;
  }
}

/** A binomial count: inversion below a mean of 10, transformed rejection BTRS (Hormann 1993) above. Both are exact. */
export function binomial(n: number, p: number, random: Random): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  return n * p < 10 ? inverted(n, p, random) : rejected(n, p, random);
}

function inverted(n: number, p: number, random: Random): number {
  const odds = p / (1 - p);
  let share = Math.exp(n * Math.log1p(-p));
  let u = random();
  let k = 0;
  while (u > share && k < n) {
    u -= share;
    k++;
    share *= ((n + 1) / k - 1) * odds;
  }
  return k;
}

function rejected(n: number, p: number, random: Random): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const center = n * p + 0.5;
  const acceptance = 0.92 - 4.2 / b;
  const odds = p / (1 - p);
  const mode = Math.floor((n + 1) * p);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + center);
    if (us >= 0.07 && v <= acceptance) return k;
    if (k < 0 || k > n) continue;
    const scaled = Math.log((v * (2.83 + 5.1 / b) * deviation) / (a / (us * us) + b));
    const ratio = logFactorial(mode) + logFactorial(n - mode) - logFactorial(k) - logFactorial(n - k) + (k - mode) * Math.log(odds);
    if (scaled <= ratio) return k;
  }
}

const halfLogTwoPi = Math.log(2 * Math.PI) / 2;
const tableSize = 256;
const table = new Float64Array(tableSize);
for (let k = 2; k < tableSize; k++) table[k] = table[k - 1]! + Math.log(k);

/** ln k!; Stirling's series from 256 on, where its error is below 1e-14. */
export function logFactorial(k: number): number {
  if (k < tableSize) return table[k]!;
  const x = k + 1;
  return (x - 0.5) * Math.log(x) - x + halfLogTwoPi + 1 / (12 * x) - 1 / (360 * x * x * x);
}
