/**
 * The test of mirrored answers. Each copy differs from the user's answer or does not; the limit says which share may. Both ways are betting
 * on a bound (Wald 1945; the sum of fixed bets is an e-process, Ville 1939): H0 "at most the bound differ" speaks for a breach, H0 "at least
 * the bound differ" for giving the candidate users. Copies of one sidecar are taken as independent of each other.
 */
import { absoluteAlternatives, absoluteLlr } from "./absolute.ts";
import { mixture } from "./advance.ts";

/** What the share that differs is bet to be, as parts of the bound: 0 wins most where nothing differs, and loses all at the first that does. */
const withinParts = [0, 0.1, 0.3, 0.5] as const;

const against = new Float64Array(absoluteAlternatives);
const within = new Float64Array(withinParts.length);

export interface MirrorWealth {
  /** E against "at most the bound differ". */
  readonly against: number;
  /** E against "at least the bound differ". */
  readonly within: number;
}

/** @param compared copies whose outcome is known, @param differing of them, @param bound a share in (0, 1) */
export function mirrorWealth(compared: number, differing: number, bound: number): MirrorWealth {
  absoluteLlr(compared, differing, bound, against);
  for (let j = 0; j < withinParts.length; j++) {
    const q = bound * withinParts[j]!;
    const same = Math.max(0, compared - differing);
    within[j] = (differing > 0 ? differing * Math.log(withinParts[j]!) : 0) + same * (Math.log1p(-q) - Math.log1p(-bound));
  }
  return { against: mixture(against), within: mixture(within) };
}
