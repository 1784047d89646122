/** A source of uniform numbers in [0, 1). Injected, so that tests and the simulator are repeatable. */
export type Random = () => number;

/** The process's own source, for everything that needs no seed. Not for secrets. */
export const systemRandom: Random = Math.random;

/**
 * A seeded source: SplitMix32 (a 32-bit variant of Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014). Good enough for tests and simulations; never for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}
