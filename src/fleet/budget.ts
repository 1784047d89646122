/**
 * How a fleet spends alpha. The summed evidence and each sidecar's own are different bets on the same candidate, and any of them may
 * convict: an average of e-values is one, so each gets a part of the whole, and the promise holds for the fleet (JUDGE 3). For a
 * sidecar among twenty that costs ln(100) = 4.6 nats, which is three seconds of a regression that only it can see; for the sum it
 * costs 0.2. The breaker is not divided: it trips on outages, and what it does is reversible.
 */
export const fleetShare = 0.8;

/** @param size sidecars in the fleet. Rounded up to a power of two, so that one that comes or goes mostly changes nothing */
export function ownShare(size: number): number {
  return (1 - fleetShare) / 2 ** Math.ceil(Math.log2(Math.max(1, size)));
}
