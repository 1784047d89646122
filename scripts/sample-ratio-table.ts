/**
 * How many cohorts or requests the sample ratio takes to hold a rollout, where a share of the candidate's is lost: `node scripts/sample-ratio-table.ts`.
 * The table is in docs/rollouts.md.
 */
import { seededRandom } from "../src/core/random.ts";
import { SampleRatio } from "../src/judge/sample-ratio.ts";

const runs = 60;
const countedMax = 400_000;
const perLook = 50;

/** @returns what was counted of both when it was found; infinite: not within `countedMax` */
function needed(weight: number, lost: number, seed: number): number {
  const random = seededRandom(seed);
  const ratio = new SampleRatio([weight, 1 - weight]);
  for (let counted = 0; counted < countedMax; counted += perLook) {
    let [candidate, baseline] = [0, 0];
    while (candidate + baseline < perLook) {
      if (random() >= weight) baseline++;
      else if (random() >= lost) candidate++;
    }
    ratio.add([candidate, baseline]);
    if (ratio.mismatch) return counted + perLook;
  }
  return Number.POSITIVE_INFINITY;
}

function cell(weight: number, lost: number): string {
  const found = Array.from({ length: runs }, (_, i) => needed(weight, lost, i + 1)).toSorted((a, b) => a - b);
  const show = (n = Number.NaN): string => (Number.isFinite(n) ? n.toLocaleString("en-US") : `over ${countedMax.toLocaleString("en-US")}`);
  return `${show(found.at(runs / 2))} / ${show(found.at(Math.floor(runs * 0.9)))}`;
}

const losses = [0.1, 0.2, 0.3, 0.5, 1] as const;
console.log(`| weight | ${losses.map((lost) => `${lost * 100}% lost`).join(" | ")} |`);
console.log(`|---|${losses.map(() => "---|").join("")}`);
for (const weight of [0.01, 0.05, 0.1, 0.5]) console.log(`| ${weight * 100}% | ${losses.map((lost) => cell(weight, lost)).join(" | ")} |`);
